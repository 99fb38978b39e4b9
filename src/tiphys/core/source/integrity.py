"""Which signatures a project asks of a repository, and what is wrong with those that were found."""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.core.project.patterns import glob, is_denial
from tiphys.core.source.url import normal_form
from tiphys.model.appproject import AppProjectSpec, SourceIntegrityGitPolicy
from tiphys.model.errors import RepositoryError
from tiphys.model.integrity import IntegrityMode, IntegrityPolicy, SignatureState, Verified

CHECK = "GIT/GPG"
_MOST = 10
_ID = 16


def policy_for(project: AppProjectSpec, url: str) -> IntegrityPolicy | None:
    """None where nothing is asked. Raises RepositoryError where two policies do."""
    if project.source_integrity is None:
        keys = tuple(each.key_id for each in project.signature_keys)
        return IntegrityPolicy(IntegrityMode.HEAD, keys) if keys else None
    wanted = normal_form(url)
    found = [each for each in project.source_integrity.git.policies if _concerns(each, wanted)]
    if len(found) > 1:
        raise RepositoryError(
            f"multiple ({len(found)}) git source integrity policies found for repo URL: {url}",
            url=url,
        )
    return _policy(found[0]) if found else None


def _policy(written: SourceIntegrityGitPolicy) -> IntegrityPolicy:
    try:
        mode = IntegrityMode(written.gpg.mode)
    except ValueError:
        raise RepositoryError(
            f"unknown source integrity mode {written.gpg.mode!r}: none, head and strict are known"
        ) from None
    return IntegrityPolicy(mode, written.gpg.keys)


def _concerns(policy: SourceIntegrityGitPolicy, wanted: str) -> bool:
    concerned = False
    for repo in policy.repos:
        if is_denial(repo.url):
            if glob(normal_form(repo.url[1:]), wanted):
                return False
        else:
            concerned = concerned or glob(normal_form(repo.url), wanted)
    return concerned


def problems(found: Sequence[Verified], policy: IntegrityPolicy) -> tuple[str, ...]:
    """In the contract's words: one of each key, and ten at most."""
    allowed = {_short(key) for key in policy.keys}
    told: dict[str, str] = {}
    for each in found:
        state, key = each.signature.state, each.signature.key_id
        if state is SignatureState.GOOD and _short(key) in allowed:
            continue
        word = "signed with unallowed key" if state is SignatureState.GOOD else state.value
        # What is not signed has no key: each of those is a problem of its own.
        told.setdefault(
            key or each.object.revision,
            f"Failed verifying revision {each.object.revision} by '{each.object.author}': {word} "
            f"(key_id={key})",
        )
    return tuple(told.values())[:_MOST]


def described(found: Verified) -> str:
    """The old signatureInfo of a revision."""
    match found.signature.state:
        case SignatureState.UNSIGNED:
            return "Revision is not signed."
        case SignatureState.GOOD:
            word = "Good"
        case SignatureState.BAD:
            word = "Bad"
        case _:
            word = "Invalid"
    return f"{word} signature from {found.object.author} key {found.signature.key_id}"


def _short(key: str) -> str:
    """A key's id as its last digits: users write those, or the whole fingerprint."""
    return key.upper().removeprefix("0X")[-_ID:]
