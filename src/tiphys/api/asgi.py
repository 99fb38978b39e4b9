"""The few words of ASGI that all edges speak: a whole answer, a body within its limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from starlette.types import Receive, Scope, Send

from tiphys.model.errors import ApiCode, ApiError

Header = tuple[bytes, bytes]

_READ_SECONDS = 60.0
"""In which a client has to send something more of its body."""
WRITE_SECONDS = 30.0
"""In which a reader has to take something more; who does not is let go."""


class ReaderLeftError(Exception):
    """Nobody reads what is answered; there is nobody to tell either."""


async def answer(send: Send, status: int, headers: Sequence[Header], body: bytes = b"") -> None:
    """Sends everything at once."""
    length = (b"content-length", str(len(body)).encode())
    await begin(send, status, [*headers, length])
    await send({"type": "http.response.body", "body": body})


async def begin(send: Send, status: int, headers: Sequence[Header]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def more(send: Send, body: bytes) -> None:
    """Sends a part. Raises ReaderLeftError where nobody takes it in time."""
    try:
        async with asyncio.timeout(WRITE_SECONDS):
            await send({"type": "http.response.body", "body": body, "more_body": True})
    except (TimeoutError, OSError):
        raise ReaderLeftError from None


async def end(send: Send) -> None:
    await send({"type": "http.response.body", "body": b""})


async def text(send: Send, status: int, words: str) -> None:
    """As Go's HTTP server tells an error."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await answer(send, status, headers, f"{words}\n".encode())


async def chunks(receive: Receive, limit: int) -> AsyncIterator[bytes]:
    """The body, part by part. Raises ApiError where it is too large or does not come."""
    seen = 0
    while True:
        try:
            async with asyncio.timeout(_READ_SECONDS):
                event = await receive()
        except TimeoutError:
            raise ApiError(ApiCode.DEADLINE_EXCEEDED, "the body did not come in time") from None
        if event["type"] == "http.disconnect":
            raise ReaderLeftError
        part = event.get("body", b"")
        seen += len(part)
        if seen > limit:
            raise too_large(seen, limit)
        if part:
            yield part
        if not event.get("more_body", False):
            return


async def read(receive: Receive, limit: int) -> bytes:
    return b"".join([part async for part in chunks(receive, limit)])


def too_large(size: int, limit: int) -> ApiError:
    return ApiError(
        ApiCode.RESOURCE_EXHAUSTED,
        f"grpc: received message larger than max ({size} vs. {limit})",
    )


def header(scope: Scope, name: bytes) -> str:
    """The first of that name, in lower case; empty where there is none."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""
