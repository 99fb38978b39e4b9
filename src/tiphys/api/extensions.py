"""`/extensions/<name>/...`: requests of pages' extensions, handed on to their backends.

Only for who may see the application that a request is about, and invoke the extension. Neither
cookies nor tokens leave, and what identifies the caller to a backend is never the caller's word.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiohttp
import structlog
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from yarl import URL

from tiphys.api.cookies import token_of_cookies
from tiphys.core.extensions import Backend, Service, asked_for, service_for
from tiphys.core.project import destination_permitted
from tiphys.model.access import EVERYTHING, Caller
from tiphys.model.application import Application
from tiphys.model.errors import ApiError, TiphysError
from tiphys.services.access.ports import Access, Sessions
from tiphys.services.applications.catalogue import ApplicationCatalogue
from tiphys.services.projects.rules import ProjectRules

log = structlog.get_logger()

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
        "content-length",
    }
)
_OURS = ("x-forwarded-", "argocd-user", "argocd-target-", "argocd-namespace", "argocd-username")
_REMOVED = frozenset({"authorization", "cookie"})


class _RefusedError(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Backends(Protocol):
    def __call__(self) -> Mapping[str, Backend]: ...


class Extensions:
    """`backends` are those of now, by name. `session` opens connections for one of them. With
    `everything` nobody has to log in.
    """

    def __init__(
        self,
        backends: Backends,
        sessions: Sessions,
        access: Access,
        applications: ApplicationCatalogue,
        rules: ProjectRules,
        client: Callable[[Backend], aiohttp.ClientSession],
        *,
        everything: bool = False,
    ) -> None:
        self._backends = backends
        self._sessions = sessions
        self._access = access
        self._applications = applications
        self._rules = rules
        self._client = client
        self._everything = everything

    def route(self) -> Route:
        return Route("/extensions/{name}/{rest:path}", self.answer, methods=_METHODS)

    async def answer(self, request: Request) -> Response:
        try:
            caller = await self._caller(request)
            application, _project = self._authorised(request, caller)
            backend = self._backends().get(request.path_params["name"])
            if backend is None:
                raise _RefusedError(404, "Extension not found")
            service = service_for(backend, application.spec.destination)
            if service is None:
                raise _RefusedError(400, "invalid extension")
            if ".." in unquote(request.path_params["rest"]).split("/"):
                raise _RefusedError(400, "invalid path")
        except _RefusedError as error:
            return PlainTextResponse(f"{error}\n", status_code=error.status)
        headers = self._headers(request, caller, application, service)
        return await self._passed_on(request, backend, service, headers)

    # -- who may --------------------------------------------------------------------------------

    async def _caller(self, request: Request) -> Caller:
        if self._everything:
            return EVERYTHING
        try:
            token = token_of_cookies(request.headers.get("cookie", ""))
        except ApiError:
            token = ""
        if not token:
            raise _RefusedError(400, "Auth cookie not found")
        try:
            caller, _ = await self._sessions.caller(token)
        except ApiError:
            raise _RefusedError(401, "Invalid token") from None
        return caller

    def _authorised(self, request: Request, caller: Caller) -> tuple[Application, str]:
        try:
            namespace, name, project = asked_for(request.headers)
        except ValueError as error:
            raise _RefusedError(400, f"Invalid headers: {error}") from None
        refused = _RefusedError(401, "Unauthorized extension request")
        extension = request.path_params["name"]
        if not self._access.allows(caller, "applications", "get", f"{project}/{name}"):
            raise refused
        if not self._access.allows(caller, "extensions", "invoke", extension):
            raise refused
        found = self._applications.get(namespace, name)
        if found is None:
            raise refused
        application = Application(found)
        try:
            permitted = self._permitted(application, project)
        except TiphysError:
            permitted = False
        if not permitted:
            raise refused
        return application, project

    def _permitted(self, application: Application, project: str) -> bool:
        spec = application.spec
        if (spec.project or "default") != project:
            return False
        effective = self._rules.of(application)
        cluster = self._rules.resolved(spec.destination)
        if effective is None or isinstance(cluster, str):
            return False
        place = (cluster.server, cluster.name, spec.destination.namespace)
        return destination_permitted(effective, *place)

    # -- passing on -----------------------------------------------------------------------------

    def _headers(
        self, request: Request, caller: Caller, application: Application, service: Service
    ) -> dict[str, str]:
        kept = {
            name: value
            for name, value in request.headers.items()
            if name not in _HOP | _REMOVED and not name.startswith(_OURS)
        }
        destination = application.spec.destination
        client = request.client.host if request.client else ""
        said = {
            "X-Forwarded-For": client,
            "X-Forwarded-Host": request.headers.get("host", ""),
            "X-Forwarded-Proto": request.url.scheme,
            **{name: str(value) for name, value in service.headers},
            "Argocd-Namespace": self._rules.control_plane,
            "Argocd-Target-Cluster-Name": destination.name,
            "Argocd-Target-Cluster-URL": destination.server,
            "Argocd-User-Id": caller.subject,
            "Argocd-Username": caller.username,
            "Argocd-User-Groups": ",".join(self._access.groups(caller)),
        }
        return {**kept, **{name: value for name, value in said.items() if value}}

    async def _passed_on(
        self, request: Request, backend: Backend, service: Service, headers: Mapping[str, str]
    ) -> Response:
        stack = AsyncExitStack()
        try:
            answer = await stack.enter_async_context(
                self._client(backend).request(
                    request.method,
                    _target(service.url, request),
                    headers=headers,
                    data=_body(request),
                    allow_redirects=False,
                )
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning(
                "an extension's backend does not answer",
                extension=request.path_params["name"],
                error=type(error).__name__,
            )
            return Response(status_code=502)
        answered = {
            name: value for name, value in answer.headers.items() if name.lower() not in _HOP
        }
        return StreamingResponse(
            _until_done(answer, stack),
            status_code=answer.status,
            headers=answered,
            background=BackgroundTask(stack.aclose),
        )


async def _until_done(
    answer: aiohttp.ClientResponse, stack: AsyncExitStack
) -> AsyncIterator[bytes]:
    """The connection goes back however the reader ends."""
    try:
        async for chunk in answer.content.iter_any():
            yield chunk
    finally:
        await stack.aclose()


def _target(url: str, request: Request) -> URL:
    """The rest of the path as it was sent, below the service's own."""
    base = urlsplit(url)
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    sent = raw.decode("ascii", "replace").partition("?")[0]
    _, found, rest = sent.partition(f"/extensions/{request.path_params['name']}/")
    path = f"{base.path.rstrip('/')}/{rest if found else ''}"
    query = request.url.query
    whole = f"{base.scheme}://{base.netloc}{path}" + (f"?{query}" if query else "")
    return URL(whole, encoded=True)


async def _sent(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        yield chunk


def _body(request: Request) -> AsyncIterator[bytes] | None:
    asked = request.headers
    has_body = asked.get("content-length", "0") != "0" or "transfer-encoding" in asked
    return _sent(request) if has_body else None
