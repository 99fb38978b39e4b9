"""Repositories are tidied with what is in use, and one that fails stops no other."""

import asyncio
from collections.abc import Collection

import pytest

from tests.fakes.git import FakeGit
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import Repository
from tiphys.services.sources.housekeeping import keep_tidy


class Tidied(FakeGit):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, set[str]]] = []

    async def maintain(self, repository: Repository, in_use: Collection[str]) -> None:
        url = repository.url
        self.asked.append((url, set(in_use)))
        if url == "http://a/bad":
            raise RepositoryError("locked", url=url)


async def test_every_repository_is_tidied_each_time() -> None:
    git = Tidied()
    turns = 0

    async def sleep(seconds: float) -> None:
        nonlocal turns
        assert seconds == 60.0
        turns += 1
        if turns > 2:
            raise asyncio.CancelledError

    used = {"http://a/bad": {"1"}, "http://a/good": {"2"}, "http://A/good.git": {"3"}}
    opened = [Repository("http://a/bad"), Repository("http://a/good", name="n"), Repository("x")]
    with pytest.raises(asyncio.CancelledError):
        await keep_tidy(git, lambda: opened, lambda: used, every=60.0, sleep=sleep)
    assert git.asked == [("http://a/bad", {"1"}), ("http://a/good", {"2", "3"}), ("x", set())] * 2
