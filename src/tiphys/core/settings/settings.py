"""What the application controller can be told, as one immutable value."""

from __future__ import annotations

from dataclasses import dataclass, field

from tiphys.core.settings.filters import ResourceFilter


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
