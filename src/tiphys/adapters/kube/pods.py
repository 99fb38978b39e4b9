"""Logs of Pods, and commands in them. Implements the Pods of services.pods.

A command is spoken with over a WebSocket, in Kubernetes' channel protocol (v5.channel.k8s.io,
else v4): the first byte of every message says which channel it is of.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import orjson

from tiphys.adapters.kube.paths import object_path
from tiphys.adapters.kube.transport import Call, Transport
from tiphys.model.errors import KubeError, KubeUnreachableError
from tiphys.model.resource import ApiResource

_PODS: Final = ApiResource("", "v1", "Pod", "pods", True, frozenset({"get"}))
_LONGEST_LINE: Final = 1 << 20
"""Bytes of a line, after which it is told in parts."""
_SILENCE: Final = 60.0
_STDIN, _STDOUT, _STDERR, _STATUS, _RESIZE, _CLOSE = 0, 1, 2, 3, 4, 255
PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")


class KubePods:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def log(self, namespace: str, name: str, request: Any) -> AsyncIterator[bytes]:
        """`request` is a LogRequest."""
        path = object_path(_PODS, namespace, name) + "/log"
        call = Call("GET", path, _log_query(request), accept="*/*")
        silence = None if request.follow else _SILENCE
        async with self._transport.stream(call, silence=silence) as content:
            rest = b""
            async for chunk in content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield line
                while len(rest) > _LONGEST_LINE:
                    yield rest[:_LONGEST_LINE]
                    rest = rest[_LONGEST_LINE:]
            if rest:
                yield rest

    @asynccontextmanager
    async def terminal(
        self, namespace: str, name: str, container: str, command: Sequence[str]
    ) -> AsyncIterator[KubeTerminal]:
        path = object_path(_PODS, namespace, name) + "/exec"
        query = [("command", word) for word in command]
        query += [("container", container)] if container else []
        query += [("stdin", "true"), ("stdout", "true"), ("tty", "true")]
        async with self._transport.socket(path, query, PROTOCOLS) as socket:
            yield KubeTerminal(socket)


class KubeTerminal:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def output(self) -> AsyncIterator[bytes]:
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel in (_STDOUT, _STDERR) and data:
                yield data
            elif channel == _STATUS:
                _require_run(orjson.loads(data))
                return
            elif channel == _CLOSE:
                continue
        if self._socket.exception() is not None:
            raise KubeUnreachableError("the connection to the container broke")

    async def write(self, data: bytes) -> None:
        await self._send(_STDIN, data)

    async def resize(self, columns: int, rows: int) -> None:
        await self._send(_RESIZE, orjson.dumps({"Width": columns, "Height": rows}))

    async def _send(self, channel: int, data: bytes) -> None:
        if not self._socket.closed:
            await self._socket.send_bytes(bytes([channel]) + data)


def _require_run(status: Mapping[str, Any]) -> None:
    """A command that ended with a code has run; one that could not be started has not."""
    if status.get("status") == "Success" or status.get("reason") == "NonZeroExitCode":
        causes = (status.get("details") or {}).get("causes") or ()
        codes = [str(one.get("message")) for one in causes if one.get("reason") == "ExitCode"]
        # What shells answer where there is no such command, or it cannot be run.
        if not {"126", "127"} & set(codes):
            return
    raise KubeError(str(status.get("message") or "the command could not be run"))


def _log_query(request: Any) -> dict[str, str]:
    query = {
        "timestamps": "true",
        "container": request.container,
        "follow": "true" if request.follow else "",
        "previous": "true" if request.previous else "",
        "sinceSeconds": "" if request.since_seconds is None else str(request.since_seconds),
        "sinceTime": request.since_time,
        "tailLines": "" if request.tail_lines is None else str(request.tail_lines),
    }
    return {name: value for name, value in query.items() if value}
