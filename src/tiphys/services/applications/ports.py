"""What the calls on applications need besides a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tiphys.model.application import Application, ApplicationSource
from tiphys.model.resource import Manifest
from tiphys.services.applications.values import LocalFiles
from tiphys.services.live.ports import Discovery


class SourceCheck(Protocol):
    """Asks the repository of a source, now, with nothing remembered.

    Raises RepositoryError and RenderError and their kinds. `discovery` is the destination's: some
    tools are told what its cluster serves.
    """

    async def reachable(self, source: ApplicationSource) -> None: ...

    async def resolve(self, source: ApplicationSource, revision: str) -> str:
        """The commit that a revision names; a whole commit is answered as it is."""
        ...

    async def render(
        self,
        application: Application,
        source: ApplicationSource,
        revision: str,
        discovery: Discovery,
    ) -> Sequence[Manifest]:
        """The manifests of the source at a revision, as the tool gives them."""
        ...

    async def render_local(
        self,
        application: Application,
        source: ApplicationSource,
        files: LocalFiles,
        discovery: Discovery,
    ) -> Sequence[Manifest]:
        """The same from a folder of this machine instead of a repository."""
        ...
