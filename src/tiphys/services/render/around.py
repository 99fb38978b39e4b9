"""What goes into a look at several sources, what comes out of it, and which of them failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tiphys.core.project import EffectiveProject
from tiphys.core.settings.tools import ToolSettings
from tiphys.core.source.environment import BuildContext
from tiphys.model.errors import RenderError, RepositoryError, TiphysError
from tiphys.model.resource import Manifest

if TYPE_CHECKING:
    from tiphys.core.app.asking import Asking
    from tiphys.services.render.service import Rendered


@dataclass(frozen=True, slots=True)
class Around:
    """What a render may know and use beside its source. `paths` is the annotation
    manifest-generate-paths.
    """

    context: BuildContext
    project: EffectiveProject
    tools: ToolSettings = field(default_factory=ToolSettings)
    paths: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """Manifests of all sources, in their order, as the tools give them. `rendered` are those of
    each, None for one that only lends its files.
    """

    manifests: tuple[Manifest, ...]
    revisions: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    rendered: tuple[Rendered | None, ...] = ()


class SourceError(TiphysError):
    """One of several sources could not be resolved or rendered; `number` counts from 1."""

    def __init__(self, number: int, error: RepositoryError | RenderError) -> None:
        super().__init__(str(error))
        self.number = number
        self.error = error


def named(asking: Asking, error: SourceError) -> RepositoryError | RenderError:
    """The error as users read it: of several sources with the number of the one that failed."""
    if not asking.several:
        return error.error
    place = f"failed to generate manifest for source {error.number} of {len(asking.sources)}"
    text = f"{place}: {error.error}"
    if isinstance(error.error, RepositoryError):
        return RepositoryError(text, url=error.error.url)
    return RenderError(text)
