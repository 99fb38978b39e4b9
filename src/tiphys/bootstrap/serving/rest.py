"""Wires the methods on all that is not an Application, an account or a session."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tiphys.bootstrap.serving.ground import ServerGround, Stored

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from tiphys.adapters.kube import KubeClient
    from tiphys.api.calls import Handlers
    from tiphys.api.handlers.cluster import Info
    from tiphys.core.settings.settings import Settings
    from tiphys.core.settings.shown import Shown
    from tiphys.services.access.events import KubeAudit
    from tiphys.services.reconcile.named import NamedObjects

_DRAIN_SECONDS = 2.0
_SECRET = "argocd-secret"  # noqa: S105 - a name


async def rest_handlers(
    ground: ServerGround,
    *,
    cluster_info: Info | None = None,
    logins: Callable[[], bool],
    replace_allowed: bool = True,
    namespaces_flag: bool = False,
) -> Handlers:
    """`logins` says whether some enabled account may log in with a password. The others are what
    the flags sync-with-replace-allowed and application-namespaces say. `cluster_info` is a
    LiveView's.
    """
    from tiphys.bootstrap.serving.stored import stored_handlers

    return {
        **_about_itself(ground, logins, replace=replace_allowed, namespaces=namespaces_flag),
        **await stored_handlers(ground, cluster_info or _nobody_watches),
    }


def audit(
    stack: AsyncExitStack,
    client: KubeClient,
    settings: Callable[[], Settings],
    projects: NamedObjects,
    *,
    namespace: str,
    now: Callable[[], datetime],
    environment: Mapping[str, str],
) -> KubeAudit:
    """What is still unwritten at the end is given a moment."""
    from tiphys.core.settings.values import words
    from tiphys.services.access.events import KubeAudit

    key = "ARGOCD_ENABLE_K8S_EVENT"
    found = KubeAudit(
        client,
        settings,
        namespace=namespace,
        now=now,
        unique=time.time_ns,
        enabled=words(key, environment.get(key) or "all"),
        project=projects.get,
    )

    async def drain() -> None:
        await found.drain(within=_DRAIN_SECONDS)

    stack.push_async_callback(drain)
    return found


def general(ground: Stored) -> Mapping[str, str]:
    """The data of argocd-cm."""
    return (ground.config_maps.get("argocd-cm") or {}).get("data") or {}


def secret_texts(ground: Stored) -> Callable[[str], Mapping[str, str]]:
    """The texts of the control plane's Secrets by name; the empty name is argocd-secret's."""

    def texts(name: str) -> Mapping[str, str]:
        secret = ground.secrets.get(name or _SECRET) or {}
        found: dict[str, str] = {}
        for key, value in (secret.get("data") or {}).items():
            try:
                found[key] = base64.b64decode(value, validate=True).decode()
            except (binascii.Error, ValueError):
                continue
        return found

    return texts


async def _nobody_watches(_server: str) -> None:
    return None


def _about_itself(
    ground: ServerGround, logins: Callable[[], bool], *, replace: bool, namespaces: bool
) -> Handlers:
    from tiphys.adapters.plugin.sockets import socket_folder, sockets
    from tiphys.api.handlers.settings import SettingsHandlers
    from tiphys.api.handlers.version import VersionHandlers
    from tiphys.core.settings.shown import Shown
    from tiphys.core.sso.settings import SsoSettings, sso_settings
    from tiphys.model.errors import SettingsError

    def sso() -> SsoSettings | None:
        try:
            return sso_settings(general(ground), secret_texts(ground))
        except SettingsError:
            # Whoever reads the log of the login is told; pages are shown without it.
            return None

    def shown() -> Shown:
        return Shown(
            data=general(ground),
            settings=ground.settings(),
            namespace=ground.namespace,
            logins=logins(),
            sso=sso(),
            replace=replace,
            namespaces=namespaces,
        )

    async def plugins() -> Sequence[str]:
        # Those that have their sockets beside this process.
        folder = socket_folder(os.environ)
        return [one.name for one in await asyncio.to_thread(sockets, folder)]

    def anonymous() -> bool:
        return general(ground).get("users.anonymous.enabled") == "true"

    return {
        **VersionHandlers(anonymous).methods(),
        **SettingsHandlers(shown, plugins).methods(),
    }
