"""HTTP to one API server: connections, authentication, retries. Knows no kinds.

There is no rate limit on this side: the server's priority and fairness says when to wait (429),
and the number of connections bounds what is under way. Watches have connections of their own,
so that they never keep a request waiting. No call takes longer than `Limits.whole_call`, however
often it is repeated: who must stop writing in time can count on that.
"""

from __future__ import annotations

import asyncio
import copy
import random
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, MutableSequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from yarl import URL

from tiphys import __version__
from tiphys.adapters.kube.config import KubeConfig
from tiphys.adapters.kube.credentials import BearerToken
from tiphys.adapters.kube.errors import error_from_status
from tiphys.adapters.kube.traffic import describe
from tiphys.model.errors import KubeError, KubeUnreachableError
from tiphys.model.traffic import KubeRequest

_JSON = "application/json"
# aiohttp's default of 64 KiB would wake the reader some ten times for one page of a list.
_READ_BUFFER = 1 << 20
# Code, agent and quoted text; other codes than 299 are of caches, which API servers have none of.
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds unless said. `connections` bounds the requests under way, watches aside."""

    connections: int = 20
    request: float = 30.0
    whole_call: float = 60.0
    connect: float = 10.0
    attempts: int = 5
    first_wait: float = 0.2
    longest_wait: float = 10.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `repeatable` says that doing it twice is doing it once.

    `warnings` collects the server's Warning headers (RFC 7234, as Kubernetes sends them).
    """

    method: str
    path: str
    query: Mapping[str, str] | None = None
    body: Any = None
    content_type: str = _JSON
    accept: str = _JSON
    repeatable: bool = True
    secret: bool = False
    warnings: MutableSequence[str] | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Transport:
    """A pool of connections to one API server; close it on the loop that used it.

    `counted` hears of every request that was answered, or was not.
    """

    def __init__(
        self,
        config: KubeConfig,
        *,
        component: str = "client",
        limits: Limits | None = None,
        counted: Callable[[KubeRequest], None] | None = None,
    ) -> None:
        self._config = config
        self._limits = limits or Limits()
        self._counted = counted
        self._token = BearerToken(config)
        self._sessions = _Sessions(
            config, f"tiphys/{__version__} ({component})", self._limits.connections
        )
        self._account: Mapping[str, str] = {}

    async def close(self) -> None:
        await self._sessions.close()

    def acting_as(self, account: str) -> Transport:
        """The same connections and credentials, in the name of another account."""
        other = copy.copy(self)
        other._account = {"Impersonate-User": account}
        return other

    async def probe(self, call: Call) -> None:
        """One attempt with little patience: whether the server answers at all."""
        try:
            await self._once(call, self._limits.connect)
        except _TryAgainError as refused:
            raise refused.error from None

    async def json(self, call: Call) -> Any:
        """The decoded answer; {} where there is no body."""
        body = await self.fetch(call)
        return orjson.loads(body) if body else {}

    async def fetch(self, call: Call) -> bytes:
        """The answer's body, after as many attempts as the call and the limits allow."""
        clock = asyncio.get_running_loop().time
        end = clock() + self._limits.whole_call
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._once(call, min(self._limits.request, end - clock()))
            except _TryAgainError as refused:
                wait = self._wait(attempt, refused.after)
                if attempt >= self._limits.attempts or clock() + wait >= end:
                    raise refused.error from None
            await asyncio.sleep(wait)

    @asynccontextmanager
    async def stream(self, call: Call, *, silence: float) -> AsyncIterator[aiohttp.StreamReader]:
        """An answer without end, such as a watch; `silence` seconds without a byte end it."""
        timeout = aiohttp.ClientTimeout(total=None, connect=self._limits.connect, sock_read=silence)
        begun = False
        asked = asyncio.get_running_loop().time()
        try:
            async with self._sessions.watching().request(
                **self._arguments(call), timeout=timeout
            ) as answer:
                self._count(call, answer.status, asked)
                if answer.status >= 300:
                    self._worth_repeating(call, answer.status)
                    raise self._refusal(call, answer.status, await answer.read())
                begun = True
                yield answer.content
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            if not (begun and isinstance(error, aiohttp.SocketTimeoutError)):
                raise _unreachable(call, error) from None

    async def _once(self, call: Call, seconds: float) -> bytes:
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=self._limits.connect)
        arguments = self._arguments(call)
        sent = len(arguments["data"] or b"")
        asked = asyncio.get_running_loop().time()
        try:
            async with self._sessions.requesting().request(**arguments, timeout=timeout) as answer:
                body = await answer.read()
                status = answer.status
                after = answer.headers.get("Retry-After")
                warned = answer.headers.getall("Warning", ())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._count(call, 0, asked, sent=sent)
            unreachable = _unreachable(call, error)
            if _worth_another_connection(call, error):
                raise _TryAgainError(unreachable) from None
            raise unreachable from None
        self._count(call, status, asked, sent=sent, received=len(body))
        if status < 300:
            if call.warnings is not None:
                call.warnings.extend(_warnings(warned))
            return body
        refusal = self._refusal(call, status, body)
        if self._worth_repeating(call, status):
            raise _TryAgainError(refusal, _seconds(after))
        raise refusal

    def _count(
        self, call: Call, code: int, asked: float, *, sent: int = 0, received: int = 0
    ) -> None:
        if self._counted is None:
            return
        request = describe(
            self._config.server,
            call.method,
            call.path,
            call.query or {},
            code=code,
            seconds=asyncio.get_running_loop().time() - asked,
            sent=sent,
            received=received,
        )
        self._counted(request)

    def _worth_repeating(self, call: Call, status: int) -> bool:
        if status == 401:
            return self._token.renew()
        # 429 says that nothing was done; after a 5xx something may have been.
        return status == 429 or (status >= 500 and call.repeatable)

    def _refusal(self, call: Call, status: int, body: bytes) -> KubeError:
        try:
            decoded = orjson.loads(body)
        except orjson.JSONDecodeError:
            decoded = None
        return error_from_status(
            status, decoded if isinstance(decoded, dict) else None, str(call), secret=call.secret
        )

    def _wait(self, attempt: int, after: float | None) -> float:
        limits = self._limits
        ceiling = min(limits.longest_wait, limits.first_wait * 2 ** (attempt - 1))
        # Spread, so that what was refused together does not come back together.
        spread: float = ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
        return spread if after is None else min(after, limits.longest_wait) + spread * 0.1

    def _arguments(self, call: Call) -> dict[str, Any]:
        headers = {"Accept": call.accept, **self._account, **self._token.header()}
        data = None
        if call.body is not None:
            data = orjson.dumps(call.body)
            headers["Content-Type"] = call.content_type
        return {
            "method": call.method,
            "url": URL(self._config.server + call.path, encoded=True),
            "params": call.query,
            "data": data,
            "headers": headers,
            "allow_redirects": False,
            "server_hostname": self._config.tls_server_name or None,
        }


