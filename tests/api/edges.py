"""An API server on a free port with a few methods, and clients of three protocols."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grpclib.client import Channel
from grpclib.const import Cardinality
from grpclib.encoding.base import CodecBase

from tiphys.api.calls import Answer, Call, ClientStream, Handlers, Message, ServerStream, Unary
from tiphys.api.edge import ApiServer
from tiphys.api.options import ApiOptions
from tiphys.core.wire import contract, decode, encode
from tiphys.model.access import ANONYMOUS, Caller
from tiphys.model.errors import ApiCode, ApiError, ObjectNotFoundError

LIST = "application.ApplicationService/List"
WATCH = "application.ApplicationService/Watch"
LOGS = "application.ApplicationService/PodLogs"
FILES = "application.ApplicationService/GetManifestsWithFiles"
LOGIN = "session.SessionService/Create"
USERINFO = "session.SessionService/GetUserInfo"
VERSION = "version.VersionService/Version"
CLUSTER = "cluster.ClusterService/Get"
TOKEN = "a.b.c"


class FakeSessions:
    """Knows TOKEN, and an older one that is renewed."""

    async def caller(self, token: str) -> tuple[Caller, str]:
        if token == TOKEN:
            return Caller({"sub": "admin:login", "iss": "argocd"}), ""
        if token == "o.l.d":
            return Caller({"sub": "admin:login", "iss": "argocd"}), "n.e.w"
        if not token:
            raise ApiError(ApiCode.UNAUTHENTICATED, "no session information")
        raise ApiError(ApiCode.UNAUTHENTICATED, "invalid session: no")


@dataclass
class Site:
    """What methods saw, and what they wait for."""

    calls: list[tuple[Call, Message]] = field(default_factory=list)
    events: asyncio.Queue[Answer | Exception | None] = field(default_factory=asyncio.Queue)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None

    def handlers(self) -> Handlers:
        return {
            LIST: Unary(self._list),
            WATCH: ServerStream(self._watch),
            LOGS: ServerStream(self._watch),
            FILES: ClientStream(self._files),
            LOGIN: Unary(self._login, open=True),
            USERINFO: Unary(self._who, open=True),
            VERSION: Unary(self._version, open=True),
            CLUSTER: Unary(self._cluster),
        }

    async def _list(self, call: Call, request: Message) -> Answer:
        self.calls.append((call, request))
        if self.error is not None:
            raise self.error
        call.etag = '"one"'
        call.told["said"] = "yes"
        name = request.get("name", "any")
        return {"metadata": {}, "items": [{"metadata": {"name": name}, "spec": {}}]}

    async def _watch(self, call: Call, request: Message) -> AsyncIterator[Answer]:
        self.calls.append((call, request))
        self.asked.set()
        try:
            while (event := await self.events.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.closed.set()

    async def _files(self, call: Call, requests: AsyncIterator[Message]) -> Answer:
        seen = [one async for one in requests]
        return {"manifests": [json.dumps(one, sort_keys=True) for one in seen]}

    async def _login(self, call: Call, request: Message) -> Answer:
        return {"token": TOKEN if request.get("password") == "right" else "x" * 9_000}

    async def _who(self, call: Call, request: Message) -> Answer:
        self.calls.append((call, request))
        return {} if call.caller == ANONYMOUS else {"loggedIn": True}

    async def _version(self, call: Call, request: Message) -> Answer:
        return {"Version": "v3.6.0"}

    async def _cluster(self, call: Call, request: Message) -> Answer:
        self.calls.append((call, request))
        raise ObjectNotFoundError('secrets "x" not found', status=404, reason="NotFound")


class Raw(CodecBase):
    """Messages as bytes."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:
        return bytes(message)

    def decode(self, data: bytes, message_type: Any) -> bytes:
        return bytes(data)


class Native:
    """A client of native gRPC."""

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        self.channel = Channel("127.0.0.1", port, ssl=tls, codec=Raw())

    async def call(
        self, name: str, request: Mapping[str, Any], token: str = TOKEN, **options: Any
    ) -> dict[str, Any]:
        """The only answer. Raises GRPCError."""
        return (await self.ask(name, [request], token, **options))[0]

    async def ask(
        self,
        name: str,
        requests: Sequence[Mapping[str, Any]],
        token: str = TOKEN,
        metadata: Mapping[str, str] | None = None,
        seconds: float | None = None,
        told: dict[str, str] | None = None,
    ) -> list[dict[str, Any]]:
        method = contract().methods[name]
        found = []
        sent = {**(metadata or {}), **({"token": token} if token else {})}
        async with self.channel.request(
            f"/{name}", Cardinality.STREAM_STREAM, bytes, bytes, metadata=sent, timeout=seconds
        ) as stream:
            for one in requests:
                await stream.send_message(encode(method.request, one))
            await stream.end()
            while (message := await stream.recv_message()) is not None:
                found.append(decode(method.response, message))
            if told is not None:
                told.update({str(k): str(v) for k, v in (stream.initial_metadata or {}).items()})
        return found

    def close(self) -> None:
        self.channel.close()


async def serve(site: Site, options: ApiOptions | None = None, **more: Any) -> ApiServer:
    server = ApiServer(site.handlers(), FakeSessions(), options or ApiOptions(), **more)
    server.start("127.0.0.1", 0)
    return server


@dataclass
class Http:
    """One answer over HTTP/1.1."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def ask(
    port: int,
    target: str,
    *,
    verb: str = "GET",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    token: str = TOKEN,
    tls: ssl.SSLContext | None = None,
) -> Http:
    """A request with nothing added that a test did not ask for."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    lines = {"Host": "tiphys.test", "Connection": "close", **(headers or {})}
    if token:
        lines.setdefault("Authorization", f"Bearer {token}")
    if body:
        lines.setdefault("Content-Length", str(len(body)))
    head = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
    writer.write(f"{verb} {target} HTTP/1.1\r\n{head}\r\n".encode() + body)
    raw = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return parsed(raw)


def parsed(raw: bytes) -> Http:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = [(k.lower(), v.strip()) for k, _, v in (line.partition(":") for line in rest)]
    if ("transfer-encoding", "chunked") in headers:
        body = unchunked(body)
    return Http(int(first.split()[1]), headers, body)


def unchunked(data: bytes) -> bytes:
    found = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        count = int(size, 16)
        found, data = found + data[:count], data[count + 2 :]
        if not count:
            break
    return found
