"""Calls to plugins over their sockets, with words for what goes wrong there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf.empty_pb2 import Empty

from tiphys.adapters.plugin.archive import Archive
from tiphys.adapters.plugin.errors import DeadlineError, PluginError
from tiphys.adapters.plugin.sockets import Socket
from tiphys.adapters.plugin.wire.plugin_pb2 import (
    AppStreamRequest,
    CheckPluginConfigurationResponse,
    EnvEntry,
    File,
    ManifestRequestMetadata,
    ManifestResponse,
    ParametersAnnouncementResponse,
    RepositoryResponse,
)

_SERVICE = "/plugin.ConfigManagementPluginService/"
_MESSAGE_BYTES = 200 << 20
_CHECK_SECONDS = 5.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """What a streamed call is about."""

    name: str
    path: str
    environment: Sequence[tuple[str, str]]
    archive: Archive
    seconds: float


class PluginClient:
    """One connection to one plugin. Raises PluginError."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self._channel = grpc.aio.insecure_channel(
            f"unix:{socket.path}",
            options=[
                ("grpc.max_receive_message_length", _MESSAGE_BYTES),
                ("grpc.max_send_message_length", _MESSAGE_BYTES),
                # A plugin on this machine is never behind a proxy.
                ("grpc.enable_http_proxy", 0),
            ],
        )
        self._checked: CheckPluginConfigurationResponse | None = None

    async def check(self) -> CheckPluginConfigurationResponse:
        if self._checked is None:
            method = self._channel.unary_unary(
                f"{_SERVICE}CheckPluginConfiguration",
                Empty.SerializeToString,
                CheckPluginConfigurationResponse.FromString,
            )
            self._checked = await self._answer(method(Empty(), timeout=_CHECK_SECONDS))
        return self._checked

    async def matches(self, call: Call) -> RepositoryResponse:
        return await self._stream("MatchRepository", call, RepositoryResponse.FromString)

    async def generate(self, call: Call) -> Sequence[str]:
        answer = await self._stream("GenerateManifest", call, ManifestResponse.FromString)
        return answer.manifests

    async def announcements(self, call: Call) -> Sequence[Mapping[str, Any]]:
        read = ParametersAnnouncementResponse.FromString
        answer = await self._stream("GetParametersAnnouncement", call, read)
        return [
            {field.name: _plain(value) for field, value in one.ListFields()}
            for one in answer.parameterAnnouncements
        ]

    async def close(self) -> None:
        await self._channel.close()

    async def _stream(self, method: str, call: Call, read: Callable[[bytes], T]) -> T:
        streamed = self._channel.stream_unary(
            f"{_SERVICE}{method}", AppStreamRequest.SerializeToString, read
        )
        answer: T = await self._answer(streamed(_messages(call), timeout=call.seconds))
        return answer

    async def _answer(self, call: Any) -> Any:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise DeadlineError(f"{self.socket.name} did not answer in time") from None
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                raise PluginError(f"{self.socket.name} does not answer at its socket") from None
            raise PluginError(error.details() or error.code().name) from None


async def _messages(call: Call) -> AsyncIterator[AppStreamRequest]:
    yield AppStreamRequest(
        metadata=ManifestRequestMetadata(
            appName=call.name,
            appRelPath=call.path,
            checksum=call.archive.checksum,
            size=call.archive.size,
            env=[EnvEntry(name=name, value=value) for name, value in call.environment],
        )
    )
    chunks = call.archive.chunks()
    while chunk := await asyncio.to_thread(next, chunks, b""):
        yield AppStreamRequest(file=File(chunk=chunk))


def _plain(value: Any) -> Any:
    if isinstance(value, str | bool):
        return value
    return dict(value) if hasattr(value, "items") else list(value)
