"""Wires the routes beside the API: the badge, and what extensions of pages ask of backends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import structlog

from tiphys.bootstrap.serving.ground import ServerGround
from tiphys.bootstrap.serving.rest import general, secret_texts

if TYPE_CHECKING:
    import aiohttp
    from starlette.routing import BaseRoute

    from tiphys.core.extensions import Backend
    from tiphys.services.applications.access import AppAccess
    from tiphys.services.projects.rules import ProjectRules

log = structlog.get_logger()


def beside_routes(
    ground: ServerGround,
    apps: AppAccess,
    rules: ProjectRules,
    *,
    extensions: bool = False,
    everything: bool = False,
) -> Sequence[BaseRoute]:
    """`extensions` is what the flag enable-proxy-extension says; `everything` where nobody has to
    log in.
    """
    from tiphys.api.badge import Badges

    badges = Badges(ground.applications, lambda: general(ground), apps.enabled, ground.namespace)
    found: list[BaseRoute] = [badges.route()]
    if extensions:
        from tiphys.api.extensions import Extensions

        known = _KnownBackends(ground)
        proxy = Extensions(
            known.present,
            ground.sessions,
            ground.access,
            ground.applications,
            rules,
            known.client,
            everything=everything,
        )
        found.append(proxy.route())
    return found


class _KnownBackends:
    """Those of the ConfigMap, read again when it or a Secret changed; the last good ones count."""

    def __init__(self, ground: ServerGround) -> None:
        self._ground = ground
        self._seen: tuple[object, object] | None = None
        self._known: Mapping[str, Backend] = {}
        self._clients: dict[Backend, aiohttp.ClientSession] = {}
        ground.stack.push_async_callback(self._close)

    def present(self) -> Mapping[str, Backend]:
        from tiphys.core.extensions import backends
        from tiphys.model.errors import SettingsError

        seen = (self._ground.config_maps.version, self._ground.secrets.version)
        if self._seen is None or any(
            one is not other for one, other in zip(seen, self._seen, strict=True)
        ):
            self._seen = seen
            try:
                self._known = backends(general(self._ground), secret_texts(self._ground))
            except SettingsError as error:
                log.warning("extensions cannot be read", error=str(error))
        return self._known

    def client(self, backend: Backend) -> aiohttp.ClientSession:
        import aiohttp

        if backend not in self._clients:
            self._clients[backend] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, limit_per_host=0, keepalive_timeout=backend.idle
                ),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=backend.connect),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._clients[backend]

    async def _close(self) -> None:
        for client in self._clients.values():
            await client.close()
