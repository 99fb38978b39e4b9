"""The same call by gRPC, gRPC-web and REST, and what each of them answers."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from tiphys.adapters.apiclient.client import ApiClient
from tiphys.core.wire import HttpRule, Method, Streaming, contract
from tiphys.model.connection import ServerConnection
from tiphys.model.errors import ApiCode, ApiError

CODES = {
    1: ApiCode.CANCELED,
    2: ApiCode.UNKNOWN,
    3: ApiCode.INVALID_ARGUMENT,
    4: ApiCode.DEADLINE_EXCEEDED,
    5: ApiCode.NOT_FOUND,
    6: ApiCode.ALREADY_EXISTS,
    7: ApiCode.PERMISSION_DENIED,
    8: ApiCode.RESOURCE_EXHAUSTED,
    9: ApiCode.FAILED_PRECONDITION,
    10: ApiCode.ABORTED,
    11: ApiCode.OUT_OF_RANGE,
    12: ApiCode.UNIMPLEMENTED,
    13: ApiCode.INTERNAL,
    14: ApiCode.UNAVAILABLE,
    15: ApiCode.DATA_LOSS,
    16: ApiCode.UNAUTHENTICATED,
}
_STATUS = {
    ApiCode.CANCELED: 408,
    ApiCode.INVALID_ARGUMENT: 400,
    ApiCode.DEADLINE_EXCEEDED: 504,
    ApiCode.NOT_FOUND: 404,
    ApiCode.ALREADY_EXISTS: 409,
    ApiCode.PERMISSION_DENIED: 403,
    ApiCode.RESOURCE_EXHAUSTED: 429,
    ApiCode.FAILED_PRECONDITION: 400,
    ApiCode.ABORTED: 409,
    ApiCode.OUT_OF_RANGE: 400,
    ApiCode.UNIMPLEMENTED: 501,
    ApiCode.UNAVAILABLE: 503,
    ApiCode.UNAUTHENTICATED: 401,
}
"""What differs from 500."""


@dataclass(frozen=True)
class Refusal:
    code: ApiCode
    text: str


class Speaker(Protocol):
    name: str

    async def ask(self, method: str, request: Mapping[str, Any]) -> dict[str, Any] | Refusal:
        """Of a stream the first message. `request` may have `parts` where it is a stream."""
        ...

    def stream(
        self, method: str, request: Mapping[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """All messages. Who leaves before the end closes it. Raises AssertionError for errors."""
        ...

    async def close(self) -> None: ...


class Grpc:
    """Native, or framed in HTTP/1.1."""

    def __init__(self, port: int, token: str, *, web: bool) -> None:
        self.name = "web" if web else "grpc"
        address = f"127.0.0.1:{port}"
        self._client = ApiClient(
            ServerConnection(address=address, plaintext=True, token=token, grpc_web=web)
        )

    async def ask(self, method: str, request: Mapping[str, Any]) -> dict[str, Any] | Refusal:
        try:
            return await self._ask(contract().methods[method], request)
        except ApiError as error:
            return Refusal(error.code, str(error))

    def stream(
        self, method: str, request: Mapping[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        return self._client.stream(method, request)

    async def _ask(self, method: Method, request: Mapping[str, Any]) -> dict[str, Any]:
        match method.streaming:
            case Streaming.UNARY:
                return await self._client.call(method.name, request)
            case Streaming.CLIENT:
                return await self._client.upload(method.name, request["parts"])
            case Streaming.SERVER:
                stream = self._client.stream(method.name, request)
                try:
                    return await anext(stream, {})
                finally:
                    await stream.aclose()

    async def close(self) -> None:
        await self._client.close()


class Rest:
    name = "rest"

    def __init__(self, port: int, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url = f"http://127.0.0.1:{port}"
        self._session = aiohttp.ClientSession(headers=headers)

    async def ask(self, method: str, request: Mapping[str, Any]) -> dict[str, Any] | Refusal:
        known = contract().methods[method]
        verb, path, query, body = as_rest(_rule(known, request), request)
        if known.streaming is Streaming.CLIENT:
            body = "\n".join(json.dumps(part) for part in request["parts"]).encode()
        async with self._session.request(
            verb,
            URL(f"{self._url}{path}?{urlencode(query)}", encoded=True),
            data=body,
            headers={"Content-Type": "application/json"},
        ) as answer:
            if answer.status != 200:
                return _refusal(answer.status, await answer.read())
            if known.streaming is not Streaming.SERVER:
                found: dict[str, Any] = await answer.json()
                return found
            line = await answer.content.readline()
            told = json.loads(line) if line else {"result": {}}
            if "error" in told:
                error = told["error"]
                return Refusal(CODES[error["grpc_code"]], error["message"])
            result: dict[str, Any] = told["result"]
            return result

    async def stream(
        self, method: str, request: Mapping[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        known = contract().methods[method]
        verb, path, query, _ = as_rest(_rule(known, request), request)
        address = URL(f"{self._url}{path}?{urlencode(query)}", encoded=True)
        unlimited = aiohttp.ClientTimeout(total=None)
        async with self._session.request(verb, address, timeout=unlimited) as answer:
            while line := await answer.content.readline():
                told = json.loads(line)
                assert "result" in told, told
                yield told["result"]

    async def send(self, verb: str, path: str, body: bytes) -> Refusal | None:
        """A body as it is; answers with what it was refused, if it was."""
        headers = {"Content-Type": "application/json"}
        async with self._session.request(
            verb, self._url + path, data=body, headers=headers
        ) as answer:
            read = await answer.read()
            return None if answer.status == 200 else _refusal(answer.status, read)

    async def close(self) -> None:
        await self._session.close()


def _refusal(status: int, body: bytes) -> Refusal:
    if not body.startswith(b"{"):
        return Refusal(ApiCode.INTERNAL, f"no route: {status} {body.decode()}")
    told = json.loads(body)
    told = told["error"] if isinstance(told["error"], dict) else told
    code = CODES[told["grpc_code"] if "grpc_code" in told else told["code"]]
    assert _STATUS.get(code, 500) == status, f"{code} with {status}: {told}"
    return Refusal(code, told["message"])


_NAMED = re.compile(r"\{([^}]+)\}")


def _rule(method: Method, request: Mapping[str, Any]) -> HttpRule:
    """The first of which the request has all parts of the path."""
    for rule in method.http[:-1]:
        if all(name.partition(".")[0] in request for name in _NAMED.findall(rule.template)):
            return rule
    return method.http[-1]


def as_rest(
    rule: HttpRule, request: Mapping[str, Any]
) -> tuple[str, str, list[tuple[str, str]], bytes]:
    """What a client sends: verb, path, query and body."""
    named = _NAMED.findall(rule.template)
    path = _NAMED.sub(lambda found: quote(_at(request, found[1]), safe=""), rule.template)
    if rule.body == "*":
        return rule.verb, path, [], json.dumps(request).encode()
    body = json.dumps(request[rule.body]).encode() if rule.body in request else b""
    rest = {key: value for key, value in request.items() if key != rule.body}
    query = [(name, text) for name, text in _flat(rest, "") if name not in named]
    return rule.verb, path, query, body


def _at(request: Mapping[str, Any], name: str) -> str:
    value: Any = request
    for part in name.split("."):
        value = value[part]
    return str(value)


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from _flat(inner, f"{name}.{key}" if name else key)
        case list():
            for inner in value:
                yield from _flat(inner, name)
        case bool():
            yield name, str(value).lower()
        case _:
            yield name, str(value)


def speakers_of(port: int, token: str) -> list[Speaker]:
    return [Grpc(port, token, web=False), Grpc(port, token, web=True), Rest(port, token)]


def base64_of(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
