"""A real provider, our routes beside it, and people who log in."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urljoin

import aiohttp
import yaml
from starlette.applications import Starlette
from yarl import URL

from tiphys.api.cookies import token_of_cookies
from tiphys.api.server import HttpServer
from tiphys.bootstrap.serving.sso import SsoOptions, SsoParts, open_sso
from tiphys.core.sso.dex import dex_client_secret
from tiphys.model.access import Caller
from tiphys.model.live import ObjectList
from tiphys.model.resource import ApiResource
from tiphys.services.access.ports import TokenVerifier
from tiphys.services.reconcile.named import NamedObjects

if TYPE_CHECKING:
    from node_build import Installed

SERVER_SECRET = b"of the server"
CLIENT_SECRET = "web-secret"
_TOOLS = Path(__file__).resolve().parents[3] / "tools"
_READY_SECONDS = 30
_ANY = ApiResource("", "v1", "ConfigMap", "configmaps", True, frozenset())


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


class Sessions:
    """Whom our own code asks to end a session."""

    def __init__(self) -> None:
        self.verifier: TokenVerifier | None = None
        self.ended: list[str] = []

    async def end(self, token: str) -> Caller:
        assert self.verifier is not None
        claims, _ = await self.verifier.verify(token)
        self.ended.append(token)
        return Caller(claims)


@dataclass
class Clock:
    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Site:
    """Our side of it."""

    url: str
    parts: SsoParts
    sessions: Sessions
    clock: Clock
    control: str = ""
    session_seconds: float = 86_400.0

    async def verify(self, token: str) -> tuple[Mapping[str, Any], str]:
        return await self.parts.verifier.verify(token)

    async def tell(self, **wanted: Any) -> None:
        """Has the provider change its ways."""
        async with aiohttp.ClientSession() as web, web.post(self.control, json=wanted) as answer:
            assert answer.status == 200


def named(**objects: Mapping[str, Any]) -> NamedObjects:
    found = NamedObjects()
    items = [
        {"metadata": {"name": name.replace("_", "-")}, "data": dict(data)}
        for name, data in objects.items()
    ]
    found.replaced(_ANY, ObjectList(tuple(items), "1"))
    return found


def encoded(**texts: str) -> dict[str, str]:
    return {
        name.replace("_", "."): base64.b64encode(text.encode()).decode()
        for name, text in texts.items()
    }


@asynccontextmanager
async def site(
    general: Mapping[str, Any], *, port: int = 0, options: SsoOptions | None = None
) -> AsyncIterator[Site]:
    """`general` is argocd-cm's data; what is no text is written as YAML."""
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    texts = {
        name: value if isinstance(value, str) else yaml.safe_dump(value)
        for name, value in {"url": url, **general}.items()
    }
    sessions, clock = Sessions(), Clock()
    async with AsyncExitStack() as stack:
        found: list[Site] = []
        followed = SimpleNamespace(
            config_maps=named(argocd_cm=texts),
            secrets=named(argocd_secret=encoded(oidc_secret=CLIENT_SECRET)),
            stack=stack,
            now=clock.now,
        )
        book = SimpleNamespace(
            key=lambda: SERVER_SECRET, session_seconds=lambda: found[0].session_seconds
        )
        access = SimpleNamespace(book=book, sessions=sessions)
        parts = open_sso(cast(Any, followed), cast(Any, access), options or SsoOptions())
        found.append(Site(url, parts, sessions, clock))
        server = HttpServer(Starlette(routes=list(parts.routes)))
        await server.start("127.0.0.1", port)
        stack.push_async_callback(server.close)
        yield found[0]


def _installed() -> Installed:
    """As `make` installs it; the tools are no package."""
    if str(_TOOLS) not in sys.path:
        sys.path.append(str(_TOOLS))
    from node_build import installed

    return installed("sso")


@asynccontextmanager
async def node(script: str, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program of Node's, once it says that it is ready."""
    program = await asyncio.to_thread(_installed)
    process = await _ready([str(program.node), str(program.folder / script), *words])
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _ready(command: Sequence[str]) -> asyncio.subprocess.Process:
    """Node hangs at its start once in a thousand times on a busy machine: then it starts again."""
    for patience in (10, _READY_SECONDS):
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=16 << 20,
        )
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), patience)
        except TimeoutError:
            process.kill()
            await process.wait()
            continue
        assert line.strip() == b"ready"
        return process
    raise AssertionError(f"{command[1]} is not ready")


