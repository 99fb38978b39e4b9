"""What is wanted of an application: `spec` of the Application resource."""

from __future__ import annotations

from msgspec import field

from tiphys.model.operation import Info, ManagedNamespaceMetadata, RetryStrategy
from tiphys.model.source import ApplicationSource, SourceHydrator
from tiphys.model.structs import Struct


class ApplicationDestination(Struct, frozen=True, kw_only=True):
    """A cluster by `server` or by `name`, never by both."""

    server: str = ""
    namespace: str = ""
    name: str = ""


class SyncPolicyAutomated(Struct, frozen=True, kw_only=True):
    """`enabled` None means yes."""

    prune: bool = False
    self_heal: bool = False
    allow_empty: bool = False
    enabled: bool | None = None


class SyncPolicy(Struct, frozen=True, kw_only=True):
    automated: SyncPolicyAutomated | None = None
    sync_options: tuple[str, ...] = ()
    retry: RetryStrategy | None = None
    managed_namespace_metadata: ManagedNamespaceMetadata | None = None


class ResourceIgnoreDifferences(Struct, frozen=True, kw_only=True):
    group: str = ""
    kind: str
    name: str = ""
    namespace: str = ""
    json_pointers: tuple[str, ...] = ()
    jq_path_expressions: tuple[str, ...] = ()
    managed_fields_managers: tuple[str, ...] = ()


class ApplicationSpec(Struct, frozen=True, kw_only=True):
    source: ApplicationSource | None = None
    destination: ApplicationDestination
    project: str
    sync_policy: SyncPolicy | None = None
    ignore_differences: tuple[ResourceIgnoreDifferences, ...] = ()
    info: tuple[Info, ...] = ()
    revision_history_limit: int | None = None
    sources: tuple[ApplicationSource, ...] = ()
    source_hydrator: SourceHydrator | None = field(default=None)
