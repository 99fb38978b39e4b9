"""Rendering as whoever compares needs it: in this process, or in another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tiphys.model.repository import Place
from tiphys.services.render.job import RenderJob
from tiphys.services.render.service import Rendered


class Rendering(Protocol):
    """All raise RepositoryError and RenderError with their kinds."""

    async def render(self, job: RenderJob, *, fresh: bool = False) -> Rendered:
        """`fresh` renders anew whatever is remembered, errors included."""
        ...

    async def known(self, job: RenderJob) -> Rendered | None:
        """What `render` would answer without asking the renderer; None when it would."""
        ...

    async def unchanged(self, job: RenderJob, digest: str) -> bool:
        """Whether it is certain, without a render, that the job's manifests have this digest."""
        ...

    async def whole(self, place: Place, revision: str) -> str:
        """The whole commit of one that is abbreviated; what is none is whole already."""
        ...

    async def touched(self, place: Place, folders: Mapping[str, tuple[str, str, str]]) -> set[str]:
        """Names whose folder differs between two commits, given as (old, new, path)."""
        ...
