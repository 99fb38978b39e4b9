"""Proxy extensions: which backends there are, and which one a request goes to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tiphys.core.settings.duration import parse_duration
from tiphys.core.settings.references import Secrets, resolved
from tiphys.core.settings.values import checked, document
from tiphys.core.tree.network import is_web
from tiphys.model.appspec import ApplicationDestination
from tiphys.model.errors import SettingsError
from tiphys.model.repository import Confidential

KEY = "extension.config"
_NAME = re.compile(r"[A-Za-z0-9-_]+")
_APP = re.compile(r"(?P<namespace>[a-z0-9.-]+):(?P<name>[a-z0-9.-]+)")


@dataclass(frozen=True, slots=True)
class Service:
    """Where requests for a cluster go: for every one where neither name nor server is said."""

    url: str
    name: str = ""
    server: str = ""
    headers: tuple[tuple[str, Confidential], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """Times are seconds."""

    services: tuple[Service, ...]
    connect: float = 2.0
    keepalive: float = 15.0
    idle: float = 60.0
    most_idle: int = 30


def backends(data: Mapping[str, str], secrets: Secrets) -> dict[str, Backend]:
    """By name, of argocd-cm's data. Raises SettingsError."""
    found: dict[str, Backend] = {}
    whole = checked(KEY, resolved(document(KEY, data.get(KEY) or "{}"), secrets) or {}, "the value")
    for entry in whole.get("extensions") or ():
        one = checked(KEY, entry, "an extension")
        name = str(one.get("name") or "")
        _put(found, KEY, name, one.get("backend"))
    for key in sorted(data):
        if key.startswith(f"{KEY}."):
            one = checked(key, resolved(document(key, data[key]), secrets), "the value")
            # What an extension is, or the backend itself.
            _put(found, key, key.removeprefix(f"{KEY}."), one.get("backend", one))
    return found


def service_for(backend: Backend, destination: ApplicationDestination) -> Service | None:
    """The one for an application's destination as it is written."""
    if len(backend.services) == 1:
        return backend.services[0]
    for service in backend.services:
        if destination.name and service.name == destination.name:
            return service
        if destination.server and service.server == destination.server:
            return service
    return None


def asked_for(headers: Mapping[str, str]) -> tuple[str, str, str]:
    """(namespace, name, project) that a request's headers say. Raises ValueError."""
    app = headers.get("argocd-application-name", "")
    project = headers.get("argocd-project-name", "")
    if not app:
        raise ValueError("header Argocd-Application-Name must be provided")
    found = _APP.fullmatch(app)
    if found is None:
        raise ValueError("invalid value for Argocd-Application-Name header: <namespace>:<name>")
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", project):
        raise ValueError("header Argocd-Project-Name must be the name of a project")
    return found["namespace"], found["name"], project


def _put(found: dict[str, Backend], key: str, name: str, body: Any) -> None:
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{key}: an extension's name is made of letters, digits, - and _")
    if name in found:
        raise SettingsError(f"{key}: there is more than one extension {name}", key=key)
    found[name] = _backend(key, checked(key, body, "the backend"))


def _backend(key: str, body: Mapping[str, Any]) -> Backend:
    services = tuple(_service(key, one) for one in body.get("services") or ())
    if not services:
        raise SettingsError(f"{key}: the backend has no services", key=key)
    if len(services) > 1 and not all(one.name or one.server for one in services):
        raise SettingsError(f"{key}: each of several services needs a cluster", key=key)
    usual = Backend(services=services)
    most = body.get("maxIdleConnections")
    return Backend(
        services=services,
        connect=_seconds(key, body, "connectionTimeout", usual.connect),
        keepalive=_seconds(key, body, "keepAlive", usual.keepalive),
        idle=_seconds(key, body, "idleConnectionTimeout", usual.idle),
        most_idle=most if isinstance(most, int) and most > 0 else usual.most_idle,
    )


def _service(key: str, entry: Any) -> Service:
    body = checked(key, entry, "a service")
    cluster = checked(key, body.get("cluster") or {}, "the cluster")
    url = str(body.get("url") or "")
    if not is_web(url):
        raise SettingsError(f"{key}: the URL of a service is none of http or https", key=key)
    headers = tuple(
        (str(one.get("name") or ""), Confidential(one.get("value") or ""))
        for one in (checked(key, item, "a header") for item in body.get("headers") or ())
    )
    return Service(url, str(cluster.get("name") or ""), str(cluster.get("server") or ""), headers)


def _seconds(key: str, body: Mapping[str, Any], name: str, usual: float) -> float:
    text = body.get(name)
    if text in (None, ""):
        return usual
    found = parse_duration(str(text))
    if found is None:
        raise SettingsError(f"{key}: {name} is not a duration such as 2s", key=key)
    return found
