"""Who a client is to the API server, kept fresh: tokens, files of tokens, programs that know."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tiphys.adapters.kube.config import KubeConfig
from tiphys.adapters.kube.errors import KubeConfigError
from tiphys.adapters.kube.program import ExecCredential, ask_program
from tiphys.model.cluster import ExecProvider


class ClientCertificate(NamedTuple):
    """PEM."""

    certificate: str
    key: str


class Credentials(Protocol):
    async def headers(self) -> Mapping[str, str]:
        """Raises KubeConfigError."""
        ...

    def certificate(self) -> ClientCertificate | None:
        """The one that came with the last headers, None for the configuration's."""
        ...

    async def renew(self) -> bool:
        """After a 401: whether there is something else to try now."""
        ...


def credentials_of(config: KubeConfig) -> Credentials:
    if config.exec_provider is not None:
        return ProgramCredentials(config.exec_provider, config)
    if config.token_file:
        return FileToken(Path(config.token_file))
    return FixedCredentials(config)


class FixedCredentials:
    def __init__(self, config: KubeConfig) -> None:
        self._headers: Mapping[str, str] = {}
        if config.token:
            self._headers = _bearer(config.token)
        elif config.username:
            pair = f"{config.username}:{config.password}".encode()
            self._headers = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    async def headers(self) -> Mapping[str, str]:
        return self._headers

    def certificate(self) -> ClientCertificate | None:
        return None

    async def renew(self) -> bool:
        return False


class FileToken:
    """A token in a file that the kubelet rotates.

    The file is looked at when its time of change moves, and read in any case after `renew`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._token = ""
        self._seen = 0

    async def headers(self) -> Mapping[str, str]:
        self._read()
        return _bearer(self._token) if self._token else {}

    def certificate(self) -> ClientCertificate | None:
        return None

    async def renew(self) -> bool:
        before = self._token
        self._seen = 0
        self._read()
        return self._token != before

    def _read(self) -> None:
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._seen:
                self._token = self._path.read_text().strip()
                self._seen = changed
        except OSError:
            # A moment without the file, while it is replaced, is bridged by the last token.
            if not self._token:
                raise KubeConfigError(
                    f"the token file {self._path} cannot be read", field="tokenFile"
                ) from None


class ProgramCredentials:
    """Asked when they are first needed, when they have expired, and after a 401."""

    def __init__(
        self,
        provider: ExecProvider,
        config: KubeConfig,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._provider = provider
        self._config = config
        self._clock = clock
        self._known: ExecCredential | None = None
        self._lock = asyncio.Lock()

    async def headers(self) -> Mapping[str, str]:
        known = self._known
        if known is None or self._expired(known):
            async with self._lock:
                known = self._known
                if known is None or self._expired(known):
                    known = await self._ask()
        return _bearer(known.token) if known.token else {}

    def certificate(self) -> ClientCertificate | None:
        known = self._known
        if known is None or not known.certificate:
            return None
        return ClientCertificate(known.certificate, known.key)

    async def renew(self) -> bool:
        before = self._known
        async with self._lock:
            # Of many refused at once only the first asks.
            if self._known is before:
                await self._ask()
        return self._known != before

    def _expired(self, known: ExecCredential) -> bool:
        return known.expires is not None and known.expires <= self._clock()

    async def _ask(self) -> ExecCredential:
        self._known = await ask_program(self._provider, _described(self._config))
        return self._known


def _bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _described(config: KubeConfig) -> Mapping[str, Any]:
    """The cluster as a program is told of it."""
    found: dict[str, Any] = {"server": config.server}
    if config.tls_server_name:
        found["tls-server-name"] = config.tls_server_name
    if config.insecure:
        found["insecure-skip-tls-verify"] = True
    if config.ca:
        found["certificate-authority-data"] = base64.b64encode(config.ca.encode()).decode()
    if config.proxy_url:
        found["proxy-url"] = config.proxy_url
    return found
