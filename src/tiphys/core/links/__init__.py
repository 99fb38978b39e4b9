"""Deep links: what is configured, what templates are filled with, and what may be shown.

Templates and conditions are evaluated elsewhere; here is what goes in, and what of it comes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tiphys.core.settings.values import objects
from tiphys.core.tree.network import is_web
from tiphys.model.cluster import Cluster
from tiphys.model.errors import SettingsError
from tiphys.model.resource import Manifest

MANAGED_BY_URL = "argocd.argoproj.io/managed-by-url"
_FIELDS = {
    "title": "title",
    "url": "url",
    "description": "description",
    "icon.class": "icon_class",
    "if": "condition",
}


class LinkKind(StrEnum):
    """Values are the keys of argocd-cm."""

    APPLICATION = "application.links"
    RESOURCE = "resource.links"
    PROJECT = "project.links"


@dataclass(frozen=True, slots=True)
class DeepLink:
    """As it was written: Go templates, and a condition of expr."""

    title: str
    url: str
    description: str = ""
    icon_class: str = ""
    condition: str = ""


@dataclass(frozen=True, slots=True)
class MadeLink:
    """What came of a link for one object."""

    title: str
    url: str
    description: str = ""
    icon_class: str = ""

    def to_json(self) -> dict[str, Any]:
        found = {
            "title": self.title,
            "url": self.url,
            "description": self.description,
            "iconClass": self.icon_class,
        }
        return {key: value for key, value in found.items() if value or key in ("title", "url")}


def deep_links(kind: LinkKind, data: Mapping[str, str]) -> tuple[DeepLink, ...]:
    """Those of argocd-cm's data. Raises SettingsError for what is no list of links."""
    return tuple(_link(kind, item) for item in objects(kind, data.get(kind) or ""))


def may_be_shown(link: MadeLink) -> bool:
    """A page makes links of them: what a browser would run instead of open is no link."""
    return bool(link.title) and is_web(link.url)


def project_data(project: Manifest) -> dict[str, Any]:
    return {"project": _without_status(project)}


def application_data(application: Manifest, cluster: Cluster | None, url: str) -> dict[str, Any]:
    """`url` is where the server itself is reached."""
    return {**_about(application, cluster), "managedByURL": _managed_by(application) or url}


def resource_data(
    resource: Manifest, application: Manifest, cluster: Cluster | None, project: Manifest
) -> dict[str, Any]:
    """`resource` is masked already."""
    return {
        "resource": dict(resource),
        **_about(application, cluster),
        "project": _without_status(project),
        "managedByURL": _managed_by(application),
    }


def _about(application: Manifest, cluster: Cluster | None) -> dict[str, Any]:
    found: dict[str, Any] = {"application": dict(application), "app": dict(application)}
    return found if cluster is None else {**found, "cluster": _shown(cluster)}


def _shown(cluster: Cluster) -> dict[str, Any]:
    return {
        "server": cluster.server,
        "name": cluster.name,
        "namespaces": list(cluster.namespaces),
        "shard": cluster.shard,
        "project": cluster.project,
        "labels": dict(cluster.labels),
        "annotations": dict(cluster.annotations),
    }


def _managed_by(application: Manifest) -> str:
    annotations = (application.get("metadata") or {}).get("annotations") or {}
    url = str(annotations.get(MANAGED_BY_URL) or "")
    return url if is_web(url) else ""


def _without_status(project: Manifest) -> dict[str, Any]:
    """Tokens are listed there."""
    return {**project, "status": {}}


def _link(kind: LinkKind, item: Mapping[str, Any]) -> DeepLink:
    found: dict[str, str] = {}
    for name, value in item.items():
        if name not in _FIELDS:
            raise SettingsError(f"{kind}: unknown field {name}", key=kind)
        if value is not None and not isinstance(value, str):
            raise SettingsError(f"{kind}: {name} is not a text", key=kind)
        found[_FIELDS[name]] = value or ""
    return DeepLink(found.pop("title", ""), found.pop("url", ""), **found)


Made = Sequence[MadeLink | str | None]
"""Of each link what came of it: a link, why there is none, or None where it does not apply."""
