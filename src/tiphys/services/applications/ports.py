"""What the calls on applications need besides a cluster."""

from __future__ import annotations

from typing import Protocol

from tiphys.core.app.asking import Asking
from tiphys.model.source import ApplicationSource
from tiphys.services.applications.values import LocalFiles
from tiphys.services.render.around import Around, Looked


class SourceCheck(Protocol):
    """Asks the places of sources, now, with nothing remembered.

    Raises RepositoryError and RenderError and their kinds.
    """

    async def reachable(self, source: ApplicationSource, project: str) -> None: ...

    async def resolve(self, asking: Asking, project: str) -> tuple[str, ...]:
        """What the revisions lead to: whole commits, versions, digests. Raises SourceError."""
        ...

    async def render(
        self, asking: Asking, around: Around, files: LocalFiles | None = None
    ) -> Looked:
        """The manifests of all sources, as the tools give them; `files` stand for the first
        repository among them. Raises SourceError.
        """
        ...
