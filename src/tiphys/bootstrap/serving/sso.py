"""Wires single sign-on: the routes of browsers, and who verifies the provider's tokens."""

from __future__ import annotations

import asyncio
import os
import secrets as randomness
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from tiphys.adapters.cache.entries import MemoryEntries
from tiphys.adapters.dex import DexAddress, DexProcess, DexRelay
from tiphys.adapters.oidc import OidcProvider
from tiphys.bootstrap.serving.rest import general, secret_texts
from tiphys.core.sso.dex import DexPlace, dex_client_secret, dex_configuration
from tiphys.core.sso.settings import DexConfig, OidcConfig, SsoSettings, sso_settings
from tiphys.model.errors import SettingsError
from tiphys.model.identity import ProviderAccess
from tiphys.services.sso.login import Logins
from tiphys.services.sso.logout import Logouts
from tiphys.services.sso.ports import ByteCache, Ground
from tiphys.services.sso.sealing import SealedCache, Seals
from tiphys.services.sso.sessions import KeptSessions
from tiphys.services.sso.verification import ProviderTokens

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from tiphys.adapters.redis import RedisOptions
    from tiphys.bootstrap.serving.access import AccessParts
    from tiphys.bootstrap.serving.ground import Followed, Stored
    from tiphys.services.reconcile.named import NamedObjects

log = structlog.get_logger()

DEX_SERVER: Final = "argocd-dex-server:5556"
_DEX_CA: Final = Path("dex/tls/tls.crt")
_CONFIG_FOLDER: Final = "/app/config"


@dataclass(frozen=True, slots=True, kw_only=True)
class SsoOptions:
    """`dex_server` None: Dex is started here, from PATH. `provider_cache` in seconds is how long
    discovery and keys are believed. Without `redis` what is kept of logins is this process' own.
    """

    dex_server: str | None = DEX_SERVER
    dex_plaintext: bool = False
    dex_strict: bool = False
    base_href: str = ""
    cookie_count: int = 20
    provider_cache: float = 180.0
    redis: RedisOptions | None = None


@dataclass(frozen=True, slots=True)
class SsoParts:
    """`verifier` goes where sessions look for it; the routes are there with and without SSO."""

    routes: Sequence[BaseRoute]
    verifier: ProviderTokens
    settings: Callable[[], SsoSettings | None]


def open_sso(followed: Followed, access: AccessParts, options: SsoOptions) -> SsoParts:
    """Raises SettingsError for flags that cannot be followed."""
    from tiphys.api.sso import SsoEdge, sso_routes

    present = PresentSso(followed)
    dex = _Dex(followed, access, options, present)
    providers = _Providers(options.provider_cache)
    followed.stack.push_async_callback(providers.close)
    seals = Seals(access.book.key, randomness.token_bytes)
    ground = Ground(
        settings=present.settings,
        access=dex.access,
        provider=providers.of,
        cache=SealedCache(_cache(followed, options), seals),
        secret=access.book.key,
        session=lambda: float(access.book.session_seconds()),
        now=followed.now,
        randomness=randomness.token_bytes,
    )
    kept = KeptSessions(ground.cache)
    tokens = ProviderTokens(ground, kept)
    access.sessions.verifier = tokens
    edge = SsoEdge(
        logins=Logins(ground, kept, tokens, seals),
        logouts=Logouts(present.settings, kept, access.sessions),
        relay=dex.relay,
        urls=present.urls,
        base_href=options.base_href,
        cookie_count=options.cookie_count,
        debug=os.environ.get("ARGOCD_SSO_DEBUG", "") == "1",
    )
    return SsoParts(sso_routes(edge), tokens, present.settings)


class PresentSso:
    """The settings as they are now, read once for each state of ConfigMaps and Secrets."""

    def __init__(self, followed: Stored) -> None:
        self._followed = followed
        self._read_for: tuple[object, object] | None = None
        self._found: SsoSettings | None = None

    def settings(self) -> SsoSettings | None:
        versions = (self._followed.config_maps.version, self._followed.secrets.version)
        if versions != self._read_for:
            self._read_for = versions
            try:
                self._found = sso_settings(general(self._followed), secret_texts(self._followed))
            except SettingsError as error:
                log.error("SSO cannot be used", error=str(error))
                self._found = None
        return self._found

    def urls(self) -> Sequence[str]:
        settings = self.settings()
        if settings is not None:
            return settings.urls
        url = (general(self._followed).get("url") or "").strip().rstrip("/")
        return (url,) if url else ()


