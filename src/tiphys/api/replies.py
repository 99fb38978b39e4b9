"""How REST answers: the JSON, its headers and cookies, and what an error looks like."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping

from starlette.types import Scope, Send

from tiphys.api import asgi
from tiphys.api.calls import Answer, Call
from tiphys.api.codes import Refusal
from tiphys.api.cookies import token_cookies
from tiphys.api.entering import RENEWED
from tiphys.api.fields import Fields
from tiphys.api.options import ApiOptions
from tiphys.core.wire import Method, json_bytes, shape

_LOGIN = "session.SessionService/Create"
_PROJECTED = frozenset(
    {
        "application.ApplicationService/ManagedResources",
        "application.ApplicationService/Watch",
        "application.ApplicationService/WatchResourceTree",
        "applicationset.ApplicationSetService/Watch",
        "project.ProjectService/List",
    }
)
"""Whose answers `fields` makes smaller; of the list of applications the method does it itself."""
_GZIP_FROM = 1_400
_ASIDE_FROM = 128 << 10
"""Bytes whose packing would hold up the event loop."""


class Reply:
    """One request's answer. `begun` says whether its head went out."""

    def __init__(self, scope: Scope, send: Send, call: Call, options: ApiOptions) -> None:
        self.send = send
        self.call = call
        self.begun = False
        self._scope = scope
        self._options = options
        self._fields = Fields((call.query or {}).get("fields", ""))

    def json(self, method: Method, answer: Answer) -> bytes:
        """Raises ApiError where it does not fit the contract."""
        if not isinstance(answer, Mapping):
            return answer.json()
        value = shape(method.response, answer) if method.response else answer
        return json_bytes(value)

    def streamed(self, method: Method, answer: Answer) -> bytes:
        """One frame of a stream, without its end."""
        if not isinstance(answer, Mapping):
            return b'{"result":' + answer.json() + b"}"
        value: object = {"result": shape(method.response, answer)}
        if self._fields and method.name in _PROJECTED:
            value = self._fields.apply(value)
        return json_bytes(value)

    async def tell(self, method: Method, answer: Answer) -> None:
        if isinstance(answer, Mapping) and self._fields and method.name in _PROJECTED:
            body = json_bytes(self._fields.apply(shape(method.response, answer)))
        else:
            body = self.json(method, answer)
        headers = self.headers()
        if method.name == _LOGIN and isinstance(answer, Mapping):
            headers += self._cookies(str(answer.get("token") or ""))
        if self.call.etag:
            headers.append((b"etag", self.call.etag.encode("latin-1")))
            if _matches(asgi.header(self._scope, b"if-none-match"), self.call.etag):
                await asgi.begin(self.send, 304, headers)
                await asgi.end(self.send)
                return
        headers, body = await self._packed(headers, body)
        self.begun = True
        await asgi.answer(self.send, 200, headers, body)

    def headers(self, kind: bytes = b"application/json") -> list[asgi.Header]:
        """Those of an answer, with what the call is told."""
        found = [(b"content-type", kind), (b"grpc-metadata-content-type", b"application/grpc")]
        for key, value in self.call.told.items():
            found.append((f"grpc-metadata-{key}".encode(), value.encode("latin-1")))
        if renewed := self.call.told.get(RENEWED):
            found += self._cookies(renewed)
        return found

    async def begin(self, headers: list[asgi.Header]) -> None:
        if not self.begun:
            self.begun = True
            await asgi.begin(self.send, 200, headers)

    async def refuse(self, refusal: Refusal) -> None:
        if self.begun:
            body = stream_error(refusal)
            await asgi.more(self.send, body)
            await asgi.end(self.send)
            return
        headers = [(b"content-type", b"application/json")]
        await asgi.answer(self.send, refusal.http, headers, error_body(refusal))

    def _cookies(self, token: str) -> list[asgi.Header]:
        if not token:
            return []
        options = self._options
        texts = token_cookies(
            token, options.base_href, secure=not options.insecure, most=options.cookie_count
        )
        return [(b"set-cookie", text.encode("latin-1")) for text in texts]

    async def _packed(
        self, headers: list[asgi.Header], body: bytes
    ) -> tuple[list[asgi.Header], bytes]:
        if not self._options.gzip:
            return headers, body
        headers = [*headers, (b"vary", b"Accept-Encoding")]
        if len(body) < _GZIP_FROM or not takes_gzip(self._scope):
            return headers, body
        if len(body) > _ASIDE_FROM:
            packed = await asyncio.to_thread(gzip.compress, body, 1)
        else:
            packed = gzip.compress(body, 1)
        return [*headers, (b"content-encoding", b"gzip")], packed


def takes_gzip(scope: Scope) -> bool:
    for part in asgi.header(scope, b"accept-encoding").split(","):
        name, _, weight = part.partition(";")
        if name.strip().lower() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def error_body(refusal: Refusal) -> bytes:
    text = refusal.text
    return json_bytes({"error": text, "code": refusal.grpc, "message": text})


def stream_error(refusal: Refusal) -> bytes:
    """The last frame of a stream that failed."""
    import http

    return json_bytes(
        {
            "error": {
                "grpc_code": refusal.grpc,
                "http_code": refusal.http,
                "message": refusal.text,
                "http_status": http.HTTPStatus(refusal.http).phrase,
            }
        }
    )


def _matches(wanted: str, etag: str) -> bool:
    if not wanted:
        return False
    found = {one.strip().removeprefix("W/") for one in wanted.split(",")}
    return "*" in found or etag.removeprefix("W/") in found
