"""A spec as it is compared: what means the same is written the same."""

from __future__ import annotations

import msgspec

from tiphys.model.appspec import ApplicationSpec, SyncPolicy, SyncPolicyAutomated
from tiphys.model.names import IN_CLUSTER_NAME, IN_CLUSTER_SERVER
from tiphys.model.source import (
    ApplicationSource,
    ApplicationSourceDirectory,
    ApplicationSourceHelm,
    ApplicationSourceKustomize,
    no_source,
)

DEFAULT_PROJECT = "default"

_EMPTY_TOOLS = {
    "helm": ApplicationSourceHelm(),
    "kustomize": ApplicationSourceKustomize(),
    "directory": ApplicationSourceDirectory(),
}


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


def sync_policy(spec: ApplicationSpec) -> SyncPolicy:
    return spec.sync_policy or SyncPolicy()


def automation(spec: ApplicationSpec) -> SyncPolicyAutomated | None:
    """The automated policy where it is on: `automated: {}` is, `enabled: false` is not."""
    automated = sync_policy(spec).automated
    return automated if automated is not None and automated.enabled is not False else None


def has_option(spec: ApplicationSpec, option: str) -> bool:
    """Options are matched letter by letter, as the contract does."""
    return option in sync_policy(spec).sync_options


def is_in_cluster(spec: ApplicationSpec) -> bool:
    """Whether the destination is the cluster that Tiphys runs in."""
    destination = spec.destination
    if destination.server and destination.name:
        return False
    return destination.server == IN_CLUSTER_SERVER or destination.name == IN_CLUSTER_NAME
