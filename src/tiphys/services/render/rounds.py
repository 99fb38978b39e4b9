"""Renders until all is there that the source names outside of its trees.

The renderer fetches nothing: it says what it needs, that is fetched as far as the project permits
it, and it is asked again with everything that was mounted before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from xxhash import xxh3_64_hexdigest

from tiphys.core.source.url import without_user
from tiphys.model.errors import RenderError, RenderLimitError, RevisionNotFoundError
from tiphys.model.render import Remote, RemotesNeededError, RenderRequest, RenderResult
from tiphys.services.render.job import RenderJob
from tiphys.services.render.ports import Fetched, Remotes, Renderer
from tiphys.services.render.trees import Trees

ROUNDS: Final = 10
"""How deep remotes may name further ones."""
MOST: Final = 200
"""Remotes of one source."""


@dataclass(frozen=True, slots=True)
class Finished:
    """`remotes` are what was mounted, with the digest that stood for each."""

    result: RenderResult
    remotes: Mapping[Remote, str] = field(default_factory=dict)


class Rounds:
    def __init__(self, renderer: Renderer, remotes: Remotes | None) -> None:
        self._renderer = renderer
        self._remotes = remotes

    async def render(
        self, request: RenderRequest, trees: Trees, job: RenderJob, *, fresh: bool
    ) -> Finished:
        """Raises RenderError and RepositoryError."""
        mounts: dict[Remote, str] = {}
        digests: dict[Remote, str] = {}
        for _ in range(ROUNDS):
            try:
                result = await self._renderer.render(replace(request, mounts=mounts), trees)
            except RemotesNeededError as needed:
                more = await self._fetch(needed, mounts, job, fresh=fresh)
            else:
                return Finished(result, digests)
            names = {remote: _name(remote) for remote in more}
            trees = trees.beside({names[remote]: one.tree for remote, one in more.items()})
            mounts |= names
            digests |= {remote: one.digest for remote, one in more.items()}
        raise RenderLimitError(f"what is remote names further remotes, more than {ROUNDS} deep")

    async def _fetch(
        self,
        needed: RemotesNeededError,
        mounts: Mapping[Remote, str],
        job: RenderJob,
        *,
        fresh: bool,
    ) -> Mapping[Remote, Fetched]:
        wanted = [one for one in dict.fromkeys(needed.remotes) if one not in mounts]
        remotes = self._remotes
        if not wanted or remotes is None:
            raise RenderError(f"what the source names outside of it is not to be had: {needed}")
        if len(wanted) + len(mounts) > MOST:
            raise RenderLimitError(f"the source names more than {MOST} remotes")
        tasks = [asyncio.ensure_future(_one(remotes, one, job, fresh=fresh)) for one in wanted]
        try:
            return dict(zip(wanted, await asyncio.gather(*tasks), strict=True))
        finally:
            for task in tasks:
                task.cancel()


async def _one(remotes: Remotes, remote: Remote, job: RenderJob, *, fresh: bool) -> Fetched:
    try:
        if fresh:
            await remotes.digest(remote, job, fresh=True)
        return await remotes.fetch(remote, job)
    except RevisionNotFoundError as error:
        # Of several: what the text is about is part of it.
        named = remote.name or without_user(remote.url)
        raise RevisionNotFoundError(
            f"{remote.kind} {named} {remote.revision}: {error}", url=error.url
        ) from None


def _name(remote: Remote) -> str:
    """Of its tree; no `$ref` has a dot in it."""
    text = "\0".join((remote.kind, remote.url, remote.revision, remote.name))
    return f"remote.{xxh3_64_hexdigest(text.encode())}"
