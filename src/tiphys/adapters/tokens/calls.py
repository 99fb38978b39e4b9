"""Requests to those who hand out tokens: bounded, over the repository's proxy and trust, and with
errors that hold nothing of what was sent.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson

from tiphys.core.source.proxies import proxy_for
from tiphys.core.source.ratelimit import rest
from tiphys.core.source.url import parse_repository_url
from tiphys.model.errors import RepositoryError, RepositoryUnreachableError
from tiphys.model.repository import Repository

_PATIENCE: Final = aiohttp.ClientTimeout(total=15.0)
_LONGEST: Final = 4 * 1024 * 1024
_OK: Final = frozenset({200, 201})


@dataclass(frozen=True, slots=True)
class Call:
    """`what` is the step that errors name; `form` is sent as a POST's fields. `own`: the host is
    the repository's own installation, which its trust is for.
    """

    method: str
    url: str
    what: str
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    own: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any


class Calls:
    """A server that asks for rest is left alone until then. Times are Unix time."""

    def __init__(self, now: Callable[[], float], environment: Mapping[str, str]) -> None:
        self._now = now
        self._environment = environment
        self._resting: dict[str, float] = {}

    async def send(self, call: Call, repository: Repository) -> Answer:
        """The answer, whatever its status. Raises RepositoryError where there is none."""
        host = urlsplit(call.url).netloc
        parse_repository_url(call.url)  # refuses what leads to a metadata service
        if self._resting.get(host, 0.0) > self._now():
            raise self._limited(call, repository)
        try:
            answer = await self._send(call, repository)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RepositoryUnreachableError(
                f"{call.what}: {_said(error)} ({host})", url=repository.url
            ) from None
        pause = rest(answer.status, answer.headers, self._now())
        if pause is not None or answer.status == 429:
            self._resting[host] = self._now() + (pause or 0.0)
            raise self._limited(call, repository)
        return answer

    async def fetch(self, call: Call, repository: Repository) -> Any:
        """The body of an answer that is a success. Raises RepositoryError otherwise."""
        answer = await self.send(call, repository)
        if answer.status in _OK and isinstance(answer.body, dict | list):
            return answer.body
        raise refused(call, answer, repository)

    async def _send(self, call: Call, repository: Repository) -> Answer:
        trusts = _trust(repository) if call.own else True
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE) as session,
            session.request(
                call.method,
                call.url,
                headers={"Accept": "application/json", **call.headers},
                data=dict(call.form) or None,
                proxy=self._proxy(call, repository),
                ssl=trusts,
                allow_redirects=False,
            ) as response,
        ):
            data = await _read(response)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, headers, _decoded(data))

    def _proxy(self, call: Call, repository: Repository) -> str | None:
        """The repository's leads to where its tokens come from, too."""
        parts = urlsplit(call.url)
        host = parts.hostname or ""
        text = proxy_for(parts.scheme, host, parts.port, repository.proxy, self._environment)
        if text and urlsplit(text).scheme not in {"http", "https"}:
            raise RepositoryError(
                f"{call.what}: only http:// and https:// proxies can be used here",
                url=repository.url,
            )
        return text or None

    def _limited(self, call: Call, repository: Repository) -> RepositoryUnreachableError:
        return RepositoryUnreachableError(
            f"{call.what}: rate limit: the server wants fewer requests, and is left alone for a "
            "while",
            url=repository.url,
        )


def refused(call: Call, answer: Answer, repository: Repository) -> RepositoryError:
    """What the server says of it is left out but for a short code, which names no secret."""
    code = answer.body.get("error", "") if isinstance(answer.body, dict) else ""
    shown = f" {code}" if isinstance(code, str) and code.replace("_", "").isalpha() else ""
    text = f"{call.what}: HTTP {answer.status}{shown}"
    if answer.status >= 500:
        return RepositoryUnreachableError(text, url=repository.url)
    return RepositoryError(f"{text}: check the credentials of the repository", url=repository.url)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for piece in response.content.iter_chunked(1 << 16):
        data += piece
        if len(data) > _LONGEST:
            raise aiohttp.ClientPayloadError("the answer is too long")
    return bytes(data)


def _decoded(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def _trust(repository: Repository) -> ssl.SSLContext | bool:
    if repository.trust.insecure:
        return False
    if not repository.trust.certificates:
        return True
    try:
        # Beside the system's: they may be for another host of the same provider.
        context = ssl.create_default_context()
        context.load_verify_locations(cadata=repository.trust.certificates)
        return context
    except ssl.SSLError:
        raise RepositoryError(
            "TLS: the certificates kept for this host are none (cert add-tls)", url=repository.url
        ) from None


def _said(error: Exception) -> str:
    """Kinds of errors, since their texts may hold a proxy's password."""
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return "TLS: the certificate is not trusted (cert add-tls)"
        case aiohttp.ClientConnectorDNSError():
            return "name resolution: no address is known"
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return "connection: the proxy does not let it through"
        case asyncio.TimeoutError() | TimeoutError():
            return "connection: no answer in time"
        case aiohttp.ClientConnectionError() | OSError():
            return "connection: it cannot be reached"
        case _:
            return "the answer cannot be read"
