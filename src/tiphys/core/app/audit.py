"""Kubernetes Events of what callers did through the API, as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiphys.model.names import API_GROUP
from tiphys.model.resource import Manifest

COMPONENT = "argocd-server"
NOBODY = "Unknown user"
_OURS = frozenset({"Application", "ApplicationSet", "AppProject"})


def audit_event(
    about: Manifest,
    *,
    reason: str,
    text: str,
    user: str,
    at: str,
    number: int,
    labels: Mapping[str, str],
    home: str,
) -> Manifest:
    """`number` tells events of one object apart, `home` is the control plane's namespace: events
    on what is not ours are kept there, for its own namespace may be out of reach.
    """
    metadata = about.get("metadata") or {}
    namespace = metadata.get("namespace") or ""
    kind = str(about.get("kind") or "")
    annotations = _annotations(about, kind, user)
    ours = kind in _OURS and str(about.get("apiVersion") or "").startswith(f"{API_GROUP}/")
    if not ours:
        annotations = {"resource-namespace": namespace}
    place = (namespace if ours else "") or home
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{metadata.get('name') or ''}.{number:x}",
            "namespace": place,
            "labels": dict(labels),
            "annotations": annotations,
        },
        "source": {"component": COMPONENT},
        "involvedObject": {
            "apiVersion": about.get("apiVersion") or "",
            "kind": kind,
            "name": metadata.get("name") or "",
            "namespace": place,
            "uid": metadata.get("uid") or "",
            "resourceVersion": metadata.get("resourceVersion") or "",
        },
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
        "type": "Normal",
        "reason": reason,
        "message": f"{user or NOBODY} {text}",
    }


def _annotations(about: Manifest, kind: str, user: str) -> dict[str, str]:
    named = {"user": user} if user else {}
    if kind == "ApplicationSet":
        return named
    if kind != "Application":
        return {}
    spec: Mapping[str, Any] = about.get("spec") or {}
    destination = spec.get("destination") or {}
    return {
        **named,
        "dest-server": str(destination.get("server") or ""),
        "dest-namespace": str(destination.get("namespace") or ""),
    }
