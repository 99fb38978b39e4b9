"""What the calls on applications need besides a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tiphys.model.application import Application, ApplicationSource
from tiphys.model.resource import Manifest


class SourceCheck(Protocol):
    """Asks the repository of a source, now, with nothing remembered.

    Raises RepositoryError and RenderError and their kinds.
    """

    async def reachable(self, source: ApplicationSource) -> None: ...

    async def resolve(self, source: ApplicationSource, revision: str) -> str:
        """The commit that a revision names; a whole commit is answered as it is."""
        ...

    async def render(
        self, application: Application, source: ApplicationSource, revision: str
    ) -> Sequence[Manifest]:
        """The manifests of the source at a revision, as the tool gives them."""
        ...
