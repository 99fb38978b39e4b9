"""The connections to one API server, shared by all who act on it, under whatever account.

A client certificate that a program renews is loaded into new connections; what is under way on
the old ones is let be for a while.
"""

from __future__ import annotations

import asyncio

import aiohttp
from yarl import URL

from tiphys.adapters.kube.config import KubeConfig
from tiphys.adapters.kube.credentials import ClientCertificate
from tiphys.model.errors import ConnectionEndedError, KubeUnreachableError

# aiohttp's default of 64 KiB would wake the reader some ten times for one page of a list.
_READ_BUFFER = 1 << 20
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Sessions:
    """`connections` bounds the requests under way, watches aside. Belongs to one event loop.

    `lasting`: seconds after which nothing is under way any more on connections of before.
    """

    def __init__(self, config: KubeConfig, agent: str, connections: int, lasting: float) -> None:
        self._config = config
        self._agent = agent
        self._connections = connections
        self._lasting = lasting
        self._certificate: ClientCertificate | None = None
        self._requests: aiohttp.ClientSession | None = None
        self._watches: aiohttp.ClientSession | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._problem = ""
        self._closed = False

    def require_open(self) -> None:
        """Raises KubeUnreachableError where nothing may be sent, ConnectionEndedError for ever."""
        if self._closed:
            raise ConnectionEndedError(f"the connection to {self._config.server} is closed")
        if self._problem:
            raise KubeUnreachableError(self._problem)

    async def suspend(self, problem: str) -> None:
        """Ends what is under way, and refuses what comes, until `resume`."""
        self._problem = problem
        await self._drop()

    def resume(self) -> None:
        self._problem = ""

    async def close(self) -> None:
        self._closed = True
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        await self._drop()

    def requesting(self, certificate: ClientCertificate | None) -> aiohttp.ClientSession:
        self._use(certificate)
        if self._requests is None:
            self._requests = self._session(self._connections)
        return self._requests

    def watching(self, certificate: ClientCertificate | None) -> aiohttp.ClientSession:
        self._use(certificate)
        if self._watches is None:
            self._watches = self._session(0)
        return self._watches

    def _use(self, certificate: ClientCertificate | None) -> None:
        if self._closed:
            raise ConnectionEndedError(f"the connection to {self._config.server} is closed")
        if certificate == self._certificate:
            return
        self._certificate = certificate
        for session in (self._requests, self._watches):
            if session is not None:
                task = asyncio.create_task(self._leave(session))
                self._leaving.add(task)
                task.add_done_callback(self._leaving.discard)
        self._requests = self._watches = None

    async def _leave(self, session: aiohttp.ClientSession) -> None:
        try:
            await asyncio.sleep(self._lasting)
        finally:
            await session.close()

    async def _drop(self) -> None:
        sessions = (self._requests, self._watches)
        self._requests = self._watches = None
        for session in sessions:
            if session is not None:
                await session.close()

    def _session(self, limit: int) -> aiohttp.ClientSession:
        context = self._config.ssl_context(self._certificate)
        connector = aiohttp.TCPConnector(
            limit=limit, ssl=context if context is not None else True, keepalive_timeout=30.0
        )
        # On loopback compression only costs: a list of 5,000 takes twice as long with it.
        near = URL(self._config.server).host in _LOOPBACK
        encoding = "gzip" if self._config.compression and not near else "identity"
        return aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": self._agent, "Accept-Encoding": encoding},
            read_bufsize=_READ_BUFFER,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )
