"""Streams over REST: JSON by lines, server-sent events, or the lines of a log as a file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any

from starlette.types import Scope

from tiphys.api import asgi
from tiphys.api.calls import Answer
from tiphys.api.codes import Refusal, refusal_of
from tiphys.api.replies import Reply, stream_error
from tiphys.core.wire import Method

_LOGS = "application.ApplicationService/PodLogs"
_NAMED = {
    "application.ApplicationService/Watch": "application",
    "applicationset.ApplicationSetService/Watch": "applicationSet",
}
"""Streams in which the same again is left out, and where they hold the object."""
_EVENTS = frozenset({*_NAMED, _LOGS, "application.ApplicationService/WatchResourceTree"})
_ALIVE_SECONDS = 15.0
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


def sends_events(scope: Scope, method: str) -> bool:
    return method in _EVENTS and asgi.header(scope, b"accept") == "text/event-stream"


class Stream:
    """`tell` ends when the answers do; it raises ReaderLeftError where nobody takes them."""

    def __init__(self, reply: Reply, method: Method, *, events: bool) -> None:
        self._reply = reply
        self._method = method
        self._events = events
        query = reply.call.query or {}
        self._download = method.name == _LOGS and query.get("download") == "true"
        self._last: dict[str, int] = {}

    async def tell(self, answers: AsyncGenerator[Answer, None]) -> None:
        beating = asyncio.create_task(self._beat()) if self._events else None
        try:
            async with aclosing(answers):
                async for one in answers:
                    await self._send(self._frame(one))
        except (asyncio.CancelledError, asgi.ReaderLeftError):
            raise
        except Exception as error:
            await self._fail(refusal_of(error))
            return
        finally:
            if beating is not None:
                beating.cancel()
        await self._reply.begin(self._headers())
        await asgi.end(self._reply.send)

    async def _send(self, frame: bytes) -> None:
        await self._reply.begin(self._headers())
        if frame:
            await asgi.more(self._reply.send, frame)

    def _headers(self) -> list[asgi.Header]:
        if self._download:
            name = _file_name(self._reply.call.query or {})
            found = self._reply.headers(b"application/octet-stream")
            return [*found, (b"content-disposition", f'attachment;filename="{name}"'.encode())]
        if self._events:
            found = self._reply.headers(b"text/event-stream")
            return [*found, (b"x-content-type-options", b"nosniff")]
        return [*self._reply.headers(), (b"vary", b"Accept-Encoding")]

    def _frame(self, answer: Answer) -> bytes:
        if self._download:
            line = answer.get("content") if isinstance(answer, Mapping) else None
            last = isinstance(answer, Mapping) and answer.get("last")
            return b"" if last and not line else f"{line or ''}\n".encode()
        text = self._reply.streamed(self._method, answer)
        if self._again(answer, text):
            return b""
        return b"data: " + text + b" \n\n\n" if self._events else text + b"\n"

    def _again(self, answer: Answer, text: bytes) -> bool:
        key = _NAMED.get(self._method.name)
        if key is None:
            return False
        name = _name(answer, key)
        if name is None:
            return False
        seen = hash(text)
        again = self._last.get(name) == seen
        self._last[name] = seen
        return again

    async def _beat(self) -> None:
        """Tells proxies that somebody is there."""
        with suppress(asgi.ReaderLeftError):
            await self._reply.begin(self._headers())
            while True:
                await asyncio.sleep(_ALIVE_SECONDS)
                await asgi.more(self._reply.send, b":\n")

    async def _fail(self, refusal: Refusal) -> None:
        if not self._reply.begun:
            headers = [(b"content-type", b"application/json")]
            self._reply.begun = True
            await asgi.answer(self._reply.send, refusal.http, headers, stream_error(refusal))
            return
        body = stream_error(refusal)
        await asgi.more(self._reply.send, b"data: " + body + b" \n\n\n" if self._events else body)
        await asgi.end(self._reply.send)


def _name(answer: Any, key: str) -> str | None:
    """Of the object that a frame is about; what is serialised may tell it itself."""
    if not isinstance(answer, Mapping):
        return getattr(answer, "name", None)
    metadata = (answer.get(key) or {}).get("metadata") or {}
    return str(metadata.get("name", ""))


def _file_name(query: Mapping[str, str]) -> str:
    parts = [query.get(key, "") for key in ("namespace", "podName", "container")]
    valid = all(len(part) < 254 and _NAME.fullmatch(part) for part in parts)
    return f"{'-'.join(parts)}.log" if valid else "log.log"
