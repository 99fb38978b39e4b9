"""What the API server follows: with the controller in one process, or on its own."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import structlog

from tiphys.adapters.engine import EngineEvaluator
from tiphys.adapters.kube import KubeClient, KubeDiscovery, Transport
from tiphys.bootstrap.clusters import limits_of
from tiphys.bootstrap.following import (
    CONFIG_MAPS,
    PROJECTS,
    SECRETS,
    Following,
    Shared,
    listed,
)
from tiphys.bootstrap.foundation import Foundation, now
from tiphys.bootstrap.options import Connection
from tiphys.bootstrap.serving.ground import Followed
from tiphys.model.errors import KubeUnreachableError
from tiphys.model.names import LABEL_PART_OF, LABEL_SECRET_TYPE
from tiphys.services.applications.catalogue import ApplicationCatalogue
from tiphys.services.reconcile.named import NamedObjects
from tiphys.services.reconcile.scope import Scope
from tiphys.services.reconcile.settings import Overlay, SettingsSource
from tiphys.services.repositories.registry import KnownRepositories

log = structlog.get_logger()

_COMPONENT = "server"
_CONNECT_WAIT = 1.0
_NAMESPACE = "argocd"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowingOptions:
    """`namespace` empty: the one that the connection names. `overlay` beats the ConfigMaps."""

    connection: Connection
    namespace: str = ""
    overlay: Overlay = field(default_factory=Overlay)


async def with_controller(foundation: Foundation) -> Followed:
    """Shares what the controller follows; it has to have read all of it. Raises KubeError."""
    secrets = await foundation.follow_secrets()
    await listed(foundation.catalogue, foundation.cluster_secrets)
    return Followed(
        stack=foundation.stack,
        namespace=foundation.namespace,
        config=foundation.config,
        transport=foundation.transport,
        client=foundation.client,
        discovery=foundation.discovery,
        evaluator=foundation.evaluator,
        config_maps=foundation.config_maps,
        secrets=secrets,
        cluster_secrets=foundation.cluster_secrets,
        projects=foundation.projects,
        repositories=foundation.repositories,
        applications=foundation.catalogue,
        settings=foundation.settings.present,
        now=now,
    )


async def on_its_own(options: FollowingOptions, stack: AsyncExitStack) -> Followed:
    """Connects, and answers when all is listed. Raises TiphysError."""
    config = options.connection.config(os.environ)
    namespace = options.namespace or config.namespace or _NAMESPACE
    transport = Transport(config, component=_COMPONENT, limits=limits_of(os.environ))
    stack.push_async_callback(transport.close)
    client, discovery = KubeClient(transport), KubeDiscovery(transport)
    await _connect(discovery)
    config_maps, secrets = NamedObjects(), NamedObjects()
    cluster_secrets, projects = NamedObjects(), NamedObjects()
    repositories, catalogue = KnownRepositories(), ApplicationCatalogue()
    following = Following(client, namespace, stack)
    shared = Shared((config_maps, repositories.config_maps))
    following.follow(CONFIG_MAPS, shared, labels=f"{LABEL_PART_OF}=argocd")
    following.follow(PROJECTS, projects)
    following.follow(SECRETS, secrets, labels=f"{LABEL_PART_OF}=argocd")
    following.follow(SECRETS, repositories, labels=LABEL_SECRET_TYPE)
    following.follow(SECRETS, cluster_secrets, labels=f"{LABEL_SECRET_TYPE}=cluster")
    await listed(config_maps, projects, secrets, repositories, cluster_secrets)
    settings = SettingsSource(config_maps, options.overlay)
    settings.load()
    scope = Scope(namespace, settings.present)
    settings.listener = scope.settings_changed
    following.follow_applications(scope, catalogue)
    await listed(catalogue)
    evaluator = EngineEvaluator()
    stack.push_async_callback(evaluator.close)
    return Followed(
        stack=stack,
        namespace=namespace,
        config=config,
        transport=transport,
        client=client,
        discovery=discovery,
        evaluator=evaluator,
        config_maps=config_maps,
        secrets=secrets,
        cluster_secrets=cluster_secrets,
        projects=projects,
        repositories=repositories,
        applications=catalogue,
        settings=settings.present,
        now=now,
    )


async def _connect(discovery: KubeDiscovery) -> None:
    """The API server may still be starting, or be away for a moment."""
    while True:
        try:
            await discovery.refresh()
            return
        except KubeUnreachableError as error:
            log.warning("waiting for the API server", error=str(error))
            await asyncio.sleep(_CONNECT_WAIT)