class _Dex:
    """Dex elsewhere, or started here as soon as it is configured."""

    def __init__(
        self, followed: Followed, access: AccessParts, options: SsoOptions, present: PresentSso
    ) -> None:
        self._followed = followed
        self._secret = access.book.key
        self._present = present
        self._place = DexPlace()
        self._process: DexProcess | None = None
        if options.dex_server is None:
            web, grpc, telemetry = (f"127.0.0.1:{port}" for port in _free_ports(3))
            self._place = DexPlace(web=web, grpc=grpc, telemetry=telemetry)
            self._address = DexAddress(host=web, plaintext=True)
            self._process = DexProcess()
            followed.stack.push_async_callback(self._process.close)
        else:
            self._address = _address(options.dex_server, options)
        self._relay = DexRelay(self._address)
        followed.stack.push_async_callback(self._relay.close)
        if self._process is not None:
            for objects in (followed.config_maps, followed.secrets):
                also(objects, self._configure)
            self._configure("")

    def relay(self) -> DexRelay | None:
        settings = self._present.settings()
        if settings is None or not isinstance(settings.provider, DexConfig):
            return None
        return self._relay

    def access(self, settings: SsoSettings) -> ProviderAccess:
        match settings.provider:
            case OidcConfig() as oidc:
                return ProviderAccess(
                    issuer=oidc.issuer,
                    client_id=oidc.client_id,
                    client_secret=oidc.client_secret,
                    root_ca=oidc.root_ca,
                    insecure=settings.insecure,
                    federated=oidc.azure.workload_identity,
                )
            case DexConfig():
                address = self._address
                return ProviderAccess(
                    issuer=settings.issuer,
                    client_id=settings.client_id,
                    client_secret=dex_client_secret(self._secret()),
                    root_ca=address.ca,
                    insecure=not address.strict,
                    reached_at=address.url,
                )

    def _configure(self, _name: str) -> None:
        """Dex is started anew only where what it is told is something else."""
        if self._process is None:
            return
        configure(self._process, self._followed, self._present, self._secret(), self._place)


def configure(
    process: DexProcess, stored: Stored, present: PresentSso, secret: bytes, place: DexPlace
) -> None:
    """What cannot be read leaves Dex as it runs."""
    try:
        process.configure(configuration(stored, present.settings(), secret, place))
    except SettingsError as error:
        log.error("Dex cannot be configured", error=str(error))


def configuration(
    stored: Stored, settings: SsoSettings | None, secret: bytes, place: DexPlace
) -> dict[str, Any] | None:
    """None where Dex is not asked for. Raises SettingsError."""
    if settings is None or not isinstance(settings.provider, DexConfig):
        return None
    return dex_configuration(
        settings.provider,
        url=settings.url,
        additional_urls=settings.additional_urls,
        secrets=secret_texts(stored),
        server_secret=secret,
        place=place,
    )


class _Providers:
    """The provider that is configured now; one that was is closed when nobody waits for it."""

    def __init__(self, lifetime: float) -> None:
        self._lifetime = lifetime
        self._present: tuple[ProviderAccess, OidcProvider] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def of(self, access: ProviderAccess) -> OidcProvider:
        if self._present is None or self._present[0] != access:
            if self._present is not None:
                task = asyncio.create_task(_close_late(self._present[1]))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
            self._present = (access, OidcProvider(access, lifetime=self._lifetime))
        return self._present[1]

    async def close(self) -> None:
        for task in list(self._closing):
            task.cancel()
        if self._present is not None:
            await self._present[1].close()


async def _close_late(provider: OidcProvider) -> None:
    try:
        await asyncio.sleep(30)
    finally:
        await provider.close()


def _address(text: str, options: SsoOptions) -> DexAddress:
    folder = Path(os.environ.get("ARGOCD_APP_CONF_PATH") or _CONFIG_FOLDER)
    try:
        return DexAddress.of(
            text, plaintext=options.dex_plaintext, strict=options.dex_strict, ca=folder / _DEX_CA
        )
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _cache(followed: Followed, options: SsoOptions) -> ByteCache:
    if options.redis is None:
        return MemoryEntries()
    from tiphys.adapters.redis.entries import RedisEntries

    entries = RedisEntries(options.redis)
    followed.stack.callback(entries.close)
    return entries


def also(objects: NamedObjects, listener: Callable[[str], None]) -> None:
    """Whoever listens already still does."""
    told = objects.listener

    def both(name: str) -> None:
        told(name)
        listener(name)

    objects.listener = both


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()
