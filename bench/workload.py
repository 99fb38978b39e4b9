"""N applications of M objects: ConfigMaps of 1.5 kB, so that the time is ours, or Deployments."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.repo import Repo
from tests.e2e.stack import NAMESPACE, Stack

TARGET = "bench"
FILLER = "x" * 1400


def config_map(app: str, number: int, value: str = FILLER) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{app}-{number}"},
        "data": {"filler": value},
    }


def deployment(app: str, number: int) -> dict[str, Any]:
    labels = {"app": f"{app}-{number}"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"{app}-{number}"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": "registry.example.com/c:1"}]},
            },
        },
    }


def event(app: str) -> dict[str, Any]:
    """An event about an application, as large as those that are told of a sync."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{app}.", "namespace": NAMESPACE},
        "involvedObject": {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "name": app,
            "namespace": NAMESPACE,
        },
        "source": {"component": "floor"},
        "type": "Normal",
        "reason": "ResourceUpdated",
        "message": "Updated health status: Progressing -> Healthy",
    }


def names(count: int) -> list[str]:
    return [f"bench-{number:04d}" for number in range(count)]


def fill(repo: Repo, apps: list[str], objects: int, kind: str) -> None:
    make = config_map if kind == "ConfigMap" else deployment
    for app in apps:
        for number in range(objects):
            repo.write(f"{app}/{number}.json", json.dumps(make(app, number)))
    repo.commit("Fill")


def applications(apps: list[str], repo: Repo) -> list[dict[str, Any]]:
    return [
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": app, "namespace": NAMESPACE},
            "spec": {
                "project": "default",
                "source": {"repoURL": repo.url, "path": app, "targetRevision": "HEAD"},
                "destination": {
                    "server": "https://kubernetes.default.svc",
                    "namespace": TARGET,
                },
                "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
            },
        }
        for app in apps
    ]


def done(stack: Stack, count: int) -> bool:
    """Whether all applications are Synced and Healthy."""
    states = [
        (
            (app.get("status", {}).get("sync") or {}).get("status"),
            (app.get("status", {}).get("health") or {}).get("status"),
        )
        for app in stack.kube.list("Application", NAMESPACE)
    ]
    return states.count(("Synced", "Healthy")) == count
