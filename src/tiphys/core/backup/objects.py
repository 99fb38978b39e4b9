"""The objects of a backup: which ones, what is kept of them, and when two are alike."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tiphys.model.names import (
    ANNOTATION_LAST_APPLIED,
    ANNOTATION_TRACKING_ID,
    LABEL_SECRET_TYPE,
)
from tiphys.model.resource import Manifest

CONFIG_MAPS = ("argocd-cm", "argocd-rbac-cm", "argocd-ssh-known-hosts-cm", "argocd-tls-certs-cm")
"""In the order in which they are exported."""
_INSTANCE = "app.kubernetes.io/instance"
_SECRET = "argocd-secret"  # noqa: S105 - a name
_MANAGED_BY, _US = "managed-by", "argocd.argoproj.io"
_KEPT = ("name", "finalizers", "labels", "annotations")
_CONTENT = ("spec", "data", "status", "operation", "stringData", "type", "immutable", "binaryData")
_PASSING = ("reconciledAt", "observedAt")
"""Of an Application's status: what changes without anything having happened."""


def is_ours(manifest: Manifest) -> bool:
    """Whether it belongs into a backup, of the ConfigMaps and Secrets of our namespace."""
    name = manifest["metadata"]["name"]
    match manifest.get("kind"):
        case "ConfigMap":
            return name in CONFIG_MAPS
        case "Secret":
            labels, annotations = _map(manifest, "labels"), _map(manifest, "annotations")
            marked = LABEL_SECRET_TYPE in labels or annotations.get(_MANAGED_BY) == _US
            return name == _SECRET or marked
        case _:
            return True


def exported(manifest: Manifest, namespace: str) -> dict[str, Any]:
    """What is kept of an object; its namespace only where it is not the control plane's."""
    metadata = manifest["metadata"]
    kept = {key: metadata[key] for key in _KEPT if metadata.get(key)}
    if metadata.get("namespace", "") not in ("", namespace):
        kept["namespace"] = metadata["namespace"]
    content = {key: manifest[key] for key in _CONTENT if manifest.get(key) is not None}
    return {
        "apiVersion": manifest["apiVersion"],
        "kind": manifest["kind"],
        "metadata": kept,
        **content,
    }


def is_restored(backup: Manifest, live: Manifest) -> bool:
    """Whether nothing of the backup is otherwise in the live object.

    ApplicationSets are always written: their status is not part of what is compared.
    """
    match live["kind"]:
        case "ApplicationSet":
            return False
        case "ConfigMap" | "Secret":
            content = [_of(backup, "data") == _of(live, "data")]
        case "Application":
            alike = _lasting(backup) == _lasting(live)
            content = [_of(backup, "spec") == _of(live, "spec"), alike]
        case _:
            content = [_of(backup, "spec") == _of(live, "spec")]
    return all(content) and _marks(backup) == _marks(live)


def restored(backup: Manifest, live: Manifest) -> dict[str, Any]:
    """The live object with the backup's content; its identity and times stay.

    An Application keeps its status where the backup has none.
    """
    made = copy.deepcopy(dict(live))
    metadata = made["metadata"]
    for key in ("labels", "annotations", "finalizers"):
        metadata.pop(key, None)
        if backup["metadata"].get(key):
            metadata[key] = copy.deepcopy(backup["metadata"][key])
    match live["kind"]:
        case "ConfigMap" | "Secret":
            made["data"] = copy.deepcopy(_of(backup, "data"))
        case "Application":
            made["spec"] = copy.deepcopy(_of(backup, "spec"))
            if backup.get("status"):
                made["status"] = copy.deepcopy(backup["status"])
            made.pop("operation", None)
            if backup.get("operation"):
                made["operation"] = copy.deepcopy(backup["operation"])
        case _:
            made["spec"] = copy.deepcopy(_of(backup, "spec"))
    return made


def with_tracking_of(backup: Manifest, live: Manifest) -> dict[str, Any]:
    """The backup, tracked as the live object is: by the same annotation and label, or by none."""
    made = copy.deepcopy(dict(backup))
    for place, key in (("annotations", ANNOTATION_TRACKING_ID), ("labels", _INSTANCE)):
        marks = dict(_map(made, place))
        marks.pop(key, None)
        if key in _map(live, place):
            marks[key] = _map(live, place)[key]
        made["metadata"].pop(place, None)
        if marks:
            made["metadata"][place] = marks
    return made


def without_operation(manifest: Manifest) -> dict[str, Any]:
    return {key: value for key, value in manifest.items() if key != "operation"}


def labelled(manifest: Manifest, label: str) -> bool:
    """`key=value`."""
    key, _, value = label.partition("=")
    return bool(_map(manifest, "labels").get(key) == value)


def _marks(manifest: Manifest) -> tuple[object, object, object]:
    annotations = dict(_map(manifest, "annotations"))
    annotations.pop(ANNOTATION_LAST_APPLIED, None)
    finalizers = list(manifest["metadata"].get("finalizers") or ())
    return annotations, dict(_map(manifest, "labels")), finalizers


def _lasting(manifest: Manifest) -> Mapping[str, Any]:
    return {key: one for key, one in _of(manifest, "status").items() if key not in _PASSING}


def _of(manifest: Manifest, key: str) -> Mapping[str, Any]:
    return manifest.get(key) or {}


def _map(manifest: Manifest, key: str) -> Mapping[str, Any]:
    return manifest["metadata"].get(key) or {}
