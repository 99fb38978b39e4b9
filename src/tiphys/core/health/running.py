"""Health of what runs to an end or is a single instance: Pod and Job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiphys.core.health.fields import condition, count_at, items_at, text_at, value_at
from tiphys.core.manifest.annotations import annotation
from tiphys.core.manifest.hooks import is_hook
from tiphys.model.resource import Manifest
from tiphys.model.status import HealthCode, HealthStatus

_ANNOTATION_IGNORE_RESTART_POLICY = "argocd.argoproj.io/ignore-restart-policy"


def pod(manifest: Manifest) -> HealthStatus:
    restarts = _judged_as_restarting(manifest)
    # Only a pod that is kept running is judged by a failing start: one that runs to an end
    # is allowed to be restarted until it ends.
    if restarts and (stuck := _stuck_containers(manifest)):
        return HealthStatus(HealthCode.DEGRADED, ", ".join(stuck))
    message = text_at(manifest, "status", "message")
    match text_at(manifest, "status", "phase"):
        case "Pending":
            return HealthStatus(HealthCode.PROGRESSING, message)
        case "Succeeded":
            return HealthStatus(HealthCode.HEALTHY, message)
        case "Failed":
            return HealthStatus(HealthCode.DEGRADED, message or _failure(manifest))
        case "Running" if restarts:
            return HealthStatus(_running(manifest), message)
        case "Running":
            return HealthStatus(HealthCode.PROGRESSING, message)
        case _:
            return HealthStatus(HealthCode.UNKNOWN, message)


def _judged_as_restarting(manifest: Manifest) -> bool:
    if text_at(manifest, "spec", "restartPolicy") in ("", "Always"):
        return True
    ignored = annotation(manifest, _ANNOTATION_IGNORE_RESTART_POLICY) == "true"
    return ignored and not is_hook(manifest)


def _stuck_containers(manifest: Manifest) -> list[str]:
    """What the kubelet says of each container that it cannot start; its reason where it is mute."""
    stuck = []
    for container in items_at(manifest, "status", "containerStatuses"):
        reason = text_at(container, "state", "waiting", "reason")
        if reason.startswith("Err") or reason.endswith(("Error", "BackOff")):
            stuck.append(text_at(container, "state", "waiting", "message") or reason)
    return stuck


def _failure(manifest: Manifest) -> str:
    """The first container that says why it ended badly, initialisers first."""
    for field in ("initContainerStatuses", "containerStatuses"):
        for container in items_at(manifest, "status", field):
            if why := _ended_badly(container):
                return why
    return ""


def _ended_badly(container: Mapping[str, Any]) -> str:
    ended = value_at(container, "state", "terminated")
    if message := text_at(ended, "message"):
        return message
    if (reason := text_at(ended, "reason")) == "OOMKilled":
        return reason
    if code := count_at(ended, "exitCode"):
        return f'container "{text_at(container, "name")}" failed with exit code {code}'
    return ""


def _running(manifest: Manifest) -> HealthCode:
    if text_at(condition(manifest, "Ready"), "status") == "True":
        return HealthCode.HEALTHY
    restarted = any(
        value_at(container, "lastState", "terminated")
        for container in items_at(manifest, "status", "containerStatuses")
    )
    return HealthCode.DEGRADED if restarted else HealthCode.PROGRESSING


def job(manifest: Manifest) -> HealthStatus:
    # A condition counts by being there; only Suspended is asked for its status. A job that was
    # resumed keeps the condition as False, which the contract reads as done.
    if failed := condition(manifest, "Failed"):
        return HealthStatus(HealthCode.DEGRADED, text_at(failed, "message"))
    suspended = condition(manifest, "Suspended")
    if text_at(suspended, "status") == "True":
        return HealthStatus(HealthCode.SUSPENDED, text_at(suspended, "message"))
    done = condition(manifest, "Complete") or suspended
    if done:
        return HealthStatus(HealthCode.HEALTHY, text_at(done, "message"))
    return HealthStatus(HealthCode.PROGRESSING)
