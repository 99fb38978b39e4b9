"""What every method of the API server stands on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tiphys.adapters.kube import KubeClient, KubeConfig, KubeDiscovery, Transport
from tiphys.core.settings.settings import Settings
from tiphys.services.access.auditing import Audit
from tiphys.services.access.ports import Access, Sessions
from tiphys.services.applications.catalogue import ApplicationCatalogue
from tiphys.services.evaluate.ports import Evaluator
from tiphys.services.reconcile.named import NamedObjects
from tiphys.services.repositories.registry import KnownRepositories


class Stored(Protocol):
    """What the control plane's own ConfigMaps and Secrets say."""

    @property
    def config_maps(self) -> NamedObjects: ...

    @property
    def secrets(self) -> NamedObjects: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """All of it is followed live. What is opened is closed by the stack, last first.

    `config_maps` and `secrets` are those with the label part-of=argocd in the control plane's
    `namespace`, `cluster_secrets` those of clusters.
    """

    stack: AsyncExitStack
    namespace: str
    config: KubeConfig
    transport: Transport
    client: KubeClient
    discovery: KubeDiscovery
    evaluator: Evaluator
    config_maps: NamedObjects
    secrets: NamedObjects
    cluster_secrets: NamedObjects
    projects: NamedObjects
    repositories: KnownRepositories
    applications: ApplicationCatalogue
    settings: Callable[[], Settings]
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerGround(Followed):
    """And who may do what with it."""

    access: Access
    sessions: Sessions
    audit: Audit
