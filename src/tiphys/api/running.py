"""Runs a method for whatever protocol the call came by, and counts it."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from tiphys.api.calls import Answer, Call, ClientStream, Handler, Message, ServerStream, Unary
from tiphys.api.codes import Refusal
from tiphys.api.options import CallMetrics
from tiphys.core.wire import Method, encode
from tiphys.model.errors import ApiCode, ApiError

_TIMEOUT = re.compile(r"(\d{1,8})([HMSmun])")
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_KINDS: Mapping[type, str] = {
    Unary: "unary",
    ServerStream: "server_stream",
    ClientStream: "client_stream",
}
OPEN_BYTES = 1 << 20
"""What who is not logged in yet may send."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One call, as metrics see it."""

    metrics: CallMetrics
    kind: str
    name: str

    @classmethod
    def begin(cls, metrics: CallMetrics, handler: Handler, name: str) -> Counted:
        found = cls(metrics, _KINDS[type(handler)], name)
        metrics.began(found.kind, name)
        return found

    def end(self, refusal: Refusal | None) -> None:
        self.metrics.ended(self.kind, self.name, "OK" if refusal is None else refusal.code.value)


def answers(
    handler: Unary | ServerStream | ClientStream,
    call: Call,
    messages: AsyncIterator[Message],
) -> AsyncGenerator[Answer, None]:
    """Every answer of a call; whoever stops early has to `aclose`."""
    match handler:
        case Unary():
            return _unary(handler, call, messages)
        case ServerStream():
            return _stream(handler, call, messages)
        case ClientStream():
            return _collected(handler, call, messages)


async def _unary(
    handler: Unary, call: Call, messages: AsyncIterator[Message]
) -> AsyncGenerator[Answer, None]:
    yield await handler.run(call, await first(messages))


async def _stream(
    handler: ServerStream, call: Call, messages: AsyncIterator[Message]
) -> AsyncGenerator[Answer, None]:
    found = handler.run(call, await first(messages))
    if isinstance(found, AsyncGenerator):
        async with aclosing(found):
            async for one in found:
                yield one
        return
    async for one in found:
        yield one


async def _collected(
    handler: ClientStream, call: Call, messages: AsyncIterator[Message]
) -> AsyncGenerator[Answer, None]:
    yield await handler.run(call, messages)


async def first(messages: AsyncIterator[Message]) -> Message:
    """Raises ApiError where there is none."""
    async for message in messages:
        return message
    raise ApiError(ApiCode.INTERNAL, "the call has no message")


def to_proto(method: Method, answer: Answer) -> bytes:
    return encode(method.response, answer) if isinstance(answer, Mapping) else answer.proto()


def deadline(text: str) -> float | None:
    """Seconds of a `grpc-timeout`; None for none. Raises ApiError for what is no time."""
    if not text:
        return None
    found = _TIMEOUT.fullmatch(text)
    if found is None:
        raise ApiError(ApiCode.INTERNAL, f"malformed grpc-timeout: {text[:20]!r}")
    return int(found[1]) * _UNITS[found[2]]
