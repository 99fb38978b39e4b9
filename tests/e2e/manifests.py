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
    helm: bool = False,
    generate: bool = False,
) -> str:
    """`helm`: its annotations in place of the contract's; `generate`: the name is a prefix."""
    annotations = {}
    if hook:
        annotations["helm.sh/hook" if helm else "argocd.argoproj.io/hook"] = hook
    if policy:
        prefix = "helm.sh" if helm else "argocd.argoproj.io"
        annotations[f"{prefix}/hook-delete-policy"] = policy
    if wave is not None:
        key = "helm.sh/hook-weight" if helm else "argocd.argoproj.io/sync-wave"
        annotations[key] = str(wave)
    return textwrap.dedent(
        f"""\
        apiVersion: batch/v1
        kind: Job
        metadata:
          {"generateName" if generate else "name"}: {name}
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


def workload(kind: str, name: str, *, behaviour: str = "", **spec: object) -> str:
    """A StatefulSet, DaemonSet, ReplicaSet or Deployment of one pod; `spec` replaces fields."""
    pod: dict[str, object] = {"labels": {"app": name}}
    if behaviour:
        pod["annotations"] = {"tiphys.dev/pod-behaviour": behaviour}
    fields: dict[str, object] = {
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": pod, "spec": {"containers": [CONTAINER]}},
    }
    if kind == "StatefulSet":
        fields["serviceName"] = name
    return as_yaml(kind, name, fields | spec, api_version="apps/v1")


def pod(name: str, *, behaviour: str = "", restart: str = "Always") -> str:
    annotations = {"tiphys.dev/pod-behaviour": behaviour} if behaviour else None
    spec = {"restartPolicy": restart, "containers": [CONTAINER]}
    return as_yaml("Pod", name, spec, annotations=annotations)


def as_yaml(
    kind: str,
    name: str,
    spec: Mapping[str, object],
    *,
    api_version: str = "v1",
    annotations: Mapping[str, str] | None = None,
) -> str:
    """Any object that has a spec."""
    metadata: dict[str, object] = {"name": name}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return yaml.safe_dump(
        {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": dict(spec)}
    )


CONTAINER = {"name": "c", "image": "registry.example.com/web:1"}
