"""The gRPC server of the process beside a plugin, on a socket in the plugins' folder."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import grpc
import grpc.aio
import structlog
from google.protobuf.empty_pb2 import Empty

from tiphys.adapters.plugin.errors import PluginError
from tiphys.adapters.plugin.service import PluginService, Stream
from tiphys.adapters.plugin.wire.plugin_pb2 import (
    AppStreamRequest,
    CheckPluginConfigurationResponse,
    ManifestResponse,
    ParametersAnnouncementResponse,
    RepositoryResponse,
)

SERVICE = "plugin.ConfigManagementPluginService"
MESSAGE_BYTES = 200 << 20
_SOURCE_TYPE = "Plugin"
_LONGEST_PATH = 100
_SERVING = b"\x08\x01"
"""A HealthCheckResponse with status SERVING."""

T = TypeVar("T")


class PluginServer:
    """Serves one plugin until it is stopped."""

    def __init__(self, service: PluginService, folder: Path) -> None:
        self._service = service
        self.address = folder / service.config.socket
        self._log = structlog.get_logger().bind(plugin=service.config.socket)
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Raises OSError where there can be no socket."""
        if len(str(self.address)) > _LONGEST_PATH:
            raise OSError(f"{self.address}: too long for the address of a socket")
        with suppress(FileNotFoundError):
            # What a process before this one left behind.
            self.address.unlink()
        sizes = [
            ("grpc.max_receive_message_length", MESSAGE_BYTES),
            ("grpc.max_send_message_length", MESSAGE_BYTES),
        ]
        self._server = grpc.aio.server(options=sizes)
        self._server.add_generic_rpc_handlers((self._handlers(), _health()))
        self._server.add_insecure_port(f"unix:{self.address}")
        await self._server.start()

    async def stop(self, grace: float = 5.0) -> None:
        if self._server is not None:
            await self._server.stop(grace)
        with suppress(FileNotFoundError):
            self.address.unlink()

    def _handlers(self) -> grpc.GenericRpcHandler:
        def streamed(call: Callable[..., Awaitable[Any]]) -> grpc.RpcMethodHandler:
            return grpc.stream_unary_rpc_method_handler(
                call, AppStreamRequest.FromString, _serialized
            )

        methods = {
            "GenerateManifest": streamed(self._generate),
            "MatchRepository": streamed(self._match),
            "GetParametersAnnouncement": streamed(self._announce),
            "CheckPluginConfiguration": grpc.unary_unary_rpc_method_handler(
                self._check, Empty.FromString, _serialized
            ),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    async def _generate(self, stream: Stream, call: Any) -> ManifestResponse:
        text = await self._guarded(call, self._service.generate(stream, call.time_remaining()))
        return ManifestResponse(manifests=[text] if text.strip() else [], sourceType=_SOURCE_TYPE)

    async def _match(self, stream: Stream, call: Any) -> RepositoryResponse:
        found = await self._guarded(call, self._service.matches(stream, call.time_remaining()))
        enabled = self._service.config.discovery.configured
        return RepositoryResponse(isSupported=found, isDiscoveryEnabled=enabled)

    async def _announce(self, stream: Stream, call: Any) -> ParametersAnnouncementResponse:
        found = self._service.announcements(stream, call.time_remaining())
        return ParametersAnnouncementResponse(
            parameterAnnouncements=await self._guarded(call, found)
        )

    async def _check(self, _empty: Empty, _call: Any) -> CheckPluginConfigurationResponse:
        config = self._service.config
        return CheckPluginConfigurationResponse(
            isDiscoveryConfigured=config.discovery.configured,
            provideGitCreds=config.wants_credentials,
        )

    async def _guarded(self, call: Any, answer: Awaitable[T]) -> T:
        """Errors of the plugin are told; of our own only that there was one."""
        try:
            return await answer
        except PluginError as error:
            self._log.warning("a plugin failed", error=str(error))
            await call.abort(grpc.StatusCode.UNKNOWN, str(error))
            raise


def _health() -> grpc.GenericRpcHandler:
    """The standard health service, for probes: whoever can ask is served."""

    async def check(_request: bytes, _call: Any) -> bytes:
        return _SERVING

    method = grpc.unary_unary_rpc_method_handler(check)
    return grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": method})


def _serialized(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data
