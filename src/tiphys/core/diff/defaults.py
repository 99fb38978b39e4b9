"""What the API server fills in where that depends on other fields of the object.

Plain defaults are in core.diff.builtin. Fields of merged objects would need none, for what is
live stays; but an atomic list is replaced whole, so its items have to be filled in on both sides
before they are compared, and a field that is removed gets its default back.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

Rule = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def _subject(subject: Mapping[str, Any]) -> Mapping[str, Any]:
    """The group of an RBAC subject follows from its kind."""
    if subject.get("kind") in ("User", "Group"):
        return {"apiGroup": "rbac.authorization.k8s.io"}
    return {}


def _limit(limit: Mapping[str, Any]) -> Mapping[str, Any]:
    """A container's limit without default takes its max; a request, the default, then the min."""
    if limit.get("type") != "Container":
        return {}
    default = {**(limit.get("max") or {}), **(limit.get("default") or {})}
    request = {**(limit.get("min") or {}), **default, **(limit.get("defaultRequest") or {})}
    return {"default": default, "defaultRequest": request}


def _claim(_: Mapping[str, Any]) -> Mapping[str, Any]:
    """The claims in a StatefulSet's templates are stored as whole objects."""
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}


def _container(container: Mapping[str, Any]) -> Mapping[str, Any]:
    """An image that is the latest is pulled always."""
    if container.get("imagePullPolicy"):
        return {}
    name = str(container.get("image") or "").rpartition("/")[2]
    _, _, tag = name.partition("@")[0].partition(":")
    latest = "@" not in name and tag in ("", "latest")
    return {"imagePullPolicy": "Always" if latest else "IfNotPresent"}


def _network_policy(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """A policy is for what comes in, and for what goes out where it says something of it."""
    if spec.get("policyTypes"):
        return {}
    return {"policyTypes": ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]}


def _autoscaler(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    if spec.get("metrics"):
        return {}
    target = {"type": "Utilization", "averageUtilization": 80}
    return {"metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]}


def _deployment(strategy: Mapping[str, Any]) -> Mapping[str, Any]:
    bounds = {"maxSurge": "25%", "maxUnavailable": "25%"}
    return _rolling(strategy, bounds) if _rolls(strategy) else {}


def _daemons(strategy: Mapping[str, Any]) -> Mapping[str, Any]:
    return _rolling(strategy, {"maxSurge": 0, "maxUnavailable": 1}) if _rolls(strategy) else {}


def _replicas(strategy: Mapping[str, Any]) -> Mapping[str, Any]:
    """Only where no type is named there is a partition."""
    return {} if strategy.get("type") else _rolling(strategy, {"partition": 0})


def _rolls(strategy: Mapping[str, Any]) -> bool:
    return strategy.get("type") in (None, "", "RollingUpdate")


def _rolling(strategy: Mapping[str, Any], bounds: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"rollingUpdate": {**bounds, **(strategy.get("rollingUpdate") or {})}}


_RULES: Mapping[str, Rule] = {
    "Container": _container,
    "DaemonSetUpdateStrategy": _daemons,
    "DeploymentStrategy": _deployment,
    "EphemeralContainer": _container,
    "HorizontalPodAutoscalerSpec": _autoscaler,
    "LimitRangeItem": _limit,
    "NetworkPolicySpec": _network_policy,
    "PersistentVolumeClaim": _claim,
    "StatefulSetUpdateStrategy": _replicas,
    "Subject": _subject,
}


def following(name: str, value: Mapping[str, Any], fields: Container[str]) -> Mapping[str, Any]:
    """The defaults of an object of this type that follow from its other fields."""
    rule = _RULES.get(name)
    if rule is None:
        return _NOTHING
    return {field: item for field, item in rule(value).items() if item and field in fields}


_NOTHING: Mapping[str, Any] = {}
