"""Wires the methods on what is live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tiphys.bootstrap.serving.ground import ServerGround

if TYPE_CHECKING:
    from tiphys.api.calls import Handlers
    from tiphys.services.applications.access import AppAccess
    from tiphys.services.applications.service import Applications
    from tiphys.services.live.view import LiveView
    from tiphys.services.liveview.finding import Finder
    from tiphys.services.projects.rules import ProjectRules


def live_handlers(
    ground: ServerGround,
    view: LiveView,
    apps: AppAccess,
    applications: Applications,
    rules: ProjectRules,
) -> Handlers:
    """`applications` is the service over what the API server follows."""
    from tiphys.api.handlers.live import LiveHandlers
    from tiphys.api.handlers.logs import LogHandlers
    from tiphys.api.handlers.manifests import ManifestHandlers
    from tiphys.bootstrap.receiving import receiving

    finder = tree_finder(view, applications, rules)

    def settings() -> Mapping[str, str]:
        return general(ground)

    live = LiveHandlers(
        apps, applications, view, finder, rules, ground.audit, ground.client, settings
    )
    logs = LogHandlers(apps, applications, finder, settings, ground.now)
    manifests = ManifestHandlers(apps, applications, receiving)
    return {**live.methods(), **logs.methods(), **manifests.methods()}


def tree_finder(view: LiveView, applications: Applications, rules: ProjectRules) -> Finder:
    from tiphys.services.liveview.finding import Finder

    return Finder(view, lambda name: applications.refresh(name, hard=False), rules)


def general(ground: ServerGround) -> Mapping[str, str]:
    """The data of argocd-cm."""
    return (ground.config_maps.get("argocd-cm") or {}).get("data") or {}
