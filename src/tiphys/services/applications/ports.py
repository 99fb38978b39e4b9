"""What the calls on applications need besides a cluster."""

from __future__ import annotations

from typing import Protocol

from tiphys.model.application import Application, ApplicationSource


class SourceCheck(Protocol):
    """Asks the repository of a source, now, with nothing remembered.

    Raises RepositoryError and RenderError and their kinds.
    """

    async def reachable(self, source: ApplicationSource) -> None: ...

    async def resolve(self, source: ApplicationSource, revision: str) -> str:
        """The commit that a revision names; a whole commit is answered as it is."""
        ...

    async def generate(self, application: Application, source: ApplicationSource) -> None:
        """Renders the source and throws the manifests away."""
        ...
