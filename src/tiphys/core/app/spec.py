"""A spec as it is compared: what means the same is written the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tiphys.model.appspec import ApplicationSpec, SyncPolicy, SyncPolicyAutomated
from tiphys.model.source import (
    ApplicationSource,
    ApplicationSourceDirectory,
    ApplicationSourceHelm,
    ApplicationSourceKustomize,
    no_source,
)
from tiphys.model.structs import Struct, decode

DEFAULT_PROJECT = "default"

_EMPTY_TOOLS: dict[str, Struct] = {
    "helm": ApplicationSourceHelm(),
    "kustomize": ApplicationSourceKustomize(),
    "directory": ApplicationSourceDirectory(),
}


def normal_spec_patch(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The JSON patch of an Application that writes its spec as it is compared; often empty.

    Each operation tests what it replaces, for the spec is its user's.
    """
    operations: list[dict[str, Any]] = []
    if not spec.get("project"):
        if "project" in spec:
            operations.append({"op": "test", "path": "/spec/project", "value": spec["project"]})
        operations.append({"op": "add", "path": "/spec/project", "value": DEFAULT_PROJECT})
    policy = spec.get("syncPolicy")
    if isinstance(policy, Mapping) and decode(policy, SyncPolicy, at="spec") == SyncPolicy():
        operations += _removed("/spec/syncPolicy", policy)
    sources = spec.get("sources")
    if isinstance(sources, Sequence) and sources:
        for place, source in enumerate(sources):
            operations += _without_empty_tools(f"/spec/sources/{place}", source)
    else:
        operations += _without_empty_tools("/spec/source", spec.get("source"))
    return operations


def _without_empty_tools(path: str, source: Any) -> list[dict[str, Any]]:
    operations = []
    for name, zero in _EMPTY_TOOLS.items():
        tool = source.get(name) if isinstance(source, Mapping) else None
        if isinstance(tool, Mapping) and decode(tool, type(zero), at=path) == zero:
            operations += _removed(f"{path}/{name}", tool)
    return operations


def _removed(path: str, value: Any) -> list[dict[str, Any]]:
    return [{"op": "test", "path": path, "value": value}, {"op": "remove", "path": path}]


def project_name(spec: ApplicationSpec) -> str:
    return spec.project or DEFAULT_PROJECT


def effective_source(spec: ApplicationSpec) -> ApplicationSource:
    """The one source as it is compared and stored; the zero source where there are several."""
    if spec.sources or spec.source is None:
        return no_source()
    return normal_source(spec.source)


def normal_source(source: ApplicationSource) -> ApplicationSource:
    """Without tool blocks that say nothing."""
    empty = {name: None for name, zero in _EMPTY_TOOLS.items() if getattr(source, name) == zero}
    return msgspec.structs.replace(source, **empty) if empty else source


def normal_sources(spec: ApplicationSpec) -> tuple[ApplicationSource, ...]:
    return tuple(normal_source(source) for source in spec.sources)


def sources_of(spec: ApplicationSpec) -> tuple[ApplicationSource, ...]:
    """The source or sources that are rendered, as they are compared and stored."""
    return normal_sources(spec) or (effective_source(spec),)


def sync_policy(spec: ApplicationSpec) -> SyncPolicy:
    return spec.sync_policy or SyncPolicy()


def automation(spec: ApplicationSpec) -> SyncPolicyAutomated | None:
    """The automated policy where it is on: `automated: {}` is, `enabled: false` is not."""
    automated = sync_policy(spec).automated
    return automated if automated is not None and automated.enabled is not False else None
