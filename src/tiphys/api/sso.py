"""`/auth/login`, `/auth/callback`, `/auth/logout` and `/api/dex/`: logins in a browser.

What goes wrong is told as plain text, and what a stranger wrote is escaped besides.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from tiphys.api.cookies import NAME, read_cookies, token_cookies, token_of_cookies
from tiphys.model.errors import ApiError, IdentityError
from tiphys.model.identity import Relayed
from tiphys.services.sso.errors import LoginError
from tiphys.services.sso.login import Arrival, Begun, LoggedIn

log = structlog.get_logger()

STATE: Final = "argocd.oauthstate"
_STATE_SECONDS: Final = 300
_LARGEST_BODY: Final = 4 << 20
_PLAIN: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
# Providers of the implicit flow answer behind a `#`, which no server sees.
_FRAGMENT_PAGE: Final = """<!DOCTYPE html><title>Logging in</title>
<script>
const answer = window.location.hash.slice(1);
if (answer) window.location.replace(window.location.pathname + "?" + answer);
else document.title = "The provider sent no answer";
</script>
"""
_FRAGMENT_POLICY: Final = "default-src 'none'; script-src 'unsafe-inline'; frame-ancestors 'none'"
_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_NOT_RELAYED: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te"),
        *("trailer", "trailers", "transfer-encoding", "upgrade", "content-length", "host"),
        *("authorization", "accept-encoding", "content-encoding"),
        *("x-forwarded-host", "x-forwarded-proto"),
    }
)


class Logins(Protocol):
    async def begin(self, arrival: Arrival, return_url: str) -> Begun: ...

    async def finish(self, arrival: Arrival, query: Mapping[str, str], cookie: str) -> LoggedIn: ...


class Logouts(Protocol):
    async def end(self, token: str, *, home: str) -> str: ...


class Relay(Protocol):
    """Dex behind us. Raises IdentityError where it does not answer."""

    async def ask(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> Relayed: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SsoEdge:
    """`relay` is None where Dex is not the provider. `urls` are those that we are known by, the
    first before all; `base_href` has no slashes around it. `debug`: claims are shown, and nobody is
    logged in.
    """

    logins: Logins
    logouts: Logouts
    relay: Callable[[], Relay | None]
    urls: Callable[[], Sequence[str]]
    base_href: str = ""
    cookie_count: int = 20
    debug: bool = False

    @property
    def home(self) -> str:
        return f"/{self.base_href}/" if self.base_href else "/"

    @property
    def secure(self) -> bool:
        urls = self.urls()
        return bool(urls) and urls[0].startswith("https://")

    def home_for(self, request: Request) -> str:
        """The address that the request came by, if it is one of ours."""
        host = request.headers.get("host", "").lower()
        urls = [url for url in self.urls() if url]
        return next((url for url in urls if urlsplit(url).netloc.lower() == host), "") or (
            urls[0] if urls else self.home
        )


def sso_routes(edge: SsoEdge) -> list[BaseRoute]:
    async def login(request: Request) -> Response:
        try:
            begun = await edge.logins.begin(
                _arrival(request), request.query_params.get("return_url", "")
            )
        except LoginError as error:
            return _text(error.status, str(error))
        response = RedirectResponse(begun.url, 303, {"Cache-Control": "no-store"})
        _keep_state(response, edge, begun.cookie, _STATE_SECONDS)
        return response

    async def callback(request: Request) -> Response:
        query = dict(request.query_params)
        if not query:
            policy = {"Content-Security-Policy": _FRAGMENT_POLICY, "Cache-Control": "no-store"}
            return HTMLResponse(_FRAGMENT_PAGE, headers=policy)
        cookie = read_cookies(request.headers.get("cookie", "")).get(STATE, "")
        try:
            done = await edge.logins.finish(_arrival(request), query, cookie)
            token = str(done.token)
            if edge.debug:
                return _text(200, token.rpartition(".")[0])
            cookies = token_cookies(
                token, edge.base_href, secure=edge.secure, most=edge.cookie_count
            )
        except LoginError as error:
            return _text(error.status, str(error))
        except ApiError as error:
            return _text(500, str(error))
        headers = {"Cache-Control": "no-store"}
        response = RedirectResponse(done.return_url or edge.home, 303, headers)
        for one in cookies:
            response.headers.append("Set-Cookie", one)
        _keep_state(response, edge, "", 0)
        return response

    return [
        Route("/auth/login", login, methods=["GET"]),
        Route("/auth/callback", callback, methods=["GET"]),
        Route("/auth/logout", _logout(edge), methods=["GET", "POST"]),
        Route("/api/dex/{path:path}", _dex(edge), methods=_METHODS),
    ]


def _logout(edge: SsoEdge) -> Callable[[Request], object]:
    async def logout(request: Request) -> Response:
        header = request.headers.get("cookie", "")
        try:
            token = token_of_cookies(header)
        except ApiError as error:
            return _text(400, f"Failed to retrieve ArgoCD auth token: {error}")
        if not token:
            return _text(400, "Failed to retrieve ArgoCD auth token: it is in no cookie")
        target = await edge.logouts.end(token, home=edge.home_for(request))
        response = RedirectResponse(target, 303, {"Cache-Control": "no-store"})
        for name in read_cookies(header):
            if name == NAME or name.startswith(f"{NAME}-"):
                response.headers.append("Set-Cookie", _blank(name, edge))
        return response

    return logout


def _dex(edge: SsoEdge) -> Callable[[Request], object]:
    async def relay(request: Request) -> Response:
        target = edge.relay()
        if target is None:
            return _text(404, "404 page not found")
        try:
            found = await target.ask(
                request.method,
                _relayed_path(request, edge.base_href),
                [*_kept(request.headers.items()), *_forwarded(request, edge)],
                await _body(request),
            )
        except ClientDisconnect:
            return Response(status_code=400)
        except _LargeBodyError:
            return _text(413, "the request is too large")
        except IdentityError as error:
            log.warning("Dex does not answer", error=str(error))
            return _text(502, "Dex does not answer")
        if found.status == 500:
            log.warning("Dex failed", path=request.url.path)
            return RedirectResponse(f"{edge.home}login?has_sso_error=true", 303)
        response = Response(found.body, found.status)
        for name, value in _kept(found.headers):
            if name.lower() != "content-type":
                response.headers.append(name, value)
            else:
                response.headers["content-type"] = value
        return response

    return relay


class _LargeBodyError(Exception):
    pass


async def _body(request: Request) -> bytes:
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > _LARGEST_BODY:
            raise _LargeBodyError
    return bytes(found)


def _relayed_path(request: Request, base_href: str) -> str:
    """As it was written, below the path that Dex knows itself by."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    _, _, rest = raw.decode("latin-1").partition("/api/dex/")
    root = f"/{base_href}" if base_href else ""
    query = request.scope.get("query_string", b"").decode("latin-1")
    return f"{root}/api/dex/{rest.partition('?')[0]}{f'?{query}' if query else ''}"


