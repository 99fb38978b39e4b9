"""Health of what starts other things: CronJob, and Argo's Workflow."""

from __future__ import annotations

from tiphys.core.health.fields import items_at, text_at, value_at
from tiphys.model.resource import Manifest
from tiphys.model.status import HealthCode, HealthStatus

_WORKFLOW_PHASES = {
    "": HealthCode.PROGRESSING,
    "Pending": HealthCode.PROGRESSING,
    "Running": HealthCode.PROGRESSING,
    "Succeeded": HealthCode.HEALTHY,
    "Failed": HealthCode.DEGRADED,
    "Error": HealthCode.DEGRADED,
}


def workflow(manifest: Manifest) -> HealthStatus:
    phase = text_at(manifest, "status", "phase")
    code = _WORKFLOW_PHASES.get(phase, HealthCode.UNKNOWN)
    return HealthStatus(code, text_at(manifest, "status", "message"))


def cron_job(manifest: Manifest) -> HealthStatus:
    """A CronJob is well unless its last run is over and did not succeed."""
    if value_at(manifest, "spec", "suspend") is True:
        return HealthStatus(HealthCode.SUSPENDED, "CronJob is suspended")
    if value_at(manifest, "status") is None:
        return HealthStatus(HealthCode.PROGRESSING, "Waiting for the CronJob to be seen")
    running = sum(1 for _ in items_at(manifest, "status", "active"))
    if running:
        return HealthStatus(HealthCode.HEALTHY, f"CronJob has {running} active job(s)")
    succeeded = text_at(manifest, "status", "lastSuccessfulTime")
    if not succeeded:
        return HealthStatus(HealthCode.HEALTHY, "CronJob has not completed successfully yet")
    # Kubernetes writes times in one form and in UTC, so that their order is the texts'.
    if succeeded < text_at(manifest, "status", "lastScheduleTime"):
        return HealthStatus(HealthCode.DEGRADED, "CronJob's last run did not succeed")
    return HealthStatus(HealthCode.HEALTHY, "CronJob's last run succeeded")
