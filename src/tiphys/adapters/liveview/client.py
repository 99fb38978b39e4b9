"""Implements LiveView by asking the controller.

What is large is remembered by its version, where there is a cache: the controller is asked all
the same, and says whether it is still so. A cache can be wrong about nothing but the time it saves.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

import aiohttp
import orjson

from tiphys.model.errors import ApiCode, ApiError

_SECONDS = 60.0
_SILENCE = 30.0
"""The controller says something at least three times as often while a stream is open."""
_AGAIN = 1.0
_LINE = 64 << 20


class Remembered(Protocol):
    """A cache that proves what it holds to be ours. Blocking, and never raises."""

    def load(self, group: str) -> Sequence[bytes]: ...

    def keep(self, group: str, name: str, data: bytes) -> None: ...


class LiveClient:
    """`address` is `host:port`; a context without which nothing is encrypted is for tests alone.

    Close it on the loop that used it.
    """

    def __init__(
        self,
        address: str,
        *,
        context: Callable[[], ssl.SSLContext | None],
        cache: Remembered | None = None,
    ) -> None:
        self._address = address
        self._context = context
        self._cache = cache
        self._session: aiohttp.ClientSession | None = None
        self._base = ""

    async def tree(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = await self._get("tree", namespace=namespace, name=name)
        return found

    async def trees(self, namespace: str, name: str) -> AsyncIterator[Mapping[str, Any]]:
        """Begins again where the controller was away for a moment: then a tree comes at once."""
        missed = False
        while True:
            try:
                async for tree in self._stream(namespace, name, now=missed):
                    yield tree
                return
            except (aiohttp.ClientError, OSError, TimeoutError):
                missed = True
                await asyncio.sleep(_AGAIN)

    async def managed(self, namespace: str, name: str) -> Sequence[Mapping[str, Any]] | None:
        group = f"managed {namespace}/{name}"
        known, body = await self._load(group)
        query = {"namespace": namespace, "name": name}
        headers = {"If-None-Match": known} if known else {}
        status, version, answer = await self._ask("managed", query, headers)
        if status == 404:
            return None
        if status != 304:
            body = answer
            await self._keep(group, version, body)
        found: Sequence[Mapping[str, Any]] = orjson.loads(body)
        return found

    async def cluster_info(self, server: str) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = await self._get("cluster", server=server)
        return found

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _get(self, what: str, **query: str) -> Any:
        status, _, body = await self._ask(what, query, {})
        return None if status == 404 else orjson.loads(body)

    async def _ask(
        self, what: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, str, bytes]:
        try:
            async with self._opened().get(
                f"{self._base}/{what}", params=query, headers=headers
            ) as answer:
                body = await answer.read()
                status, version = answer.status, answer.headers.get("ETag", "")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._unavailable(_said(error)) from None
        if status not in (200, 304, 404):
            raise self._unavailable(f"it answered {status}")
        return status, version, body

    async def _stream(
        self, namespace: str, name: str, *, now: bool
    ) -> AsyncIterator[Mapping[str, Any]]:
        query = {"namespace": namespace, "name": name, "now": "true" if now else ""}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=_SILENCE)
        session = self._opened()
        async with session.get(f"{self._base}/trees", params=query, timeout=timeout) as answer:
            if answer.status != 200:
                raise aiohttp.ClientPayloadError(f"it answered {answer.status}")
            rest = b""
            async for chunk in answer.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > _LINE:
                    raise aiohttp.ClientPayloadError("a tree is too large")
                for line in lines:
                    if line == b"end":
                        return
                    if line:
                        yield orjson.loads(line)
        raise aiohttp.ClientPayloadError("the stream was cut")

    async def _load(self, group: str) -> tuple[str, bytes]:
        if self._cache is None:
            return "", b""
        entries = await asyncio.to_thread(self._cache.load, group)
        version, _, body = (entries[-1] if entries else b"").partition(b"\n")
        return version.decode(), body

    async def _keep(self, group: str, version: str, body: bytes) -> None:
        if self._cache is not None and version:
            data = version.encode() + b"\n" + body
            await asyncio.to_thread(self._cache.keep, group, "latest", data)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = self._context()
            self._base = f"{'http' if context is None else 'https'}://{self._address}/live/v1"
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=context if context is not None else False),
                timeout=aiohttp.ClientTimeout(total=_SECONDS, sock_connect=10.0),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session

    def _unavailable(self, reason: str) -> ApiError:
        return ApiError(
            ApiCode.UNAVAILABLE, f"the application controller at {self._address}: {reason}"
        )


def _said(error: BaseException) -> str:
    match error:
        case TimeoutError():
            return "no answer in time"
        case aiohttp.ClientConnectorCertificateError():
            return "its certificate is not of our authority"
        case aiohttp.ClientSSLError():
            return "TLS failed"
        case aiohttp.ClientConnectorError():
            return "it cannot be reached"
        case _:
            return f"the connection broke: {type(error).__name__}"
