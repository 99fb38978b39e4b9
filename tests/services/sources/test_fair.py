"""A host that does not answer keeps nobody else's repositories waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.fakes.git import FakeGit, FakeTree
from tiphys.model.repository import GitRefs, Place, Repository
from tiphys.services.sources.fair import FairUpstream
from tiphys.services.sources.upstream import UpstreamByKind

DEAD, ALIVE = "https://dead.example.com", "https://alive.example.com/web"


def _place(url: str) -> Place:
    return Place(Repository(url))


class Half(FakeGit):
    """One of its hosts does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def refs(self, repository: Repository) -> Mapping[str, str]:
        await self._hang(repository.url)
        return await super().refs(repository)

    async def tree(self, repository: Repository, commit: str) -> FakeTree:
        await self._hang(repository.url)
        return await super().tree(repository, commit)

    async def _hang(self, url: str) -> None:
        if url.startswith(DEAD):
            self.asked += 1
            await asyncio.Event().wait()


async def test_a_dead_host_does_not_block_another() -> None:
    git = Half()
    commit = git.commit(ALIVE, {"a": "1"})
    fair = FairUpstream(UpstreamByKind(git), listings=4, readings=4, slow_after=60.0)
    hung: list[asyncio.Task[Any]] = [
        asyncio.create_task(fair.list(_place(f"{DEAD}/{number}"), ())) for number in range(20)
    ]
    hung += [asyncio.create_task(fair.tree(_place(f"{DEAD}/{n}"), "a" * 40)) for n in range(20)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert git.asked == 6
    async with asyncio.timeout(1):
        listed = await fair.list(_place(ALIVE), ())
        assert listed == GitRefs({"refs/heads/main": commit, "HEAD": commit})
        assert (await fair.tree(_place(ALIVE), commit)).commit == commit
    for task in hung:
        task.cancel()
    await asyncio.gather(*hung, return_exceptions=True)


async def test_one_host_is_told_by_every_form_of_its_urls() -> None:
    git = Half()
    fair = FairUpstream(UpstreamByKind(git), listings=4, slow_after=60.0)
    for url in ("git@Git.Example.com:a/b.git", "https://me@git.example.com/c"):
        git.commit(url, {"a": "1"})
        assert await fair.list(_place(url), ())
    assert list(fair._listings._inside) == []
