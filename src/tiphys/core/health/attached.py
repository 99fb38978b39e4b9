"""Health of what waits to be attached to something: services, claims, API services."""

from __future__ import annotations

from tiphys.core.health.fields import condition, items_at, text_at
from tiphys.model.resource import Manifest
from tiphys.model.status import HealthCode, HealthStatus

_CLAIM_PHASES = {
    "Bound": HealthCode.HEALTHY,
    "Pending": HealthCode.PROGRESSING,
    "Lost": HealthCode.DEGRADED,
}


def service(manifest: Manifest) -> HealthStatus:
    if text_at(manifest, "spec", "type") != "LoadBalancer":
        return HealthStatus(HealthCode.HEALTHY)
    return ingress(manifest)


def ingress(manifest: Manifest) -> HealthStatus:
    has_address = any(items_at(manifest, "status", "loadBalancer", "ingress"))
    return HealthStatus(HealthCode.HEALTHY if has_address else HealthCode.PROGRESSING)


def volume_claim(manifest: Manifest) -> HealthStatus:
    phase = text_at(manifest, "status", "phase")
    return HealthStatus(_CLAIM_PHASES.get(phase, HealthCode.UNKNOWN))


def api_service(manifest: Manifest) -> HealthStatus:
    available = condition(manifest, "Available")
    if available is None:
        return HealthStatus(HealthCode.PROGRESSING, "Waiting to be processed")
    said = f"{text_at(available, 'reason')}: {text_at(available, 'message')}"
    code = HealthCode.PROGRESSING
    if text_at(available, "status") == "True":
        code = HealthCode.HEALTHY
    return HealthStatus(code, said)
