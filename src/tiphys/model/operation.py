"""What is asked for (`operation`), how it stands and what came of it (`status.operationState`)."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import field

from tiphys.model.source import ApplicationSource, no_source
from tiphys.model.structs import Struct


class Info(Struct, frozen=True, kw_only=True):
    name: str
    value: str


class Backoff(Struct, frozen=True, kw_only=True):
    """Durations are numbers of seconds or Go durations."""

    duration: str = ""
    factor: int | None = None
    max_duration: str = ""


class RetryStrategy(Struct, frozen=True, kw_only=True):
    """`limit` 0 means none, below 0 without end; `refresh` retries the latest revision."""

    limit: int = 0
    backoff: Backoff | None = None
    refresh: bool = False


class OperationInitiator(Struct, frozen=True, kw_only=True):
    username: str = ""
    automated: bool = False


class SyncOperationResource(Struct, frozen=True, kw_only=True):
    group: str = ""
    kind: str
    name: str
    namespace: str = ""


class SyncStrategyApply(Struct, frozen=True, kw_only=True):
    force: bool = False


class SyncStrategyHook(Struct, frozen=True, kw_only=True):
    force: bool = False


class SyncStrategy(Struct, frozen=True, kw_only=True):
    apply: SyncStrategyApply | None = None
    hook: SyncStrategyHook | None = None


class SyncOperation(Struct, frozen=True, kw_only=True):
    revision: str = ""
    prune: bool = False
    dry_run: bool = False
    sync_strategy: SyncStrategy | None = None
    resources: tuple[SyncOperationResource, ...] = ()
    source: ApplicationSource | None = None
    manifests: tuple[str, ...] = ()
    sync_options: tuple[str, ...] = ()
    sources: tuple[ApplicationSource, ...] = ()
    revisions: tuple[str, ...] = ()
    auto_heal_attempts_count: int = 0


class Operation(Struct, frozen=True, kw_only=True):
    sync: SyncOperation | None = None
    initiated_by: OperationInitiator = field(default_factory=OperationInitiator)
    info: tuple[Info, ...] = ()
    retry: RetryStrategy = field(default_factory=RetryStrategy)


class ManagedNamespaceMetadata(Struct, frozen=True, kw_only=True):
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


class ResourceResult(Struct, frozen=True, kw_only=True):
    """What became of one object. `status` is a ResultCode, `hook_phase` an OperationPhase."""

    group: str
    version: str
    kind: str
    namespace: str
    name: str
    status: str = ""
    message: str = ""
    hook_type: str = ""
    hook_phase: str = ""
    sync_phase: str = ""
    images: tuple[str, ...] = ()


class SyncOperationResult(Struct, frozen=True, kw_only=True):
    resources: tuple[ResourceResult, ...] = ()
    revision: str
    source: ApplicationSource = field(default_factory=no_source)
    sources: tuple[ApplicationSource, ...] = ()
    revisions: tuple[str, ...] = ()
    managed_namespace_metadata: ManagedNamespaceMetadata | None = None


class OperationState(Struct, frozen=True, kw_only=True):
    """`phase` is an OperationPhase."""

    operation: Operation
    phase: str
    message: str = ""
    sync_result: SyncOperationResult | None = None
    started_at: str
    finished_at: str | None = None
    retry_count: int = 0
