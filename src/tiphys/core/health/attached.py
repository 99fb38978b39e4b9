"""Health of what waits for something to be attached: Service, Ingress, PersistentVolumeClaim."""

from __future__ import annotations

from tiphys.core.health.fields import items_at, text_at
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
