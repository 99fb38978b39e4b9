"""Health of a HorizontalPodAutoscaler, by the conditions that its controller writes.

autoscaling/v1 has no field for them and keeps them as JSON in an annotation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tiphys.core.health.fields import items_at, text_at
from tiphys.core.manifest.annotations import annotation
from tiphys.model.resource import Manifest, gvk_of
from tiphys.model.status import HealthCode, HealthStatus

_CONDITIONS_OF_V1 = "autoscaling.alpha.kubernetes.io/conditions"
_FAILING = frozenset(
    {
        ("AbleToScale", "FailedGetScale"),
        ("AbleToScale", "FailedUpdateScale"),
        ("ScalingActive", "FailedGetContainerResourceMetric"),
        ("ScalingActive", "FailedGetExternalMetric"),
        ("ScalingActive", "FailedGetObjectMetric"),
        ("ScalingActive", "FailedGetPodsMetric"),
        ("ScalingActive", "FailedGetResourceMetric"),
        ("ScalingActive", "InvalidSelector"),
    }
)
_WORKING = frozenset({"AbleToScale", "ScalingLimited"})
_WAITING = HealthStatus(HealthCode.PROGRESSING, "Waiting to Autoscale")


def autoscaler(manifest: Manifest) -> HealthStatus:
    try:
        conditions = _conditions(manifest)
    except ValueError:
        return HealthStatus(HealthCode.UNKNOWN, f"annotation {_CONDITIONS_OF_V1} cannot be read")
    # Scaling may still be possible by one metric while another one fails, which is a fault.
    for condition in conditions:
        if (text_at(condition, "type"), text_at(condition, "reason")) in _FAILING:
            return HealthStatus(HealthCode.DEGRADED, text_at(condition, "message"))
    for condition in conditions:
        if text_at(condition, "type") in _WORKING and text_at(condition, "status") == "True":
            return HealthStatus(HealthCode.HEALTHY, text_at(condition, "message"))
    return _WAITING


def _conditions(manifest: Manifest) -> list[Mapping[str, Any]]:
    if gvk_of(manifest).version != "v1":
        return list(items_at(manifest, "status", "conditions"))
    text = annotation(manifest, _CONDITIONS_OF_V1)
    return list(items_at({"conditions": json.loads(text or "[]")}, "conditions"))
