"""REST: a path and a verb become a call, its answers JSON."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from tiphys.api import asgi
from tiphys.api.asgi import ReaderLeftError
from tiphys.api.calls import Call, ClientStream, Handler, Message, Route, ServerStream, Unary
from tiphys.api.codes import Refusal, refusal_of
from tiphys.api.cookies import token_of_cookies
from tiphys.api.entering import Door, bearer
from tiphys.api.options import ApiOptions
from tiphys.api.replies import Reply
from tiphys.api.routing import Found, Routes, routed_path
from tiphys.api.running import OPEN_BYTES, Counted, answers, deadline
from tiphys.api.streaming import Stream, sends_events
from tiphys.core.wire import HttpRule, Method, Streaming, read_body_values, read_json, read_request
from tiphys.model.errors import ApiCode, ApiError

_PREFIX = "grpc-metadata-"
_STANDARD = frozenset(
    (
        "accept",
        "accept-charset",
        "accept-language",
        "accept-ranges",
        "authorization",
        "cache-control",
        "content-type",
        "cookie",
        "date",
        "expect",
        "from",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-schedule-tag-match",
        "if-unmodified-since",
        "max-forwards",
        "origin",
        "pragma",
        "referer",
        "user-agent",
        "via",
        "warning",
    )
)
"""Headers that a call sees as `grpcgateway-<name>`."""


@dataclass(frozen=True, slots=True)
class _Target:
    method: Method
    rule: HttpRule
    handler: Handler | None
    """None: looked for when it is called, so that its absence has the usual error."""


class Gateway:
    """An ASGI application of all that is below `/api/`."""

    def __init__(
        self,
        door: Door,
        methods: Mapping[str, Method],
        options: ApiOptions,
        beyond: tuple[Route, ...] = (),
    ) -> None:
        self._door = door
        self._options = options
        self._types = frozenset(one.strip().lower() for one in options.content_types)
        self._routes: Routes[_Target] = Routes()
        for method in methods.values():
            for rule in method.http:
                self._routes.add(rule.verb, rule.template, _Target(method, rule, None))
        for route in beyond:
            name = f"{route.verb} {route.template}"
            method = Method(name, "", "", Streaming.UNARY)
            rule = HttpRule(route.verb, route.template, "*")
            self._routes.add(route.verb, route.template, _Target(method, rule, route.handler))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET" and not self._is_safe(scope):
            await asgi.text(send, 415, "Invalid content type")
            return
        path = routed_path(scope.get("raw_path") or scope["path"].encode())
        found = self._routes.find(scope["method"], path)
        if found is None:
            known = self._routes.knows(path)
            status, words = (405, "Method Not Allowed") if known else (404, "Not Found")
            await asgi.text(send, status, words)
            return
        call = _call(scope)
        reply = Reply(scope, send, call, self._options)
        try:
            await self._answer(scope, receive, reply, call, found)
        except ReaderLeftError:
            return
        except Exception as error:
            await reply.refuse(refusal_of(error))

    def _is_safe(self, scope: Scope) -> bool:
        """Whether no form of another site can have sent it."""
        return not self._types or asgi.header(scope, b"content-type").lower() in self._types

    async def _answer(
        self, scope: Scope, receive: Receive, reply: Reply, call: Call, found: Found[_Target]
    ) -> None:
        target = found.target
        handler = target.handler or self._door.handler(target.method.name)
        counted = Counted.begin(self._options.metrics, handler, target.method.name)
        try:
            async with asyncio.timeout(deadline(asgi.header(scope, b"grpc-timeout"))):
                await self._door.enter(handler, call, _token(scope, call))
                limit = self._limit(handler)
                asked = await self._asked(scope, receive, handler, found, limit)
                await self._run(scope, receive, reply, call, handler, target, asked)
        except BaseException as error:
            gone = isinstance(error, asyncio.CancelledError | ReaderLeftError)
            counted.end(Refusal(ApiCode.CANCELED, "") if gone else refusal_of(error))
            raise
        counted.end(None)

    def _limit(self, handler: Handler) -> int:
        most = self._options.message_bytes
        return min(most, OPEN_BYTES) if isinstance(handler, Unary) and handler.open else most

    async def _asked(
        self,
        scope: Scope,
        receive: Receive,
        handler: Handler,
        found: Found[_Target],
        limit: int,
    ) -> AsyncIterator[Message]:
        body = await asgi.read(receive, limit)
        method, rule = found.target.method, found.target.rule
        if isinstance(handler, ClientStream):
            return _several([read_json(method.request, one) for one in read_body_values(body)])
        pairs = _pairs(scope["query_string"])
        if found.target.handler is not None:
            return _several([_free(found.names, pairs, body)])
        return _several([read_request(method, rule, found.names, pairs, body)])

    async def _run(
        self,
        scope: Scope,
        receive: Receive,
        reply: Reply,
        call: Call,
        handler: Handler,
        target: _Target,
        asked: AsyncIterator[Message],
    ) -> None:
        found = answers(handler, call, asked)
        if not isinstance(handler, ServerStream):
            async with aclosing(found):
                async for one in found:
                    await reply.tell(target.method, one)
                    return
            return
        events = sends_events(scope, target.method.name)
        stream = Stream(reply, target.method, events=events)
        await _until_left(stream.tell(found), receive)


async def _until_left(telling: object, receive: Receive) -> None:
    """Ends a stream when its reader hangs up, even while there is nothing to tell."""
    told = asyncio.ensure_future(telling)  # type: ignore[call-overload]
    left = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({told, left}, return_when=asyncio.FIRST_COMPLETED)
        if not told.done():
            raise ReaderLeftError
        told.result()
    finally:
        for task in (told, left):
            task.cancel()
        await asyncio.gather(told, left, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _several(values: list[Message]) -> AsyncIterator[Message]:
    for value in values:
        yield value


def _free(names: Mapping[str, str], pairs: list[tuple[str, str]], body: bytes) -> Message:
    """The message of a call that the contract does not know: all that was said."""
    found: dict[str, object] = {}
    for key, value in reversed(pairs):
        found[key] = value
    said: object = next(read_body_values(body), None)
    if isinstance(said, dict):
        found |= said
    elif said is not None:
        raise ApiError(ApiCode.INVALID_ARGUMENT, "the body has to be an object")
    return {**found, **names}


def _pairs(query: bytes) -> list[tuple[str, str]]:
    if not query:
        return []
    try:
        return parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=10_000)
    except ValueError:
        raise ApiError(ApiCode.INVALID_ARGUMENT, "too many parameters") from None


def _call(scope: Scope) -> Call:
    metadata: dict[str, str] = {}
    for key, value in scope["headers"]:
        name, text = key.decode("latin-1"), value.decode("latin-1")
        if name.startswith(_PREFIX):
            metadata.setdefault(name.removeprefix(_PREFIX), text)
            continue
        if name in _STANDARD:
            metadata.setdefault(f"grpcgateway-{name}", text)
        if name == "authorization":
            metadata.setdefault(name, text)
    query: dict[str, str] = {}
    for key, text in _pairs(scope["query_string"]):
        query.setdefault(key, text)
    client = scope.get("client") or ("", 0)
    return Call(metadata=metadata, query=query, peer=client[0])


def _token(scope: Scope, call: Call) -> str:
    metadata = call.metadata
    return (
        metadata.get("token", "")
        or bearer(metadata.get("authorization", ""))
        or token_of_cookies(asgi.header(scope, b"cookie"))
    )
