"""gRPC-web: each call is an HTTP request, for proxies that know no HTTP/2."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping

import aiohttp
from grpclib.const import Cardinality
from yarl import URL

from tiphys.adapters.apiclient.errors import ConnectError, error_of
from tiphys.adapters.apiclient.tls import tls_context
from tiphys.model.connection import ServerConnection
from tiphys.model.errors import ApiCode, ApiError

_CONTENT_TYPE = "application/grpc-web+proto"
_HEAD = 5
_TRAILERS = 0x80
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 30.0


class WebTransport:
    """One session. Messages are bytes here, as for the native transport."""

    def __init__(
        self, connection: ServerConnection, metadata: Mapping[str, str], *, agent: str, limit: int
    ) -> None:
        self._connection = connection
        self._headers = {**metadata, "content-type": _CONTENT_TYPE, "user-agent": agent}
        self._limit = limit
        self._session: aiohttp.ClientSession | None = None
        scheme = "http" if connection.plaintext else "https"
        path = connection.root_path.strip("/")
        self._base = f"{scheme}://{connection.address}" + (f"/{path}" if path else "")

    async def messages(
        self,
        method: str,
        requests: AsyncIterable[bytes],
        cardinality: Cardinality,
        told: dict[str, str],
    ) -> AsyncGenerator[bytes, None]:
        del cardinality
        body = b"".join([_framed(request) async for request in requests])
        answer = await self._posted(method, body)
        try:
            told.update({name.lower(): value for name, value in answer.headers.items()})
            _raise_for(answer)
            async for message in _messages(answer.content, self._limit):
                yield message
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
            raise ApiError(ApiCode.UNAVAILABLE, f"the connection ended: {error}") from None
        finally:
            answer.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _posted(self, method: str, body: bytes) -> aiohttp.ClientResponse:
        left, wait = self._connection.retries, _FIRST_WAIT
        while True:
            try:
                answer = await self._post(method, body)
                if left <= 0 or not _worth_repeating(answer.status):
                    return answer
                answer.close()
            except ConnectError:
                if left <= 0:
                    raise
            left -= 1
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    async def _post(self, method: str, body: bytes) -> aiohttp.ClientResponse:
        url = URL(f"{self._base}/{method}", encoded=True)
        try:
            return await self._opened().post(url, data=body, headers=self._headers)
        except (aiohttp.ClientError, OSError) as error:
            reason = str(error) or os.strerror(getattr(error, "errno", 0) or 0)
            raise ConnectError(self._connection.address, reason) from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = tls_context(self._connection)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=context if context else False),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_LONGEST_WAIT),
                trust_env=True,
                auto_decompress=True,
            )
        return self._session


def _framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


def _worth_repeating(status: int) -> bool:
    return status == 429 or (status >= 500 and status != 501)


def _raise_for(answer: aiohttp.ClientResponse) -> None:
    """A refusal before the first message stands in the headers."""
    if answer.status != 200:
        raise ApiError(
            ApiCode.UNAVAILABLE, f"{answer.url.path} failed with status code {answer.status}"
        )
    error = error_of(answer.headers.get("Grpc-Status", "0"), answer.headers.get("Grpc-Message", ""))
    if error is not None:
        raise error


async def _messages(content: aiohttp.StreamReader, limit: int) -> AsyncIterator[bytes]:
    while True:
        try:
            head = await content.readexactly(_HEAD)
        except asyncio.IncompleteReadError as ended:
            if ended.partial:
                raise
            return
        size = int.from_bytes(head[1:], "big")
        if size > limit:
            raise ApiError(
                ApiCode.RESOURCE_EXHAUSTED,
                f"trying to receive message larger than max ({size} vs. {limit})",
            )
        data = await content.readexactly(size)
        if head[0] & _TRAILERS:
            _raise_for_trailers(data)
            return
        yield data


def _raise_for_trailers(data: bytes) -> None:
    pairs = (line.partition(":") for line in data.decode(errors="replace").splitlines())
    found = {name.strip().lower(): value.strip() for name, _, value in pairs}
    error = error_of(found.get("grpc-status", "0"), found.get("grpc-message", ""))
    if error is not None:
        raise error
