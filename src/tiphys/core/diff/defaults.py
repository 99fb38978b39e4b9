"""What the API server fills into items of lists that a patch cannot pair.

Fields of merged objects need no defaults: what is live stays. An atomic list is replaced whole,
so its items have to be filled in on both sides before they are compared. OpenAPI's own `default`
says little of it; the rest is this table, by type and field. The same default is applied to the
merged result and to the live side, so that an entry that a server does not share hides nothing
but the difference between the default and its absence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

DEFAULTS: Mapping[str, Any] = {
    "ConfigMapVolumeSource.defaultMode": 420,
    "ContainerPort.protocol": "TCP",
    "DownwardAPIVolumeSource.defaultMode": 420,
    "EndpointPort.protocol": "TCP",
    "EndpointSlice.addressType": "IPv4",
    "HPAScalingRules.selectPolicy": "Max",
    "HTTPGetAction.path": "/",
    "HTTPGetAction.scheme": "HTTP",
    "ISCSIVolumeSource.iscsiInterface": "default",
    "MutatingWebhook.failurePolicy": "Fail",
    "MutatingWebhook.matchPolicy": "Equivalent",
    "MutatingWebhook.reinvocationPolicy": "Never",
    "MutatingWebhook.timeoutSeconds": 10,
    "NamedRuleWithOperations.scope": "*",
    "NetworkPolicyPort.protocol": "TCP",
    "ObjectFieldSelector.apiVersion": "v1",
    "PersistentVolumeClaimSpec.volumeMode": "Filesystem",
    "PodFailurePolicyOnPodConditionsPattern.status": "True",
    "ProjectedVolumeSource.defaultMode": 420,
    "RuleWithOperations.scope": "*",
    "SecretVolumeSource.defaultMode": 420,
    "ServiceAccountTokenProjection.expirationSeconds": 3600,
    "ServiceReference.port": 443,
    "ValidatingWebhook.failurePolicy": "Fail",
    "ValidatingWebhook.matchPolicy": "Equivalent",
    "ValidatingWebhook.timeoutSeconds": 10,
}

Rule = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def _subject(subject: Mapping[str, Any]) -> Mapping[str, Any]:
    """The group of an RBAC subject follows from its kind."""
    if subject.get("kind") in ("User", "Group"):
        return {"apiGroup": "rbac.authorization.k8s.io"}
    return {}


def _role_reference(_: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"apiGroup": "rbac.authorization.k8s.io"}


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


RULES: Mapping[str, Rule] = {
    "Subject": _subject,
    "RoleRef": _role_reference,
    "LimitRangeItem": _limit,
    "PersistentVolumeClaim": _claim,
}
"""Defaults that follow from other fields; a rule's values replace the fields they name."""
