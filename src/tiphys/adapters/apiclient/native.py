"""gRPC over HTTP/2. Messages are bytes here; what they mean is known above."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from typing import Any

from grpclib.client import Channel, Stream
from grpclib.config import Configuration
from grpclib.const import Cardinality
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError
from grpclib.metadata import encode_metadata
from multidict import MultiDict

from tiphys.adapters.apiclient.errors import CODES, ConnectError
from tiphys.adapters.apiclient.tls import tls_context
from tiphys.model.connection import ServerConnection
from tiphys.model.errors import ApiCode, ApiError

_CONNECT_SECONDS = 15.0
# The server allows pings that are ten seconds apart.
_PING_SECONDS = 20.0
_WINDOW = 4 * 1024 * 1024


class NativeTransport:
    """One connection, which is opened by the first call, and anew when it broke."""

    def __init__(
        self, connection: ServerConnection, metadata: Mapping[str, str], *, agent: str, limit: int
    ) -> None:
        self._connection = connection
        self._metadata = metadata
        self._agent = agent
        self._limit = limit
        self._channel: Channel | None = None

    async def messages(
        self,
        method: str,
        requests: AsyncIterable[bytes],
        cardinality: Cardinality,
        told: dict[str, str],
    ) -> AsyncGenerator[bytes, None]:
        """The answers to a call of any kind; `told` gets the header metadata."""
        stream = await self._stream(method, cardinality)
        try:
            async with stream:
                await self._send(stream, requests)
                await stream.recv_initial_metadata()
                told.update(
                    (name, value)
                    for name, value in (stream.initial_metadata or {}).items()
                    if isinstance(value, str)
                )
                async for message in stream:
                    yield message
        except GRPCError as error:
            code = CODES[error.status.value] or ApiCode.UNKNOWN
            raise ApiError(code, error.message or "") from None
        except (StreamTerminatedError, ProtocolError) as error:
            raise ApiError(ApiCode.UNAVAILABLE, f"the connection ended: {error}") from None
        except OSError as error:
            raise ConnectError(self._connection.address, words(error)) from None

    async def close(self) -> None:
        if self._channel is not None:
            self._channel.close()

    async def _send(self, stream: Stream[bytes, bytes], requests: AsyncIterable[bytes]) -> None:
        held: bytes | None = None
        await stream.send_request()
        async for request in requests:
            if held is not None:
                await stream.send_message(held)
            held = request
        await stream.send_message(held or b"", end=True)

    async def _stream(self, method: str, cardinality: Cardinality) -> Stream[bytes, bytes]:
        channel = self._opened()
        try:
            await asyncio.wait_for(channel.__connect__(), _CONNECT_SECONDS)
        except TimeoutError:
            raise ConnectError(self._connection.address, "context deadline exceeded") from None
        except OSError as error:
            raise ConnectError(self._connection.address, words(error)) from None
        return _AgentStream(
            channel,
            f"/{method}",
            MultiDict(self._metadata),
            cardinality,
            bytes,
            bytes,
            codec=_Bytes(self._limit),
            status_details_codec=None,
            dispatch=channel.__dispatch__,
            agent=self._agent,
        )

    def _opened(self) -> Channel:
        if self._channel is None:
            self._channel = Channel(
                self._connection.host,
                self._connection.port,
                codec=_Bytes(self._limit),
                ssl=tls_context(self._connection, "h2"),
                config=Configuration(
                    _keepalive_time=_PING_SECONDS,
                    http2_connection_window_size=_WINDOW,
                    http2_stream_window_size=_WINDOW,
                ),
            )
        return self._channel


class _Bytes(CodecBase):
    """Messages are encoded already. Those larger than the limit are refused."""

    __content_subtype__ = "proto"

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def encode(self, message: Any, message_type: Any) -> bytes:
        del message_type
        return self._checked(message, "send")

    def decode(self, data: bytes, message_type: Any) -> Any:
        del message_type
        return self._checked(data, "receive")

    def _checked(self, data: bytes, verb: str) -> bytes:
        if len(data) > self._limit:
            raise ApiError(
                ApiCode.RESOURCE_EXHAUSTED,
                f"trying to {verb} message larger than max ({len(data)} vs. {self._limit})",
            )
        return data


class _AgentStream(Stream[bytes, bytes]):
    """Names its own user agent, by which servers tell the versions of clients."""

    def __init__(self, channel: Channel, *arguments: Any, agent: str, **named: Any) -> None:
        super().__init__(channel, *arguments, **named)
        self._agent = agent

    async def send_request(self, *, end: bool = False) -> None:
        with self._wrapper:
            protocol = await self._channel.__connect__()
            stream = protocol.processor.connection.create_stream(wrapper=self._wrapper)
            headers = [
                (":method", "POST"),
                (":scheme", self._channel._scheme),
                (":path", self._method_name),
                (":authority", self._channel._authority),
                ("te", "trailers"),
                ("content-type", "application/grpc"),
                ("user-agent", self._agent),
                *encode_metadata(self._metadata),
            ]
            self._release_stream = await stream.send_request(
                headers, end_stream=end, _processor=protocol.processor
            )
            self._stream = stream
            self.peer = stream.connection.get_peer()
            self._send_request_done = True
            self._end_done = end


def words(error: OSError) -> str:
    """What the system says of it, without Python's number."""
    if isinstance(error, ConnectionError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    return error.strerror or str(error) or type(error).__name__
