"""Which revisions of a job are verified, and how often anybody is asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.git import FakeGit
from tiphys.core.source.environment import BuildContext
from tiphys.core.source.refs import RefTree
from tiphys.model.appproject import (
    SignatureKey,
    SourceIntegrity,
    SourceIntegrityGit,
    SourceIntegrityGitPolicy,
    SourceIntegrityGitPolicyGPG,
    SourceIntegrityGitPolicyRepo,
)
from tiphys.model.errors import RepositoryError
from tiphys.model.integrity import Signature, SignatureState, SignedObject
from tiphys.model.repository import CommitInfo, Repository
from tiphys.model.source import ApplicationSource
from tiphys.services.render.job import RenderJob, Signed, Surroundings
from tiphys.services.sources.verifying import JobVerifier

URL, VALUES = "https://git.example.com/web", "https://git.example.com/values"
KEY = "4AEE18F83AFDEB23"
OLD = Signed(keys=(SignatureKey(key_id=KEY),), keyring=("armoured",))


class FakeHistory:
    """Every commit is signed, with its own name for a signature; tags with theirs."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []

    async def commit_info(self, repository: Repository, commit: str) -> CommitInfo:
        return CommitInfo()

    async def changed(self, repository: Repository, before: str, after: str) -> Sequence[str]:
        return ()

    async def signed(
        self,
        repository: Repository,
        commit: str,
        *,
        tag: str = "",
        lineage: bool = False,
        past: Collection[str] = (),
    ) -> Sequence[SignedObject]:
        self.asked.append((repository.url, commit, tag))
        return [SignedObject(commit, "Ada <ada@example.com>", b"", commit)]


class FakeSignatures:
    def __init__(self) -> None:
        self.good: set[str] = set()
        self.rings: list[tuple[str, ...]] = []

    async def check(
        self, objects: Sequence[SignedObject], keyring: Sequence[str]
    ) -> Sequence[Signature]:
        self.rings.append(tuple(keyring))
        state = {True: SignatureState.GOOD, False: SignatureState.UNSIGNED}
        return [Signature(state[one.revision in self.good], KEY) for one in objects]


class Bench:
    def __init__(self) -> None:
        self.git, self.history, self.signatures = FakeGit(), FakeHistory(), FakeSignatures()
        self.clock = FakeClock()
        self.commit = self.git.commit(URL, {"a": "1"})
        self.values = self.git.commit(VALUES, {"v": "1"})
        self.verifier = JobVerifier(self.git, self.history, self.signatures, clock=self.clock)

    def job(self, signed: Signed, *, chart: str = "") -> RenderJob:
        return RenderJob(
            ApplicationSource(repo_url=URL, path="web", target_revision="main", chart=chart),
            Repository(URL),
            self.commit,
            BuildContext("web", "demo"),
            {"values": RefTree(Repository(VALUES), self.values, "main")},
            Surroundings(signed=signed),
        )

    async def problems(self, signed: Signed, *beside: str, chart: str = "") -> tuple[str, ...]:
        return await self.verifier.problems(self.job(signed, chart=chart), self.commit, beside)


def policies(*urls: str) -> Signed:
    gpg = SourceIntegrityGitPolicyGPG(mode="head", keys=(KEY,))
    made = tuple(
        SourceIntegrityGitPolicy(repos=(SourceIntegrityGitPolicyRepo(url=url),), gpg=gpg)
        for url in urls
    )
    return Signed(policies=SourceIntegrity(git=SourceIntegrityGit(policies=made)))


async def test_where_nothing_is_asked_nobody_is() -> None:
    bench = Bench()
    assert await bench.problems(Signed(keyring=("armoured",)), "values") == ()
    assert await bench.problems(policies("https://else.example.com/*"), "values") == ()
    assert await bench.problems(OLD, chart="web") == ()
    assert bench.history.asked == []


async def test_a_commit_and_the_trees_beside_it_are_verified() -> None:
    bench = Bench()
    bench.signatures.good = {bench.commit}
    assert await bench.problems(OLD) == ()
    (problem,) = await bench.problems(OLD, "values", "gone")
    assert problem == (
        f"Failed verifying revision {bench.values} by 'Ada <ada@example.com>': unsigned "
        f"(key_id={KEY})"
    )
    assert set(bench.signatures.rings) == {("armoured",)}


async def test_a_tag_is_verified_as_a_tag() -> None:
    bench = Bench()
    bench.git.point(URL, "refs/tags/main", bench.commit)
    await bench.problems(OLD)
    assert bench.history.asked == [(URL, bench.commit, "main")]


async def test_what_was_verified_is_known_until_keys_change_or_time_passes() -> None:
    bench = Bench()
    for _ in range(3):
        assert len(await bench.problems(OLD)) == 1
    assert len(bench.history.asked) == 1
    bench.signatures.good = {bench.commit}
    assert len(await bench.problems(OLD)) == 1
    more = Signed(OLD.keys, keyring=("armoured", "another"))
    assert await bench.problems(more) == ()
    await bench.clock.advance(601)
    assert await bench.problems(OLD) == ()


async def test_two_policies_for_one_repository_are_an_error() -> None:
    bench = Bench()
    with pytest.raises(RepositoryError, match=r"multiple \(2\) git source integrity policies"):
        await bench.problems(policies("*", URL))