def _kept(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without what is said of one connection alone, and without our own sessions."""
    found = []
    for name, value in headers:
        if name.lower() in _NOT_RELAYED:
            continue
        if name.lower() == "cookie":
            parts = (one.strip() for one in value.split(";"))
            value = "; ".join(one for one in parts if one and not one.startswith("argocd."))
            if not value:
                continue
        found.append((name, value))
    return found


def _forwarded(request: Request, edge: SsoEdge) -> list[tuple[str, str]]:
    """By which address the browser came."""
    scheme = "https" if edge.secure else "http"
    return [
        ("X-Forwarded-Host", request.headers.get("host", "")),
        ("X-Forwarded-Proto", scheme),
    ]


def _arrival(request: Request) -> Arrival:
    return Arrival(host=request.headers.get("host", ""), path=request.url.path)


def _keep_state(response: Response, edge: SsoEdge, value: str, seconds: int) -> None:
    response.set_cookie(
        STATE,
        value,
        max_age=seconds,
        path=edge.home,
        secure=edge.secure,
        httponly=True,
        samesite="lax",
    )


def _blank(name: str, edge: SsoEdge) -> str:
    secure = "; Secure" if edge.secure else ""
    return f"{name}=; path=/{edge.base_href}; Max-Age=0; SameSite=lax; httpOnly{secure}"


def _text(status: int, text: str) -> Response:
    plain = html.escape(text.replace("\r", " ").replace("\n", " "))
    return Response(f"{plain}\n", status, _PLAIN, "text/plain")
