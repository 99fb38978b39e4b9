"""Calls of the API, over whichever of its protocols gets through."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
)
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Protocol

from grpclib.const import Cardinality

from tiphys.adapters.apiclient.errors import ConnectError
from tiphys.adapters.apiclient.native import NativeTransport
from tiphys.adapters.apiclient.web import WebTransport
from tiphys.core.wire import contract, decode, encode
from tiphys.model.connection import ServerConnection
from tiphys.model.errors import ApiCode, ApiError

VERSION = "3.6.0"
"""Of the contract that this client speaks."""
AGENT = f"argocd-client/v{VERSION}"
_MEGABYTE = 1024 * 1024
_TRIES = 3
_WAIT_SECONDS = 1.0
_WORTH_REPEATING = frozenset({ApiCode.UNAVAILABLE, ApiCode.RESOURCE_EXHAUSTED})


class _Transport(Protocol):
    def messages(
        self,
        method: str,
        requests: AsyncIterable[bytes],
        cardinality: Cardinality,
        told: dict[str, str],
    ) -> AsyncGenerator[bytes, None]: ...

    async def close(self) -> None: ...


class ApiClient:
    """Requests and answers are in the contract's JSON shape. All methods raise ApiError.

    `warn` is told once where gRPC does not get through and gRPC-web does.
    """

    def __init__(
        self,
        connection: ServerConnection,
        *,
        limit_megabytes: int = 200,
        warn: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._connection = connection
        self._limit = limit_megabytes * _MEGABYTE
        self._warn = warn
        self._transport = self._made(web=connection.grpc_web)

    async def open(self, *, probing: bool = True) -> None:
        """Finds the protocol that gets through. Raises ConnectError where nobody answers."""
        if self._connection.grpc_web or not probing:
            return
        try:
            await self._once("version.VersionService/Version", ({},), {})
        except ApiError as error:
            if await self._works_over_web():
                self._warn(
                    "Failed to invoke grpc call. Use flag --grpc-web in grpc calls to suppress "
                    "this warning message."
                )
                return
            if isinstance(error, ConnectError):
                raise

    async def call(
        self, method: str, request: Mapping[str, Any], *, told: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """`told` gets the answer's header metadata."""
        return await self._repeated(method, (request,), told)

    async def upload(self, method: str, requests: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Many messages to one answer. They are gone through once, so nothing is repeated."""
        return await self._once(method, requests, {})

    async def stream(
        self, method: str, request: Mapping[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        found = contract().methods[method]
        requests = _encoded(found.request, (request,))
        async with aclosing(
            self._transport.messages(method, requests, Cardinality.UNARY_STREAM, {})
        ) as answers:
            async for answer in answers:
                yield decode(found.response, answer)

    async def close(self) -> None:
        await self._transport.close()

    async def _repeated(
        self, method: str, requests: Iterable[Mapping[str, Any]], told: dict[str, str] | None
    ) -> dict[str, Any]:
        for left in reversed(range(_TRIES)):
            try:
                return await self._once(method, requests, told if told is not None else {})
            except ApiError as error:
                if not left or error.code not in _WORTH_REPEATING:
                    raise
            await asyncio.sleep(_WAIT_SECONDS)
        raise AssertionError("the last attempt returns or raises")

    async def _once(
        self, method: str, requests: Iterable[Mapping[str, Any]], told: dict[str, str]
    ) -> dict[str, Any]:
        found = contract().methods[method]
        kind = Cardinality.UNARY_UNARY if isinstance(requests, tuple) else Cardinality.STREAM_UNARY
        encoded = _encoded(found.request, requests)
        async with aclosing(self._transport.messages(method, encoded, kind, told)) as answers:
            async for answer in answers:
                decoded: dict[str, Any] = decode(found.response, answer)
                return decoded
        raise ApiError(ApiCode.INTERNAL, f"{method} gave no answer")

    async def _works_over_web(self) -> bool:
        native, self._transport = self._transport, self._made(web=True)
        try:
            await self._once("version.VersionService/Version", ({},), {})
        except ApiError:
            await self._transport.close()
            self._transport = native
            return False
        await native.close()
        return True

    def _made(self, *, web: bool) -> _Transport:
        connection = replace(self._connection, grpc_web=web)
        metadata = {name.lower(): value for name, value in connection.headers}
        if connection.token:
            metadata["token"] = connection.token
        if web:
            return WebTransport(connection, metadata, agent=AGENT, limit=self._limit)
        return NativeTransport(connection, metadata, agent=AGENT, limit=self._limit)


async def _encoded(message: str, values: Iterable[Mapping[str, Any]]) -> AsyncIterator[bytes]:
    for value in values:
        yield encode(message, value)
