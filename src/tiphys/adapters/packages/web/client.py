"""Asks over HTTP for what a repository says: one request, its redirects and its repetitions.

A login goes to the host that it is for and to no other, except where it is meant for all.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

import aiohttp
from yarl import URL

from tiphys.adapters.packages.errors import Step, failed, shown
from tiphys.adapters.packages.web.addresses import JudgingResolver, is_near, judge_host
from tiphys.adapters.packages.web.answer import Answer
from tiphys.adapters.packages.web.failures import step_of
from tiphys.adapters.packages.web.pace import Pace, WebTiming
from tiphys.adapters.packages.web.proxy import proxy_for
from tiphys.adapters.packages.web.tls import Contexts
from tiphys.model.errors import RepositoryError, UnsupportedRepositoryError
from tiphys.model.repository import Repository

_REDIRECTS: Final = 10
_REDIRECTING: Final = frozenset({301, 302, 303, 307, 308})
_CONNECTIONS: Final = 200
_CONNECTIONS_TO_ONE: Final = 20


@dataclass(frozen=True, slots=True)
class Ask:
    """`home` is the URL of the repository, whose certificates are for its host; empty means `url`.
    `authorization` is for the host of `login_at`, empty for that of `home`, and goes nowhere else
    unless `everywhere`, and never in the clear where it began over TLS. A `form` is sent as a
    POST's fields, and never to where a redirect leads.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    authorization: str = field(default="", repr=False)
    everywhere: bool = False
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    home: str = ""
    login_at: str = ""


class Web:
    """Belongs to one event loop. `environment` is that of the process, read for proxies alone."""

    def __init__(
        self,
        agent: str,
        environment: Mapping[str, str],
        timing: WebTiming | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._agent = agent
        self._environment = environment
        self._timing = timing or WebTiming()
        self._pace = Pace(self._timing, clock)
        self._contexts = Contexts()
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def aclose(self) -> None:
        sessions = list(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            await session.close()

    @asynccontextmanager
    async def ask(self, ask: Ask, repository: Repository) -> AsyncIterator[Answer]:
        """The answer, whatever its status, once redirects were followed and repetitions are over.
        Raises RepositoryError, also while the answer is read.
        """
        response = await self._repeated(ask, repository)
        try:
            yield Answer(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise step_of(error, response.url) from None
        finally:
            response.release() if response.content.at_eof() else response.close()

    async def _repeated(self, ask: Ask, repository: Repository) -> aiohttp.ClientResponse:
        attempt = 0
        while True:
            wait = self._pace.backoff(attempt)
            try:
                response = await self._followed(ask, repository)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                # A connection that was kept too long looks like this, as does a restart.
                is_new = isinstance(error, aiohttp.ClientConnectorError)
                if is_new or attempt + 1 >= self._timing.attempts:
                    raise step_of(error, URL(ask.url)) from None
            except (aiohttp.ClientError, TimeoutError) as error:
                raise step_of(error, URL(ask.url)) from None
            else:
                try:
                    wait = self._pace.wait_before(
                        attempt, response.status, response.headers.get("Retry-After"), response.url
                    )
                except RepositoryError:
                    response.close()
                    raise
                if wait < 0:
                    return response
                response.close()
            await asyncio.sleep(wait)
            attempt += 1

    async def _followed(self, ask: Ask, repository: Repository) -> aiohttp.ClientResponse:
        first = parsed(ask.url)
        home = parsed(ask.home) if ask.home else first
        url = first
        for _ in range(_REDIRECTS + 1):
            response = await self._sent(url, home, ask, repository)
            location = response.headers.get("Location")
            if response.status not in _REDIRECTING or not location or ask.form:
                return response
            response.close()
            url = _next(url, location)
            if response.status == 303 and ask.method != "HEAD":
                ask = replace(ask, method="GET")
        raise failed(Step.ANSWER, f"more than {_REDIRECTS} redirects", ask.url)

    async def _sent(
        self, url: URL, home: URL, ask: Ask, repository: Repository
    ) -> aiohttp.ClientResponse:
        near = is_near(home) or _host(url) == _host(home)
        judge_host(url, near=near)
        self._pace.require_awake(url)
        proxy = proxy_for(url, repository.proxy, self._environment)
        at_home = reaches(home, url)
        headers = {"Accept-Encoding": "identity", **ask.headers}
        encrypted = url.scheme == "https" or home.scheme == "http"
        login_at = parsed(ask.login_at) if ask.login_at else home
        if ask.authorization and (reaches(login_at, url) or (ask.everywhere and encrypted)):
            headers["Authorization"] = ask.authorization
        context = None
        if url.scheme == "https":
            context = self._contexts.context(
                repository.trust,
                repository.client_certificate,
                str(url),
                home=at_home or ask.everywhere,
            )
        # A proxy is this side's choice: it may well be near.
        session = self._session(near=near or proxy is not None)
        return await session.request(
            ask.method,
            url,
            headers=headers,
            data=dict(ask.form) or None,
            proxy=proxy,
            ssl=True if context is None else context,
            allow_redirects=False,
        )

    def _session(self, *, near: bool) -> aiohttp.ClientSession:
        if near not in self._sessions:
            timing = self._timing
            self._sessions[near] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=JudgingResolver(near=near),
                    limit=_CONNECTIONS,
                    limit_per_host=_CONNECTIONS_TO_ONE,
                    keepalive_timeout=15,
                ),
                headers={"User-Agent": self._agent},
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(
                    total=timing.whole, sock_connect=timing.connect, sock_read=timing.silence
                ),
                auto_decompress=False,
                trust_env=False,
            )
        return self._sessions[near]


def parsed(url: str) -> URL:
    """An http or https URL without user information. Raises UnsupportedRepositoryError.

    What is encoded stays as it is, for signatures are made over it.
    """
    try:
        found = URL(url, encoded=url.isascii() and " " not in url)
        usable = found.scheme in {"http", "https"} and bool(found.host) and found.port is not None
    except ValueError:
        usable = False
    if not usable or not url.isprintable():
        text = "".join(char if char.isprintable() else "?" for char in shown(url))
        raise UnsupportedRepositoryError(
            f"'{text}' is refused: it is no http:// or https:// URL of a host", url=text
        )
    return found if found.raw_user is None else found.with_user(None)


def reaches(home: URL, url: URL) -> bool:
    """Whether what is for one URL may be sent to another: same scheme, host and port, or the same
    host over TLS where it was asked for without.
    """
    if url.origin() == home.origin():
        return True
    upgraded = home.scheme == "http" and url.scheme == "https"
    ports = home.port == 80 and url.port == 443
    return upgraded and ports and _host(url) == _host(home)


def _host(url: URL) -> str:
    return (url.host or "").lower().rstrip(".")


def _next(url: URL, location: str) -> URL:
    try:
        return parsed(str(url.join(URL(location, encoded=location.isascii()))))
    except ValueError:
        raise failed(Step.ANSWER, "a redirect leads to what is no URL", str(url)) from None
