"""Keeps the repositories on disk small: what no application uses any more goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from tiphys.model.errors import RepositoryError
from tiphys.model.repository import Repository
from tiphys.services.sources.ports import GitRepositories

EVERY: Final = 3600.0
"""Seconds: packing costs more than the room that a few commits take."""

log = structlog.get_logger()


async def keep_tidy(
    git: GitRepositories,
    in_use: Callable[[], Mapping[str, set[str]]],
    *,
    every: float = EVERY,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Without end. `in_use` answers, per repository, the commits that are still needed."""
    while True:
        await sleep(every)
        for url, commits in in_use().items():
            try:
                await git.maintain(Repository(url), commits)
            except RepositoryError as error:
                log.warning("repository was not tidied", repository=error.url, error=str(error))
