"""Whether a commit is signed as its project asks, before anything of it is rendered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tiphys.core.source.integrity import problems
from tiphys.core.source.revision import is_commit, resolve
from tiphys.model.errors import RevisionNotFoundError
from tiphys.model.integrity import (
    IntegrityMode,
    IntegrityPolicy,
    SignatureState,
    SignedObject,
    Verified,
)
from tiphys.model.repository import Asked, Repository
from tiphys.services.sources.ports import GitHistory, GitRepositories, Signatures

_TAGS = "refs/tags/"


class SourceIntegrity:
    """`keyring` are the armoured keys that the control plane knows now (argocd-gpg-keys-cm)."""

    def __init__(
        self,
        git: GitRepositories,
        history: GitHistory,
        signatures: Signatures,
        keyring: Callable[[], Sequence[str]],
    ) -> None:
        self._git = git
        self._history = history
        self._signatures = signatures
        self._keyring = keyring

    async def problems(
        self, repository: Repository, asked: Asked, commit: str, policy: IntegrityPolicy
    ) -> tuple[str, ...]:
        """Empty where the commit is signed as the policy wants it. `asked` is the revision as it
        was written, `commit` what it was resolved to. Raises RepositoryError where that cannot be
        told.
        """
        if policy.mode is IntegrityMode.NONE:
            return ()
        found = await self.verified(repository, asked, commit, policy.mode)
        return problems(found, policy)

    async def verified(
        self, repository: Repository, asked: Asked, commit: str, mode: IntegrityMode
    ) -> Sequence[Verified]:
        """The signatures that count for a commit, the nearest first."""
        tag = await self._tag(repository, asked, commit)
        if mode is not IntegrityMode.STRICT:
            return await self._checked(await self._history.signed(repository, commit, tag=tag))
        broken: frozenset[str] = frozenset()
        while True:
            found = await self._checked(
                await self._history.signed(repository, commit, tag=tag, lineage=True, past=broken)
            )
            # A seal that is not well signed seals nothing: what is before it counts too.
            more = frozenset(
                each.object.revision
                for each in found
                if each.object.sealed and each.signature.state is not SignatureState.GOOD
            )
            if more <= broken:
                return found
            broken |= more

    async def _tag(self, repository: Repository, asked: Asked, commit: str) -> str:
        """The tag that the revision is; `` for a commit, a branch, or a tag that moved since."""
        if is_commit(asked.revision):
            return ""
        refs = await self._git.refs(repository)
        try:
            found = resolve(asked.revision, refs, tag_prefix=asked.tag_prefix)
        except RevisionNotFoundError:
            return ""
        if found.revision != commit or not found.ref.startswith(_TAGS):
            return ""
        return found.ref.removeprefix(_TAGS)

    async def _checked(self, objects: Sequence[SignedObject]) -> Sequence[Verified]:
        judged = await self._signatures.check(objects, self._keyring())
        return [Verified(one, each) for one, each in zip(objects, judged, strict=True)]
