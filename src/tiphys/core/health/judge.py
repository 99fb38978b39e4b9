"""Which judgement belongs to which kind, and the one rule that holds for every kind.

None means that the kind has no judgement, which is not the same as Healthy: it counts for
nothing in the roll-up, and a hook of such a kind succeeds by existing.
"""

from __future__ import annotations

from collections.abc import Callable

from tiphys.core.health import attached, running, scaling, scheduled, workloads
from tiphys.core.health.fields import value_at
from tiphys.model.names import FINALIZER_HOOK
from tiphys.model.resource import GroupKind, Manifest, gvk_of
from tiphys.model.status import HealthCode, HealthStatus

JUDGED_KINDS: dict[GroupKind, Callable[[Manifest], HealthStatus]] = {
    GroupKind("apps", "Deployment"): workloads.deployment,
    GroupKind("apps", "StatefulSet"): workloads.stateful_set,
    GroupKind("apps", "DaemonSet"): workloads.daemon_set,
    GroupKind("apps", "ReplicaSet"): workloads.replica_set,
    GroupKind("batch", "Job"): running.job,
    GroupKind("", "Pod"): running.pod,
    GroupKind("", "Service"): attached.service,
    GroupKind("", "PersistentVolumeClaim"): attached.volume_claim,
    GroupKind("networking.k8s.io", "Ingress"): attached.ingress,
    GroupKind("extensions", "Ingress"): attached.ingress,
    GroupKind("apiregistration.k8s.io", "APIService"): attached.api_service,
    GroupKind("autoscaling", "HorizontalPodAutoscaler"): scaling.autoscaler,
    GroupKind("batch", "CronJob"): scheduled.cron_job,
    GroupKind("argoproj.io", "Workflow"): scheduled.workflow,
}


def judge(manifest: Manifest) -> HealthStatus | None:
    """The health of a live object, None where its kind has no judgement of ours."""
    if pending := pending_deletion(manifest):
        return pending
    rule = JUDGED_KINDS.get(gvk_of(manifest).group_kind)
    return rule(manifest) if rule else None


def pending_deletion(manifest: Manifest) -> HealthStatus | None:
    """What holds before any rule or script of a kind is asked."""
    # An ended hook is held by our finalizer until its result is read, so its deletion does
    # not hide what became of it.
    if value_at(manifest, "metadata", "deletionTimestamp") and not _is_held_hook(manifest):
        return HealthStatus(HealthCode.PROGRESSING, "Pending deletion")
    return None


def _is_held_hook(manifest: Manifest) -> bool:
    return FINALIZER_HOOK in (value_at(manifest, "metadata", "finalizers") or ())