class _Sessions:
    """Connections for requests and for watches, opened when they are first asked for."""

    def __init__(self, config: KubeConfig, agent: str, connections: int) -> None:
        self._config = config
        self._agent = agent
        self._connections = connections
        self._requests: aiohttp.ClientSession | None = None
        self._watches: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        for session in (self._requests, self._watches):
            if session is not None:
                await session.close()
        self._requests = self._watches = None

    def requesting(self) -> aiohttp.ClientSession:
        if self._requests is None:
            self._requests = self._session(self._connections)
        return self._requests

    def watching(self) -> aiohttp.ClientSession:
        if self._watches is None:
            self._watches = self._session(0)
        return self._watches

    def _session(self, limit: int) -> aiohttp.ClientSession:
        context = self._config.ssl_context()
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


class _TryAgainError(Exception):
    """Never leaves this module: an answer after which the same call may be made again."""

    def __init__(self, error: KubeError, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


def _worth_another_connection(call: Call, error: BaseException) -> bool:
    if isinstance(error, aiohttp.ClientSSLError):
        return False
    # A connection that was refused carried nothing, whatever the method.
    return call.repeatable or isinstance(error, aiohttp.ClientConnectorError)


def _unreachable(call: Call, error: BaseException) -> KubeUnreachableError:
    said = str(error) or type(error).__name__
    return KubeUnreachableError(f"{call}: the API server cannot be reached: {said}")


def _warnings(headers: Iterable[str]) -> Iterator[str]:
    """The texts, each once; a header may hold several."""
    texts = (found for header in headers for found in _WARNING.findall(header))
    yield from dict.fromkeys(_ESCAPED.sub(r"\1", text) for text in texts)


def _seconds(value: str | None) -> float | None:
    """Retry-After in seconds; its date form is not used by API servers."""
    try:
        return max(0.0, float(value)) if value is not None else None
    except ValueError:
        return None
