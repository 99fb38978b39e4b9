"""Wires the methods on applications."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tiphys.bootstrap.serving.ground import ServerGround
from tiphys.model.errors import ApiCode, ApiError

if TYPE_CHECKING:
    from tiphys.api.calls import Handlers, Route
    from tiphys.core.settings.clusters import ClusterTable
    from tiphys.services.applications.access import AppAccess
    from tiphys.services.applications.calls import ApplicationCalls
    from tiphys.services.applications.ports import SourceCheck
    from tiphys.services.applications.service import Applications
    from tiphys.services.live.view import LiveView
    from tiphys.services.projects.rules import ProjectRules

_ROLLBACK = "server.rbac.rollback.enforce.enable"
_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}
_BUFFER = 1000


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


def application_handlers(
    ground: ServerGround, live: LiveView, uses: Applications, rules: ProjectRules
) -> Handlers:
    """The methods on applications that neither look at live objects nor at sources."""
    from tiphys.api.handlers.application import ApplicationHandlers
    from tiphys.api.handlers.applications import ListHandlers
    from tiphys.services.applications.following import Following
    from tiphys.services.applications.roster import Roster

    access = app_access(ground, rules)
    calls = application_calls(ground, live, uses, rules)
    roster = Roster(ground.applications, access, ground.access)
    following = Following(
        ground.applications, roster, calls.judged, access.enabled, buffer=_watch_buffer()
    )
    lists = ListHandlers(roster, following, home=ground.namespace)
    return {**ApplicationHandlers(calls).methods(), **lists.methods()}


def application_calls(
    ground: ServerGround, live: LiveView, uses: Applications, rules: ProjectRules
) -> ApplicationCalls:
    """The use cases for callers; see `api.handlers.planning` for what is beyond the contract."""
    from tiphys.services.applications.calls import ApplicationCalls

    return ApplicationCalls(
        uses,
        app_access(ground, rules),
        ground.applications,
        ground.audit,
        live,
        rollback_action=lambda: "rollback" if _enforces_rollback(ground) else "sync",
    )


def application_routes(
    ground: ServerGround, live: LiveView, uses: Applications, rules: ProjectRules
) -> Sequence[Route]:
    """The calls beyond the contract, which an ApiServer takes as `beyond`."""
    from tiphys.api.handlers.planning import plan_routes

    return plan_routes(application_calls(ground, live, uses, rules))


def application_uses(
    ground: ServerGround,
    sources: SourceCheck,
    rules: ProjectRules | None = None,
    *,
    replace_allowed: bool = True,
) -> Applications:
    """The use cases on applications, on what the server follows."""
    from tiphys.adapters.kube import Limits
    from tiphys.bootstrap.clusters import connector
    from tiphys.services.applications.service import Applications
    from tiphys.services.applications.settings import FollowedSettings
    from tiphys.services.applications.surroundings import Surroundings

    clusters = KnownClusters(ground)
    settings = FollowedSettings(
        ground.client,
        ground.namespace,
        ground.settings,
        ground.config_maps.get,
        replace_allowed=replace_allowed,
    )
    found = Applications(
        ground.client,
        ground.client,
        ground.discovery,
        sources,
        namespace=ground.namespace,
        connect=connector(ground.config, ground.transport, component="server", limits=Limits()),
        evaluator=ground.evaluator,
        clock=ground.now,
        surroundings=Surroundings(settings, clusters.table, rules or project_rules(ground)),
    )
    ground.stack.push_async_callback(found.close)
    return found


def _enforces_rollback(ground: ServerGround) -> bool:
    """Raises ApiError for a setting that cannot be read: nobody may more because of it."""
    text = ((ground.config_maps.get("argocd-cm") or {}).get("data") or {}).get(_ROLLBACK, "")
    if text and text not in _BOOLEANS:
        raise ApiError(ApiCode.UNKNOWN, f"{_ROLLBACK}: {text[:20]!r} is neither true nor false")
    return bool(text) and _BOOLEANS[text]


def _watch_buffer() -> int:
    text = os.environ.get("ARGOCD_WATCH_API_BUFFER_SIZE", "")
    return int(text) if text.isascii() and text.isdigit() and int(text[:9]) > 0 else _BUFFER
