"""Health of what keeps a number of pods: Deployment, StatefulSet, DaemonSet, ReplicaSet.

A rollout is judged as `kubectl rollout status` judges it, in its words, without its waiting.
"""

from __future__ import annotations

from tiphys.core.health.fields import condition, count_at, number_at, text_at, value_at
from tiphys.model.resource import Manifest
from tiphys.model.status import HealthCode, HealthStatus

_HEALTHY = HealthStatus(HealthCode.HEALTHY)


def deployment(manifest: Manifest) -> HealthStatus:
    # A paused rollout does not move, whatever its counters say.
    if value_at(manifest, "spec", "paused") is True:
        return HealthStatus(HealthCode.SUSPENDED, "Deployment is paused")
    if not _observed(manifest):
        return _not_observed("deployment")
    progressing = condition(manifest, "Progressing")
    if text_at(progressing, "reason") == "ProgressDeadlineExceeded":
        name = text_at(manifest, "metadata", "name")
        return HealthStatus(
            HealthCode.DEGRADED, f'Deployment "{name}" exceeded its progress deadline'
        )
    wanted = number_at(manifest, "spec", "replicas")
    updated = count_at(manifest, "status", "updatedReplicas")
    total = count_at(manifest, "status", "replicas")
    available = count_at(manifest, "status", "availableReplicas")
    if wanted is not None and updated < wanted:
        return _rollout(f"{updated} out of {wanted} new replicas have been updated...")
    if total > updated:
        return _rollout(f"{total - updated} old replicas are pending termination...")
    if available < updated:
        return _rollout(f"{available} of {updated} updated replicas are available...")
    return _HEALTHY


def stateful_set(manifest: Manifest) -> HealthStatus:
    # Generation zero was never observed: the controller has not seen the object yet.
    if count_at(manifest, "status", "observedGeneration") == 0 or not _observed(manifest):
        return _progressing("Waiting for statefulset spec update to be observed...")
    wanted = number_at(manifest, "spec", "replicas")
    ready = count_at(manifest, "status", "readyReplicas")
    if wanted is not None and ready < wanted:
        return _progressing(f"Waiting for {wanted - ready} pods to be ready...")
    strategy = text_at(manifest, "spec", "updateStrategy", "type")
    updated = count_at(manifest, "status", "updatedReplicas")
    # A partition leaves older pods on purpose, so the revisions below are not compared.
    if strategy == "RollingUpdate" and value_at(
        manifest, "spec", "updateStrategy", "rollingUpdate"
    ):
        return _partitioned(manifest, wanted, updated)
    if strategy == "OnDelete":
        return HealthStatus(HealthCode.HEALTHY, f"statefulset has {ready} ready pods")
    revision = text_at(manifest, "status", "updateRevision")
    if revision != text_at(manifest, "status", "currentRevision"):
        return _progressing(
            f"waiting for statefulset rolling update to complete {updated} pods "
            f"at revision {revision}..."
        )
    return HealthStatus(
        HealthCode.HEALTHY,
        f"statefulset rolling update complete "
        f"{count_at(manifest, 'status', 'currentReplicas')} pods at revision {revision}...",
    )


def _partitioned(manifest: Manifest, wanted: int | None, updated: int) -> HealthStatus:
    partition = count_at(manifest, "spec", "updateStrategy", "rollingUpdate", "partition")
    if wanted is not None and updated < wanted - partition:
        return _progressing(
            f"Waiting for partitioned roll out to finish: {updated} out of "
            f"{wanted - partition} new pods have been updated..."
        )
    return HealthStatus(
        HealthCode.HEALTHY,
        f"partitioned roll out complete: {updated} new pods have been updated...",
    )


def daemon_set(manifest: Manifest) -> HealthStatus:
    if not _observed(manifest):
        return _not_observed("daemon set")
    updated = count_at(manifest, "status", "updatedNumberScheduled")
    # Pods are replaced when someone deletes them, so nothing is being waited for.
    if text_at(manifest, "spec", "updateStrategy", "type") == "OnDelete":
        return HealthStatus(
            HealthCode.HEALTHY, f"daemon set has {updated} updated pods, replaced on deletion"
        )
    desired = count_at(manifest, "status", "desiredNumberScheduled")
    available = count_at(manifest, "status", "numberAvailable")
    if updated < desired:
        return _rollout(f"{updated} out of {desired} new pods have been updated...")
    if available < desired:
        return _rollout(f"{available} of {desired} updated pods are available...")
    return _HEALTHY


def replica_set(manifest: Manifest) -> HealthStatus:
    if not _observed(manifest):
        return _not_observed("replica set")
    failure = condition(manifest, "ReplicaFailure")
    if text_at(failure, "status") == "True":
        return HealthStatus(HealthCode.DEGRADED, text_at(failure, "message"))
    wanted = number_at(manifest, "spec", "replicas")
    available = count_at(manifest, "status", "availableReplicas")
    if wanted is not None and available < wanted:
        return _rollout(f"{available} out of {wanted} new replicas are available...")
    return _HEALTHY


def _observed(manifest: Manifest) -> bool:
    """Whether the status speaks of the spec as it is now."""
    generation = count_at(manifest, "metadata", "generation")
    return count_at(manifest, "status", "observedGeneration") >= generation


def _not_observed(what: str) -> HealthStatus:
    return _rollout(f"observed {what} generation less than desired generation")


def _rollout(rest: str) -> HealthStatus:
    return _progressing(f"Waiting for rollout to finish: {rest}")


def _progressing(message: str) -> HealthStatus:
    return HealthStatus(HealthCode.PROGRESSING, message)
