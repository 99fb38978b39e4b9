"""The desired state of an application as it was found, or why it was not."""

from __future__ import annotations

from dataclasses import dataclass, field

from tiphys.core.app.asking import Asking
from tiphys.core.app.targets import Targets
from tiphys.model.errors import RepositoryError, TiphysError
from tiphys.model.resource import ResourceKey

UNSIGNED = "Cannot use local manifests when source integrity is enforced"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The desired state. With an `error` there is none.

    `revisions` are what the sources of `asking` were resolved to, in their order, and `types`
    the tools that rendered them, `` for a source that only lends its files. Where nothing could
    be loaded `revisions` are those that were asked for, and `types` only tell plugins of before.

    Two with one `digest` were rendered to equal manifests. `warnings` are what renders told,
    `problems` what speaks against the revisions: signatures that the project asks for. `moving`:
    what is remote in them may lead to something else another time.
    `repository_failed` tells a repository that could not be asked from a source that is wrong;
    `unsupported` says that the spec asks for what this version refuses, naming the field.
    `commits` are what the revisions meant, also where they could not be rendered; empty where
    that is not known.
    `local`: somebody handed the manifests over with a sync, and no revision is behind them.
    """

    asking: Asking
    revisions: tuple[str, ...]
    types: tuple[str, ...]
    targets: Targets = field(default_factory=Targets)
    hashes: dict[ResourceKey, str] = field(default_factory=dict)
    digest: str = ""
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    moving: bool = False
    error: str = ""
    repository_failed: bool = False
    unsupported: bool = False
    local: bool = False
    commits: tuple[str, ...] = ()

    @property
    def failure(self) -> str:
        """The error as a condition says it; empty where there is none."""
        if not self.error or self.error == UNSIGNED:
            return self.error
        what = "local manifests" if self.local else "target state"
        return f"Failed to load {what}: {self.error}"

    @property
    def revision(self) -> str:
        """That of the only source; empty where there may be several."""
        return "" if self.asking.several else self.revisions[0]

    @property
    def listed(self) -> tuple[str, ...]:
        """Of several sources all revisions, none where they could not be loaded."""
        return self.revisions if self.asking.several and not self.error else ()

    @property
    def source_type(self) -> str:
        return "" if self.asking.several or not self.types else self.types[0]

    @property
    def source_types(self) -> tuple[str, ...]:
        return self.types if self.asking.several else ()


def not_loaded(
    asking: Asking, number: int, error: TiphysError, *, commits: tuple[str, ...] = ()
) -> Wanted:
    """`number` counts from 1: the source that failed."""
    return Wanted(
        asking,
        asking.revisions,
        (),
        error=f"failed to generate manifest for source {number} of {len(asking.sources)}: {error}",
        repository_failed=isinstance(error, RepositoryError),
        commits=commits,
    )


def handed_over(asking: Asking, error: str = "") -> Wanted:
    """Manifests that somebody handed over: nothing is known of revisions and tools."""
    revisions = () if asking.several else ("",)
    return Wanted(asking, revisions, (), error=error, local=True)
