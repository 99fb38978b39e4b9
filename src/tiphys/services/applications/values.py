"""What goes into and comes out of the calls on applications."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import NamedTuple

from tiphys.model.application import (
    Application,
    Info,
    RetryStrategy,
    SyncOperationResource,
    SyncStrategy,
    SyncStrategyHook,
)
from tiphys.model.appproject import SyncWindow
from tiphys.model.resource import ResourceKey
from tiphys.model.status import HealthStatus
from tiphys.services.access.auditing import Reason

_WITH_HOOKS = SyncStrategy(hook=SyncStrategyHook())


class AppName(NamedTuple):
    """Which application; an empty namespace is that of the control plane."""

    namespace: str
    name: str

    @classmethod
    def parse(cls, text: str, namespace: str = "") -> AppName:
        """`name` or `namespace/name`; what stands in the text wins over `namespace`."""
        before, slash, after = text.partition("/")
        return cls(before, after) if slash else cls(namespace, text)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def _anything(_action: str, _application: Application) -> None:
    """Whoever has the cluster's own credentials has all rights that these give."""


def _nobody(_reason: Reason, _application: Application, _text: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """For whom a call is done. `username` is what an operation carries of them, `permit` raises
    ApiError for an action that they may not do to an application, `tell` hears what was done.
    """

    username: str = ""
    permit: Callable[[str, Application], None] = _anything
    tell: Callable[[Reason, Application, str], None] = _nobody


LOCAL = Actor()
"""Whoever calls without an API server in between."""


@dataclass(frozen=True, slots=True)
class SyncRules:
    """What the API server's own settings say of syncs. `override_for_revision`: whoever syncs to
    another revision than the spec's needs one more right.
    """

    override_for_revision: bool = False
    replace_allowed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFiles:
    """A folder that stands for a repository; both paths are absolute.

    `folder` is the application's, and `root` what stands for the repository's root. Of several
    sources it stands for the first that is in Git, and for those in the same repository. With
    `include`, globs of file names, `folder` is the root itself, the application's path in it is
    the source's, and other files are not seen.
    """

    folder: str
    root: str
    include: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class AtRevision:
    """Sources, by index, at revisions; the others are at their target. Where none is named all
    are where they were compared last.
    """

    named: Mapping[int, str] = field(default_factory=dict)


Asked = AtRevision | LocalFiles
"""Where desired manifests are looked for."""


@dataclass(frozen=True, slots=True)
class Batches:
    """How much is compared in one go: bytes in each batch, and batches at once; 0 for all."""

    size: int = 0
    at_once: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """How objects are to be compared for one look; None takes the application's own."""

    server_side: bool | None = None
    jq_timeout: float | None = None
    batches: Batches = Batches()


class WindowState(Enum):
    """What sync windows let happen now; the values are what users read."""

    ALLOWED = "Sync Allowed"
    MANUAL = "Manual Allowed"
    DENIED = "Sync Denied"


@dataclass(frozen=True, slots=True)
class Windows:
    """`assigned` are those that concern the application, `active` those of them that are now;
    `error` tells of one that is wrong.
    """

    state: WindowState = WindowState.ALLOWED
    assigned: tuple[SyncWindow, ...] = ()
    error: str = ""
    active: tuple[SyncWindow, ...] = ()


class EventKind(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class AppEvent:
    kind: EventKind
    application: Application


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncCommand:
    """A requested sync. None for options or retry takes the application's own.

    `revisions` are for the sources of these indexes, the others are at their target.
    `manifests`, as JSON texts, are synced instead of the sources'.
    """

    revisions: Mapping[int, str] = field(default_factory=dict)
    prune: bool = False
    dry_run: bool = False
    strategy: SyncStrategy | None = _WITH_HOOKS
    resources: tuple[SyncOperationResource, ...] = ()
    sync_options: tuple[str, ...] | None = None
    retry: RetryStrategy | None = None
    info: tuple[Info, ...] = ()
    manifests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeNode:
    """A live object of an application; `parent` is the uid of its first owner in the tree."""

    uid: str
    group: str
    kind: str
    namespace: str
    name: str
    version: str = ""
    parent: str = ""
    created_at: str = ""
    health: HealthStatus | None = None

    @property
    def key(self) -> ResourceKey:
        return ResourceKey(self.group, self.kind, self.namespace, self.name)
