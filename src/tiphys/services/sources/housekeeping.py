"""Keeps the repositories on disk small: what no application uses any more goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

import structlog

from tiphys.core.source.url import normal_form
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import Repository
from tiphys.services.sources.ports import GitRepositories

EVERY: Final = 3600.0
"""Seconds: packing costs more than the room that a few commits take."""

log = structlog.get_logger()


async def keep_tidy(
    git: GitRepositories,
    opened: Callable[[], Iterable[Repository]],
    in_use: Callable[[], Mapping[str, set[str]]],
    *,
    every: float = EVERY,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Without end. `opened` are the repositories of which something is kept; `in_use` answers, by
    URL, the commits that are still needed.
    """
    while True:
        await sleep(every)
        needed: dict[str, set[str]] = {}
        for url, commits in in_use().items():
            needed.setdefault(normal_form(url), set()).update(commits)
        for repository in opened():
            try:
                await git.maintain(repository, needed.get(normal_form(repository.url), set()))
            except RepositoryError as error:
                log.warning("repository was not tidied", repository=error.url, error=str(error))
