"""What the application controller can be told, as one immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tiphys.core.settings.filters import ResourceFilter
from tiphys.core.settings.overrides import ResourceOverrides
from tiphys.core.settings.tools import ToolSettings


class TrackingMethod(Enum):
    """application.resourceTrackingMethod: what says whose a live object is."""

    ANNOTATION = "annotation"
    LABEL = "label"
    ANNOTATION_AND_LABEL = "annotation+label"


class RespectRbac(Enum):
    """resource.respectRBAC: what becomes of kinds that may not be listed."""

    OFF = ""
    NORMAL = "normal"
    STRICT = "strict"


@dataclass(frozen=True, slots=True)
class GlobalProject:
    """An entry of globalProjects: what `project` says counts for the projects of its selector.

    `selector` is a LabelSelector as it was written.
    """

    project: str
    selector: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Times are seconds; 0 switches the thing off unless said otherwise."""

    reconciliation: float = 120.0
    """timeout.reconciliation: how old a comparison may become before Git is asked again."""

    reconciliation_jitter: float = 60.0
    """timeout.reconciliation.jitter: the most that is added to it, so that not all ask at once."""

    hard_reconciliation: float = 0.0
    """timeout.hard.reconciliation: the same for refreshes that trust no cache."""

    instance_label_key: str = "app.kubernetes.io/instance"
    """application.instanceLabelKey: only label tracking reads it."""

    resources: ResourceFilter = field(default_factory=ResourceFilter)
    """resource.exclusions and resource.inclusions: kinds that are neither watched nor managed."""

    self_heal_delay: float = 0.0
    """controller.self.heal.timeout.seconds: the wait when there is no backoff."""

    self_heal_backoff: float = 2.0
    """controller.self.heal.backoff.timeout.seconds: the second wait; the first is none.

    It keeps two writers that undo one another from doing so without pause.
    """

    self_heal_backoff_factor: float = 3.0
    """controller.self.heal.backoff.factor: what each further wait is multiplied by."""

    self_heal_backoff_cap: float = 300.0
    """controller.self.heal.backoff.cap.seconds: the longest wait."""

    sync_timeout: float = 0.0
    """controller.sync.timeout.seconds: after this an operation is terminated."""

    repo_error_grace: float = 180.0
    """controller.repo.error.grace.period.seconds: how long a repository may fail unnoticed."""

    wave_delay: float = 2.0
    """ARGOCD_SYNC_WAVE_DELAY: the pause between waves, for controllers to react to the last."""

    status_processors: int = 20
    """controller.status.processors: how many applications are compared side by side."""

    operation_processors: int = 10
    """controller.operation.processors: how many operations run side by side."""

    apply_parallelism: int = 20
    """controller.kubectl.parallelism.limit: how many writes run side by side; 0 is no limit."""

    health_inline: bool = False
    """controller.resource.health.persist: stores the health of each object in the status."""

    tracking: TrackingMethod = TrackingMethod.ANNOTATION
    """application.resourceTrackingMethod."""

    installation_id: str = ""
    """installationID: tracking of another installation counts for nothing."""

    overrides: ResourceOverrides = field(default_factory=ResourceOverrides)
    """resource.customizations.* and resource.compareoptions."""

    ignore_updates: bool = True
    """resource.ignoreResourceUpdatesEnabled."""

    server_side_diff: bool = False
    """controller.diff.server.side: asks the API server what applying would give."""

    jq_timeout: float = 1.0
    """controller.ignore.normalizer.jq.timeout: for one expression on one object."""

    impersonation: bool = False
    """application.sync.impersonation.enabled: syncs act as the project's service account."""

    impersonation_enforced: bool = True
    """application.sync.impersonation.enforced: without a service account nothing is synced."""

    application_namespaces: tuple[str, ...] = ()
    """application.namespaces: globs of namespaces, besides our own, that hold Applications."""

    in_cluster: bool = True
    """cluster.inClusterEnabled: whether the cluster that Tiphys runs in is a destination."""

    respect_rbac: RespectRbac = RespectRbac.OFF
    """resource.respectRBAC."""

    global_projects: tuple[GlobalProject, ...] = ()
    """globalProjects: projects whose lists and windows count for others too."""

    event_labels_include: tuple[str, ...] = ()
    """resource.includeEventLabelKeys: globs of labels that events carry."""

    event_labels_exclude: tuple[str, ...] = ()
    """resource.excludeEventLabelKeys."""

    custom_labels: tuple[str, ...] = ()
    """resource.customLabels: labels of objects that the tree shows."""

    masked_annotations: tuple[str, ...] = ()
    """resource.sensitive.mask.annotations: annotations of Secrets that are shown masked."""

    node_labels: tuple[str, ...] = ()
    """application.allowedNodeLabels: labels of nodes that the hosts view shows."""

    webhook_payload: float = 50.0
    """webhook.maxPayloadSizeMB: how much of a delivery is read, in MiB."""

    webhook_jitter: float = 0.0
    """webhook.refresh.jitter: the most that a refresh waits where a push concerns many."""

    webhook_jitter_threshold: float = 10.0
    """webhook.refresh.jitter.threshold: how many are not many yet."""

    webhook_workers: float = 50.0
    """server.webhook.parallelism.limit: deliveries that are worked on at once."""

    webhook_refresh_workers: float = 20.0
    """server.webhook.refresh.workers: refreshes that are asked for at once."""

    tools: ToolSettings = field(default_factory=ToolSettings)
    """Which tools render sources, and what those may read."""
