"""What speaks against the revisions that a render reads: signatures that its project asks for.

Verified for each job, whether its manifests are known or not: they are found by what was read,
and two commits that are equal there need not be signed alike.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tiphys.core.source.integrity import policy_for
from tiphys.core.source.places import place_key, place_kind, place_of
from tiphys.model.appproject import AppProjectSpec
from tiphys.model.integrity import IntegrityPolicy
from tiphys.model.repository import Asked, Place, Repository, RepositoryKind
from tiphys.services.render.job import RenderJob
from tiphys.services.sources.integrity import SourceIntegrity
from tiphys.services.sources.ports import GitHistory, GitRepositories, Signatures

_KEPT: Final = 10_000
_KEPT_FOR: Final = 600.0
"""Seconds: keys and signatures expire, and tags move."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """A commit that something is read of, and the revision that it was asked for by."""

    repository: Repository
    asked: Asked
    commit: str


class JobVerifier:
    """Implements Verifier of services.render."""

    def __init__(
        self,
        git: GitRepositories,
        history: GitHistory,
        signatures: Signatures,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._git = git
        self._history = history
        self._signatures = signatures
        self._clock = clock
        self._known: OrderedDict[tuple[object, ...], tuple[float, tuple[str, ...]]] = OrderedDict()

    async def problems(
        self, job: RenderJob, revision: str, beside: Sequence[str]
    ) -> tuple[str, ...]:
        """`revision` is whole; `beside` are the names of the trees that the render reads, too."""
        signed = job.surroundings.signed
        if signed.policies is None and not signed.keys:
            return ()
        project = AppProjectSpec(signature_keys=signed.keys, source_integrity=signed.policies)
        ring = hashlib.sha256("\0".join(signed.keyring).encode()).digest()
        found: list[str] = []
        for reading in _readings(job, revision, beside):
            policy = policy_for(project, reading.repository.url)
            if policy is not None:
                found += await self._of(reading, policy, signed.keyring, ring)
        return tuple(dict.fromkeys(found))

    async def _of(
        self, reading: _Reading, policy: IntegrityPolicy, keyring: Sequence[str], ring: bytes
    ) -> tuple[str, ...]:
        key = (place_key(Place(reading.repository)), reading.asked, reading.commit, policy, ring)
        until, known = self._known.get(key, (0.0, ()))
        if self._clock() < until:
            return known
        check = SourceIntegrity(self._git, self._history, self._signatures, lambda: keyring)
        found = await check.problems(reading.repository, reading.asked, reading.commit, policy)
        self._known[key] = (self._clock() + _KEPT_FOR, found)
        self._known.move_to_end(key)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return found


def _readings(job: RenderJob, revision: str, beside: Sequence[str]) -> list[_Reading]:
    """Only Git has signatures."""
    found = []
    if place_kind(place_of(job.source, job.repository)) is RepositoryKind.GIT:
        asked = Asked(job.source.target_revision, job.source.tag_prefix)
        found.append(_Reading(job.repository, asked, revision))
    for name in beside:
        ref = job.refs.get(name)
        if ref is not None:
            found.append(_Reading(ref.repository, Asked(ref.target), ref.commit))
    return found
