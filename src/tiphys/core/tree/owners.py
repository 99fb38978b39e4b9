"""Who owns a live object: what it says itself, and what only the kinds' habits say.

Kubernetes leaves some owners unwritten. Those are inferred here, as the contract does: the
Service of an Endpoints object, the ServiceAccount of a token Secret, the OperatorGroup of a
ClusterServiceVersion, the StatefulSet of a claim made from its template.
"""

from __future__ import annotations

import re

from tiphys.model.resource import Manifest, OwnerReference, ResourceKey, split_api_version

_SERVICE_ACCOUNT_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - a type's name
_SERVICE_ACCOUNT_NAME = "kubernetes.io/service-account.name"
_SERVICE_ACCOUNT_UID = "kubernetes.io/service-account.uid"
_OPERATOR_GROUP = "olm.operatorGroup"
_ORDINAL = re.compile(r"(.+)-[0-9]+")


def owners_of(manifest: Manifest, key: ResourceKey) -> tuple[OwnerReference, ...]:
    """The owner references, else the inferred owner; an inferred one may lack its uid."""
    references = manifest["metadata"].get("ownerReferences")
    if references:
        return tuple(_reference(reference) for reference in references)
    return _inferred(manifest, key)


def claim_stems(manifest: Manifest) -> tuple[str, ...]:
    """`<template>-<stateful set>` for each volumeClaimTemplate: its claims add an ordinal."""
    name = manifest["metadata"]["name"]
    templates = (manifest.get("spec") or {}).get("volumeClaimTemplates") or ()
    return tuple(f"{template['metadata']['name']}-{name}" for template in templates)


def claim_stem(claim: str) -> str:
    """A claim's name without its ordinal, empty where it has none."""
    matched = _ORDINAL.fullmatch(claim)
    return matched.group(1) if matched else ""


def _reference(reference: Manifest) -> OwnerReference:
    group, _ = split_api_version(str(reference.get("apiVersion") or ""))
    return OwnerReference(
        group=group,
        kind=str(reference.get("kind") or ""),
        name=str(reference.get("name") or ""),
        uid=str(reference.get("uid") or ""),
        controller=bool(reference.get("controller")),
    )


def _inferred(manifest: Manifest, key: ResourceKey) -> tuple[OwnerReference, ...]:
    annotations = manifest["metadata"].get("annotations") or {}
    match key.group, key.kind:
        case "", "Endpoints":
            return (OwnerReference("", "Service", key.name, ""),)
        case "", "Secret" if manifest.get("type") == _SERVICE_ACCOUNT_TOKEN:
            name = annotations.get(_SERVICE_ACCOUNT_NAME)
            uid = annotations.get(_SERVICE_ACCOUNT_UID)
            return (OwnerReference("", "ServiceAccount", name, uid),) if name and uid else ()
        case "operators.coreos.com", "ClusterServiceVersion":
            group = annotations.get(_OPERATOR_GROUP)
            return (OwnerReference(key.group, "OperatorGroup", group, ""),) if group else ()
        case _:
            return ()
