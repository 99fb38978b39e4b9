"""What was seen of an application: `status` of the Application resource.

Codes are strings here, for another controller may have written words that ours does not know;
compare them with the enums of `tiphys.model.status`. Times are RFC 3339 as they were written.
"""

from __future__ import annotations

from msgspec import field

from tiphys.model.appspec import ApplicationDestination, ResourceIgnoreDifferences
from tiphys.model.operation import OperationInitiator, OperationState
from tiphys.model.source import ApplicationSource, SourceHydrator, no_source
from tiphys.model.structs import Struct


class AppHealthStatus(Struct, frozen=True, kw_only=True):
    """The health of an application, with when it last changed; `status` is a HealthCode."""

    status: str = ""
    message: str = ""
    last_transition_time: str | None = None


class ResourceHealthStatus(Struct, frozen=True, kw_only=True):
    """The health of one object as it stands in status.resources[]."""

    status: str = ""
    message: str = ""
    last_transition_time: str | None = None


class ResourceStatus(Struct, frozen=True, kw_only=True):
    group: str = ""
    version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    status: str = ""
    health: ResourceHealthStatus | None = None
    hook: bool = False
    requires_pruning: bool = False
    sync_wave: int = 0
    requires_deletion_confirmation: bool = False


class ComparedTo(Struct, frozen=True, kw_only=True):
    source: ApplicationSource = field(default_factory=no_source)
    destination: ApplicationDestination = field(default_factory=ApplicationDestination)
    sources: tuple[ApplicationSource, ...] = ()
    ignore_differences: tuple[ResourceIgnoreDifferences, ...] = ()


class SyncStatus(Struct, frozen=True, kw_only=True):
    """`status` is a SyncCode."""

    status: str
    compared_to: ComparedTo = field(default_factory=ComparedTo)
    revision: str = ""
    revisions: tuple[str, ...] = ()


class RevisionHistory(Struct, frozen=True, kw_only=True):
    revision: str = ""
    deployed_at: str
    id: int
    source: ApplicationSource = field(default_factory=no_source)
    deploy_started_at: str | None = None
    sources: tuple[ApplicationSource, ...] = ()
    revisions: tuple[str, ...] = ()
    initiated_by: OperationInitiator = field(default_factory=OperationInitiator)


class ApplicationCondition(Struct, frozen=True, kw_only=True):
    """`type` is a ConditionType."""

    type: str
    message: str
    last_transition_time: str | None = None


class ApplicationSummary(Struct, frozen=True, kw_only=True):
    external_urls: tuple[str, ...] = field(default=(), name="externalURLs")
    images: tuple[str, ...] = ()
    is_app_of_apps: bool = False


class SuccessfulHydrateOperation(Struct, frozen=True, kw_only=True):
    dry_sha: str = field(default="", name="drySHA")
    hydrated_sha: str = field(default="", name="hydratedSHA")
    source_hydrator: SourceHydrator | None = None


class HydrateOperation(Struct, frozen=True, kw_only=True):
    started_at: str | None = None
    finished_at: str | None = None
    phase: str
    message: str
    dry_sha: str = field(default="", name="drySHA")
    hydrated_sha: str = field(default="", name="hydratedSHA")
    source_hydrator: SourceHydrator | None = None


class SourceHydratorStatus(Struct, frozen=True, kw_only=True):
    last_successful_operation: SuccessfulHydrateOperation | None = None
    current_operation: HydrateOperation | None = None
    last_compared_dry_revision: str = ""


def _no_sync() -> SyncStatus:
    return SyncStatus(status="")


class ApplicationStatus(Struct, frozen=True, kw_only=True):
    resources: tuple[ResourceStatus, ...] = ()
    sync: SyncStatus = field(default_factory=_no_sync)
    health: AppHealthStatus = field(default_factory=AppHealthStatus)
    history: tuple[RevisionHistory, ...] = ()
    conditions: tuple[ApplicationCondition, ...] = ()
    reconciled_at: str | None = None
    operation_state: OperationState | None = None
    observed_at: str | None = None
    source_type: str = ""
    summary: ApplicationSummary = field(default_factory=ApplicationSummary)
    resource_health_source: str = ""
    source_types: tuple[str, ...] = ()
    controller_namespace: str = ""
    source_hydrator: SourceHydratorStatus = field(default_factory=SourceHydratorStatus)
