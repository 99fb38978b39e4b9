"""Wires the methods on applications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiphys.bootstrap.serving.ground import ServerGround

if TYPE_CHECKING:
    from tiphys.core.settings.clusters import ClusterTable
    from tiphys.services.applications.access import AppAccess
    from tiphys.services.projects.rules import ProjectRules


def app_access(ground: ServerGround, rules: ProjectRules | None = None) -> AppAccess:
    """The access rule of all calls on applications; cheap to make, and never out of date."""
    from tiphys.services.applications.access import AppAccess

    return AppAccess(
        ground.access,
        ground.applications,
        ground.client,
        rules or project_rules(ground),
        ground.settings,
    )


def project_rules(ground: ServerGround) -> ProjectRules:
    """What projects allow, as the API server asks for it."""
    from tiphys.services.projects.rules import ProjectRules
    from tiphys.services.reconcile.jobs import own_repositories
    from tiphys.services.reconcile.named import Projects

    clusters = KnownClusters(ground)
    return ProjectRules(
        Projects(ground.projects).find,
        lambda destination: clusters.table().resolve(destination),
        ground.settings,
        control_plane=ground.namespace,
        clusters=lambda: clusters.table().clusters,
        repositories=lambda project: own_repositories(ground.repositories, project),
        made_of=lambda: (
            ground.projects.version,
            ground.cluster_secrets.version,
            ground.repositories.known,
            ground.settings(),
        ),
    )


class KnownClusters:
    """The clusters that have Secrets, read again when one changed."""

    def __init__(self, ground: ServerGround) -> None:
        self._secrets = ground.cluster_secrets
        self._settings = ground.settings
        self._seen: object = None
        self._table: ClusterTable | None = None

    def table(self) -> ClusterTable:
        from tiphys.core.settings.clusters import ClusterTable, read_cluster

        in_cluster = self._settings().in_cluster
        table = self._table
        if (
            table is None
            or self._seen is not self._secrets.version
            or table.in_cluster != in_cluster
        ):
            found = (self._secrets.get(name) for name in self._secrets.names())
            read = [read_cluster(secret) for secret in found if secret is not None]
            table = self._table = ClusterTable.of(read, in_cluster=in_cluster)
            self._seen = self._secrets.version
        return table
