"""Wires the methods on what is stored in Secrets, ConfigMaps and AppProjects."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tiphys.adapters.engine import EngineEvaluator
from tiphys.adapters.jose import sign
from tiphys.api.handlers.certificate import CertificateHandlers
from tiphys.api.handlers.cluster import ClusterHandlers, Info
from tiphys.api.handlers.gpgkey import KeyHandlers
from tiphys.api.handlers.project import ProjectHandlers
from tiphys.api.handlers.repocreds import RepoCredsHandlers
from tiphys.api.handlers.repository import NOTHING_KNOWN, RepositoryHandlers
from tiphys.api.handlers.shapes import bare
from tiphys.bootstrap.clusters import connector
from tiphys.bootstrap.connections import open_tester
from tiphys.bootstrap.serving.ground import ServerGround
from tiphys.core.links import LinkKind, project_data
from tiphys.core.repositories.writing import shown_repository
from tiphys.model.errors import ApiCode, ApiError
from tiphys.services.clusters.catalogue import ClusterCatalogue
from tiphys.services.links import Links
from tiphys.services.projects.service import Projects
from tiphys.services.reconcile.events import EVENTS
from tiphys.services.repositories.catalogue import RepositoryCatalogue
from tiphys.services.repositories.certificates import CertificateCatalogue
from tiphys.services.repositories.configmaps import ConfigMapEditor
from tiphys.services.repositories.keys import KeyCatalogue

if TYPE_CHECKING:
    from tiphys.api.calls import Handlers
    from tiphys.model.appproject import AppProject
    from tiphys.model.live import ObjectList

_COMPONENT = "server"


async def stored_handlers(ground: ServerGround, cluster_info: Info) -> Handlers:
    client = ground.client
    repositories = RepositoryCatalogue(
        client,
        client,
        await ground.stack.enter_async_context(open_tester()),
        namespace=ground.namespace,
        now=ground.now,
    )

    async def in_cluster() -> bool:
        return ground.settings().in_cluster

    catalogue = ClusterCatalogue(
        client,
        client,
        connector(ground.config, ground.transport, component=_COMPONENT),
        namespace=ground.namespace,
        in_cluster=in_cluster,
        now=ground.now,
    )
    clusters = ClusterHandlers(catalogue, ground.access, _told(cluster_info), now=ground.now)
    return {
        **_projects(ground, _Belongings(repositories, catalogue, clusters)),
        **clusters.methods(),
        **RepositoryHandlers(repositories, ground.access).methods(),
        **RepoCredsHandlers(repositories, ground.access).methods(),
        **_believed(ground),
    }


def _told(cluster_info: Info) -> Info:
    """Clusters are listed, too, while whoever watches them is away."""

    async def told(server: str) -> Mapping[str, Any] | None:
        try:
            return await cluster_info(server)
        except ApiError as error:
            if error.code is not ApiCode.UNAVAILABLE:
                raise
            return None

    return told


class _Belongings:
    """What belongs to a project alone."""

    def __init__(
        self,
        repositories: RepositoryCatalogue,
        clusters: ClusterCatalogue,
        shown: ClusterHandlers,
    ) -> None:
        self._repositories = repositories
        self._clusters = clusters
        self._shown = shown

    async def repositories(self, project: str) -> Sequence[Mapping[str, Any]]:
        found = await self._repositories.list(
            trying=False, wanted=lambda record: record.project == project
        )
        return [shown_repository(one.record, NOTHING_KNOWN) for one in found]

    async def clusters(self, project: str) -> Sequence[Mapping[str, Any]]:
        found = [one for one in await self._clusters.clusters() if one.project == project]
        return [await self._shown.answer(one) for one in found]


def _projects(ground: ServerGround, belongings: _Belongings) -> Handlers:
    made = deep_links(ground)
    projects = Projects(
        ground.client,
        ground.client,
        namespace=ground.namespace,
        now=ground.now,
        new_id=lambda: str(uuid.uuid4()),
        sign=sign,
    )

    async def events(project: AppProject) -> ObjectList:
        metadata = project.metadata
        chosen = {
            "involvedObject.name": metadata.name,
            "involvedObject.uid": metadata.uid,
            "involvedObject.namespace": ground.namespace,
        }
        return await ground.client.chosen(
            EVENTS,
            namespace=ground.namespace,
            field_selector=",".join(f"{field}={value}" for field, value in chosen.items()),
        )

    async def links(project: AppProject) -> Sequence[Mapping[str, Any]]:
        return await made.of(LinkKind.PROJECT, project_data(bare(project.raw)))

    return ProjectHandlers(
        projects, ground.access, ground.audit, belongings, events, links, now=ground.now
    ).methods()


def deep_links(ground: ServerGround) -> Links:
    """The engine is started when the first link is made."""
    maker = EngineEvaluator()
    ground.stack.push_async_callback(maker.close)
    return Links(maker, lambda: (ground.config_maps.get("argocd-cm") or {}).get("data") or {})


def _believed(ground: ServerGround) -> Handlers:
    from tiphys.adapters.gnupg import GnuPG

    maps = ConfigMapEditor(ground.client, ground.client, ground.namespace)
    return {
        **CertificateHandlers(CertificateCatalogue(maps), ground.access).methods(),
        **KeyHandlers(KeyCatalogue(maps, GnuPG()), ground.access).methods(),
    }
