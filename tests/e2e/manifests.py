"""Small manifests for tests, as YAML text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import yaml


def config_map(name: str, annotations: Mapping[str, str] | None = None, **data: str) -> str:
    metadata: dict[str, object] = {"name": name}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return yaml.safe_dump(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    )


def deployment(
    name: str,
    *,
    replicas: int = 1,
    image: str = "registry.example.com/web:1",
    annotations: Mapping[str, str] | None = None,
    behaviour: str = "",
) -> str:
    pod: dict[str, object] = {"labels": {"app": name}}
    if behaviour:
        pod["annotations"] = {"tiphys.dev/pod-behaviour": behaviour}
    return yaml.safe_dump(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "annotations": dict(annotations or {})},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": pod,
                    "spec": {"containers": [{"name": "c", "image": image}]},
                },
            },
        }
    )


def job(
    name: str,
    *,
    hook: str = "",
    policy: str = "",
    wave: int | None = None,
    behaviour: str = "",
) -> str:
    annotations = {}
    if hook:
        annotations["argocd.argoproj.io/hook"] = hook
    if policy:
        annotations["argocd.argoproj.io/hook-delete-policy"] = policy
    if wave is not None:
        annotations["argocd.argoproj.io/sync-wave"] = str(wave)
    return textwrap.dedent(
        f"""\
        apiVersion: batch/v1
        kind: Job
        metadata:
          name: {name}
          annotations: {annotations}
        spec:
          backoffLimit: 0
          template:
            metadata:
              annotations: {{tiphys.dev/pod-behaviour: {behaviour or '""'}}}
            spec:
              restartPolicy: Never
              containers: [{{name: c, image: registry.example.com/job:1}}]
        """
    )
