"""HTTP to one API server: connections, authentication, retries. Knows no kinds.

There is no rate limit on this side unless it is asked for: the server's priority and fairness
says when to wait (429), and the number of connections bounds what is under way. Watches have
connections of their own, so that they never keep a request waiting. No call takes longer than
`Limits.whole_call`, however often it is repeated: who must stop writing in time can count on it.
"""

from __future__ import annotations

import asyncio
import copy
import random
import re
from collections.abc import (
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    MutableSequence,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from multidict import CIMultiDict
from yarl import URL

from tiphys import __version__
from tiphys.adapters.kube.config import KubeConfig, acting_as
from tiphys.adapters.kube.credentials import credentials_of
from tiphys.adapters.kube.errors import error_from_status
from tiphys.adapters.kube.pace import RequestPace
from tiphys.adapters.kube.sessions import Sessions
from tiphys.adapters.kube.traffic import describe
from tiphys.model.errors import KubeError, KubeUnreachableError
from tiphys.model.traffic import KubeRequest

_JSON = "application/json"
_LARGEST_MESSAGE = 4 << 20
# Code, agent and quoted text; other codes than 299 are of caches, which API servers have none of.
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds unless said. `connections` bounds the requests under way, watches aside.

    After `slow` it is asked whether the server is there at all.
    `qps` and `burst` are requests a second and at once; 0 is no limit.
    """

    connections: int = 20
    request: float = 30.0
    whole_call: float = 60.0
    connect: float = 10.0
    attempts: int = 5
    first_wait: float = 0.2
    longest_wait: float = 10.0
    slow: float = 5.0
    qps: float = 0.0
    burst: int = 0


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
        self._credentials = credentials_of(config)
        agent = f"tiphys/{__version__} ({component})"
        self._sessions = Sessions(config, agent, self._limits.connections, self._limits.whole_call)
        self._pace = RequestPace(self._limits.qps, self._limits.burst)
        self._account = config.acting_as
        self._slow: Callable[[], None] = _nobody_asks

    async def close(self) -> None:
        """For good: a call that comes after it is refused."""
        await self._sessions.close()

    async def suspend(self, problem: str) -> None:
        """The server is known not to answer: nobody is to wait for that, `probe` aside."""
        await self._sessions.suspend(problem)

    def resume(self) -> None:
        self._sessions.resume()

    def on_slow(self, listener: Callable[[], None]) -> None:
        """Calls when a request has waited so long that the server may be away."""
        self._slow = listener

    def acting_as(self, account: str) -> Transport:
        """The same connections and credentials, in the name of another account."""
        other = copy.copy(self)
        other._account = acting_as(account)
        return other

    async def probe(self, call: Call) -> None:
        """One attempt with little patience: whether the server answers at all."""
        try:
            await self._once(call, self._limits.slow)
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
            self._sessions.require_open()
            await self._pace.wait()
            try:
                return await self._once(call, min(self._limits.request, end - clock()))
            except _TryAgainError as refused:
                wait = self._wait(attempt, refused.after)
                if attempt >= self._limits.attempts or clock() + wait >= end:
                    raise refused.error from None
            await asyncio.sleep(wait)

    @asynccontextmanager
    async def stream(
        self, call: Call, *, silence: float | None
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """An answer without end, such as a watch; `silence` seconds without a byte end it, None
        for one that may say nothing for long.
        """
        timeout = aiohttp.ClientTimeout(total=None, connect=self._limits.connect, sock_read=silence)
        begun = False
        self._sessions.require_open()
        asked = asyncio.get_running_loop().time()
        try:
            arguments = await self._arguments(call)
            session = self._sessions.watching(self._credentials.certificate())
            async with session.request(**arguments, timeout=timeout) as answer:
                self._count(call, answer.status, asked)
                if answer.status >= 300:
                    await self._worth_repeating(call, answer.status)
                    raise self._refusal(call, answer.status, await answer.read())
                begun = True
                yield answer.content
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            if not (begun and isinstance(error, aiohttp.SocketTimeoutError)):
                raise _unreachable(call, error) from None

    @asynccontextmanager
    async def socket(
        self, path: str, query: Sequence[tuple[str, str]], protocols: Sequence[str]
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket, in the first of the protocols that the server speaks."""
        call = Call("GET", path)
        self._sessions.require_open()
        headers = CIMultiDict(self._account)
        headers.update(await self._credentials.headers())
        session = self._sessions.watching(self._credentials.certificate())
        url = URL(self._config.server + path, encoded=True).update_query(query)
        try:
            connected = await asyncio.wait_for(
                session.ws_connect(
                    url,
                    headers=headers,
                    protocols=protocols,
                    proxy=self._config.proxy_url or None,
                    server_hostname=self._config.tls_server_name or None,
                    max_msg_size=_LARGEST_MESSAGE,
                ),
                self._limits.connect + self._limits.request,
            )
        except aiohttp.WSServerHandshakeError as error:
            raise error_from_status(error.status, None, str(call)) from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(call, error) from None
        try:
            yield connected
        finally:
            await connected.close()

    async def _once(self, call: Call, seconds: float) -> bytes:
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=self._limits.connect)
        arguments = await self._arguments(call)
        session = self._sessions.requesting(self._credentials.certificate())
        sent = len(arguments["data"] or b"")
        loop = asyncio.get_running_loop()
        asked = loop.time()
        doubt = loop.call_later(self._limits.slow, self._slow)
        try:
            async with session.request(**arguments, timeout=timeout) as answer:
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
        finally:
            doubt.cancel()
        self._count(call, status, asked, sent=sent, received=len(body))
        if status < 300:
            if call.warnings is not None:
                call.warnings.extend(_warnings(warned))
            return body
        refusal = self._refusal(call, status, body)
        if await self._worth_repeating(call, status):
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

    async def _worth_repeating(self, call: Call, status: int) -> bool:
        if status == 401:
            return await self._credentials.renew()
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
        return spread if after is None else after + spread * 0.1

    async def _arguments(self, call: Call) -> dict[str, Any]:
        headers = CIMultiDict(self._account)
        headers["Accept"] = call.accept
        headers.update(await self._credentials.headers())
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
            "proxy": self._config.proxy_url or None,
        }


def _nobody_asks() -> None:
    pass


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
    if isinstance(error, aiohttp.ClientHttpProxyError):
        # Its text holds the proxy's URL, which may hold a password.
        said = f"the proxy answered {error.status}"
    if isinstance(error, aiohttp.InvalidURL):
        # The same, and it may be a proxy's as well as the server's.
        said = "the URL of the server, or of the proxy, is none"
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