@asynccontextmanager
async def provider(
    *clients: Mapping[str, Any], port: int, path: str = "", issuer: str = "", **ways: Any
) -> AsyncIterator[str]:
    """Its issuer."""
    issuer = issuer or f"http://127.0.0.1:{port}{path}"
    given = {"issuer": issuer, "port": port, "clients": list(clients), **ways}
    async with node("provider.mjs", json.dumps(given)):
        yield issuer


def client(name: str, secret: str, *redirects: str, **fields: Any) -> dict[str, Any]:
    grants = ["authorization_code", "refresh_token"]
    return {
        "client_id": name,
        **({"client_secret": secret} if secret else {"token_endpoint_auth_method": "none"}),
        "redirect_uris": list(redirects),
        "grant_types": grants,
        **fields,
    }


@asynccontextmanager
async def with_oidc(ways: Mapping[str, Any] | None = None, **config: Any) -> AsyncIterator[Site]:
    """We, and a provider that is asked directly. `config` are further fields of oidc.config."""
    ours, theirs = free_port(), free_port()
    url = f"http://127.0.0.1:{ours}"
    web = client(
        "web",
        CLIENT_SECRET,
        f"{url}/auth/callback",
        post_logout_redirect_uris=[url],
    )
    async with provider(web, port=theirs, **(ways or {})) as issuer:
        oidc = {"issuer": issuer, "clientID": "web", "clientSecret": "$oidc.secret", **config}
        async with site({"oidc.config": oidc}, port=ours) as found:
            found.control = f"http://127.0.0.1:{theirs}/control"
            yield found


@asynccontextmanager
async def with_dex() -> AsyncIterator[Site]:
    """We, and a provider in the place of Dex: behind us, at /api/dex."""
    ours, theirs = free_port(), free_port()
    url = f"http://127.0.0.1:{ours}"
    web = client("argo-cd", str(dex_client_secret(SERVER_SECRET)), f"{url}/auth/callback")
    issuer = f"{url}/api/dex"
    dex = {"connectors": [{"type": "mockCallback", "id": "mock", "name": "Mock"}]}
    options = SsoOptions(dex_server=f"127.0.0.1:{theirs}", dex_plaintext=True)
    async with (
        provider(web, port=theirs, issuer=issuer),
        site({"dex.config": dex}, port=ours, options=options) as found,
    ):
        yield found


@dataclass
class Person:
    """Follows where pages lead, and fills in the forms of the provider."""

    name: str
    web: aiohttp.ClientSession = field(repr=False)

    async def log_in(self, url: str, return_url: str = "") -> str:
        """The token that the login ended with. `url` is ours."""
        start = f"{url}/auth/login" + (f"?return_url={return_url}" if return_url else "")
        end = await self.follow(start, until=lambda at: "/auth/callback" in at)
        async with self.web.get(URL(end, encoded=True), allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
            assert answer.headers["Location"] == (return_url or "/")
        return self.token(url)

    async def follow(self, url: str, *, until: Any) -> str:
        for _ in range(12):
            async with self.web.get(URL(url, encoded=True), allow_redirects=False) as answer:
                page = await answer.text()
                if answer.status == 200:
                    url = await self._filled(url, page)
                else:
                    assert answer.status in (302, 303), page
                    url = urljoin(url, answer.headers["Location"])
            if until(url):
                return url
        raise AssertionError(f"the login does not end: {url}")

    async def _filled(self, url: str, page: str) -> str:
        action = re.search(r'action="([^"]+)"', page)
        prompt = re.search(r'name="prompt" value="([^"]+)"', page)
        assert action is not None, page
        assert prompt is not None, page
        form = {"prompt": prompt[1], "login": self.name, "password": "any"}
        async with self.web.post(
            urljoin(url, action[1]), data=form, allow_redirects=False
        ) as answer:
            assert answer.status in (302, 303)
            return urljoin(url, answer.headers["Location"])

    def token(self, url: str) -> str:
        cookies = self.web.cookie_jar.filter_cookies(URL(url))
        return token_of_cookies("; ".join(f"{one.key}={one.value}" for one in cookies.values()))


@asynccontextmanager
async def person(name: str) -> AsyncIterator[Person]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as web:
        yield Person(name, web)


class Browser:
    """Chromium."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def do(self, *words: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words).encode() + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), _READY_SECONDS)
        answer = json.loads(line)
        assert "error" not in answer, answer
        return answer["value"]


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    program = shutil.which("chromium")
    assert program is not None, "install chromium"
    async with node("browser.mjs", program) as process:
        yield Browser(process)
