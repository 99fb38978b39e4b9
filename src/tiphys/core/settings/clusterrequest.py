"""Clusters as callers write them, and what an update makes of a stored one."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from tiphys.core.settings.clusters import cluster_of, normal_server
from tiphys.model.cluster import Cluster
from tiphys.model.errors import ApiCode, ApiError, SettingsError
from tiphys.model.names import ANNOTATION_LAST_APPLIED, LABEL_SECRET_TYPE

_NAME = "of the request"
_FIELDS = {
    "name": "name",
    "namespaces": "namespaces",
    "config": "config",
    "shard": "shard",
    "clusterResources": "cluster_resources",
    "labels": "labels",
    "annotations": "annotations",
    "project": "project",
}


def asked_cluster(message: Mapping[str, Any], server: str = "") -> Cluster:
    """`server` stands in where the message names none. Raises ApiError, with no value in it."""
    annotations = dict(message.get("annotations") or {})
    if ANNOTATION_LAST_APPLIED in annotations:
        # It would hold the credentials once more.
        raise _invalid(f"annotation {ANNOTATION_LAST_APPLIED} cannot be set")
    texts = {
        "server": str(message.get("server") or server),
        "name": str(message.get("name") or ""),
        "namespaces": ",".join(message.get("namespaces") or ()),
        "clusterResources": "true" if message.get("clusterResources") else "",
        "project": str(message.get("project") or ""),
        "config": json.dumps(message.get("config") or {}),
    }
    if message.get("shard") is not None:
        texts["shard"] = str(message["shard"])
    labels = dict((message.get("labels") or {}).items())
    labels.pop(LABEL_SECRET_TYPE, None)
    secret = {
        "metadata": {"name": _NAME, "labels": labels, "annotations": annotations},
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()},
    }
    try:
        return replace(cluster_of(secret), secret="")
    except SettingsError as error:
        raise _invalid(str(error).replace(f"Secret {_NAME}", "cluster")) from None


def updated(found: Cluster, asked: Cluster, fields: Collection[str]) -> Cluster:
    """The stored cluster with these fields of the other one, with all of them where none is named.

    A cluster stays where it is: raises ApiError for another server.
    """
    if normal_server(asked.server) != normal_server(found.server):
        raise _invalid("the server of a cluster cannot be changed")
    known = [_FIELDS[field] for field in (fields or _FIELDS) if field in _FIELDS]
    return replace(found, **{name: getattr(asked, name) for name in known})


def _invalid(text: str) -> ApiError:
    return ApiError(ApiCode.INVALID_ARGUMENT, text)
