"""The smallest manifests of the kinds that these tests create."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def pod_template(
    annotations: Mapping[str, str] | None = None, *, restart: str = "Always"
) -> dict[str, Any]:
    return {
        "metadata": {"labels": {"app": "web"}, "annotations": dict(annotations or {})},
        "spec": {
            "restartPolicy": restart,
            "containers": [
                {
                    "name": "web",
                    "image": "example.test/web:1",
                    "env": [{"name": "COLOUR", "value": "blue"}],
                }
            ],
        },
    }


def pod(name: str, annotations: Mapping[str, str] | None = None, *, restart: str) -> dict[str, Any]:
    template = pod_template(annotations, restart=restart)
    return {**template, "metadata": {**template["metadata"], "name": name}}


def deployment(
    name: str, annotations: Mapping[str, str] | None = None, replicas: int = 1
) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": pod_template(annotations),
        },
    }


def job(name: str, annotations: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": pod_template(annotations, restart="Never")},
    }


def claim(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
