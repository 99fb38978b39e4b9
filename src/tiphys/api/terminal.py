"""`/terminal`: a shell in a container of an application's Pod, over a WebSocket.

What speaks against it is answered before the connection becomes one, in the contract's order.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import structlog
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from tiphys.api import asgi
from tiphys.api.cookies import token_of_cookies
from tiphys.core.pods.chosen import Wanted, chosen_pods
from tiphys.core.settings.values import words
from tiphys.model.access import EVERYTHING, Caller
from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError, KubeError, TiphysError
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.access.ports import Access, Sessions
from tiphys.services.applications.access import AppAccess
from tiphys.services.applications.catalogue import ApplicationCatalogue
from tiphys.services.applications.service import Applications
from tiphys.services.applications.validation import project_of
from tiphys.services.liveview.finding import Finder, tree_parts
from tiphys.services.pods.terminal import Standing, TerminalSession

log = structlog.get_logger()

_PODS = ApiResource("", "v1", "Pod", "pods", True, frozenset({"get"}))
_SHELLS = ("bash", "sh", "powershell", "cmd")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_NAME = 253


class RefusedError(Exception):
    """An answer of plain text before there is a terminal."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class Wish:
    pod: str
    container: str
    app: str
    project: str
    namespace: str
    app_namespace: str
    shell: str


class TerminalEndpoint:
    """An ASGI application. `general` is the data of argocd-cm. With `everything` nobody has to
    log in.
    """

    def __init__(
        self,
        sessions: Sessions,
        access: Access,
        apps: AppAccess,
        catalogue: ApplicationCatalogue,
        applications: Applications,
        finder: Finder,
        general: Callable[[], Mapping[str, str]],
        *,
        everything: bool = False,
    ) -> None:
        self._sessions = sessions
        self._access = access
        self._apps = apps
        self._catalogue = catalogue
        self._applications = applications
        self._finder = finder
        self._general = general
        self._everything = everything

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            token, caller = await self._caller(scope)
            if self._general().get("exec.enabled") != "true":
                raise RefusedError(404)
            wish = read_wish(str(scope.get("query_string", b""), "latin-1"))
            application = await self._admitted(caller, wish)
            if scope["type"] != "websocket":
                raise RefusedError(400, "Bad Request")
        except RefusedError as refused:
            await _refuse(scope, receive, send, refused)
            return
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        page = _Page(socket)
        session = TerminalSession(page, self._check(token, wish), self._shells(wish))
        try:
            pods = await self._applications.pods(application, acting=False)
            await session.run(pods, wish.namespace, wish.pod, wish.container)
        except TiphysError as error:
            log.warning("a terminal ended", error=str(error))
        finally:
            await page.close()

    # -- before there is one ----------------------------------------------------------------------

    async def _caller(self, scope: Scope) -> tuple[str, Caller]:
        if self._everything:
            return "", EVERYTHING
        try:
            token = token_of_cookies(asgi.header(scope, b"cookie"))
        except ApiError:
            token = ""
        if not token:
            raise RefusedError(400, "Auth cookie not found")
        try:
            caller, _ = await self._sessions.caller(token)
        except ApiError:
            raise RefusedError(401, "Invalid token") from None
        return token, caller

    async def _admitted(self, caller: Caller, wish: Wish) -> Application:
        if not self._apps.enabled(wish.app_namespace):
            raise RefusedError(403, f"namespace '{wish.app_namespace}' is not permitted")
        target = self._apps.target_of(wish.project, wish.app_namespace, wish.app)
        try:
            self._access.require(caller, "applications", "get", target)
            self._access.require(caller, "exec", "create", target)
        except ApiError as error:
            raise RefusedError(401, str(error)) from None
        manifest = self._catalogue.get(wish.app_namespace, wish.app)
        if manifest is None:
            raise RefusedError(404, "App not found")
        if project_of(manifest) != wish.project:
            raise RefusedError(400, "The wrong project was specified")
        application = Application(manifest)
        try:
            self._apps.project(application)
            await self._require_pod(application, wish)
        except RefusedError:
            raise
        except TiphysError as error:
            log.warning("a terminal cannot be opened", error=str(error))
            raise RefusedError(500, "Cannot get resource tree") from None
        return application

    async def _require_pod(self, application: Application, wish: Wish) -> None:
        tree = await self._finder.tree(application)
        meant = Wanted("", "Pod", wish.namespace, wish.pod)
        chosen = chosen_pods(tree_parts(tree.get("nodes") or ()), meant)
        if not any(meant.matches(key) for key in chosen):
            raise RefusedError(400, "Pod doesn't belong to specified app")
        # With its uid, and as its project permits.
        node = await self._finder.node(application, chosen[0])
        reached = await self._applications.reach(application, acting=False)
        resource = reached.discovery.find(_PODS.gvk) or _PODS
        try:
            pod = await reached.reader.get(resource, wish.namespace, wish.pod)
        except KubeError:
            raise RefusedError(400, "Cannot find pod") from None
        if pod["metadata"].get("uid") != node.uid:
            raise RefusedError(400, "Pod doesn't belong to specified app")
        if not runs(pod, wish.container):
            raise RefusedError(400, "container find running")

    def _shells(self, wish: Wish) -> Sequence[str]:
        allowed = words("exec.shells", self._general().get("exec.shells") or "") or _SHELLS
        return (wish.shell,) if wish.shell in allowed else allowed

    # -- while there is one -----------------------------------------------------------------------

    def _check(self, token: str, wish: Wish) -> Callable[[], Awaitable[Standing]]:
        target = self._apps.target_of(wish.project, wish.app_namespace, wish.app)

        async def standing() -> Standing:
            if self._everything:
                return Standing.GOOD
            try:
                caller, renewed = await self._sessions.caller(token)
            except ApiError:
                return Standing.RENEWED
            if renewed or caller.is_anonymous:
                # An ended token leaves an anonymous caller, where those are let in.
                return Standing.RENEWED
            try:
                self._access.require(caller, "applications", "get", target)
                self._access.require(caller, "exec", "create", target)
            except ApiError as error:
                if error.code is not ApiCode.PERMISSION_DENIED:
                    log.warning("a right cannot be looked up", error=str(error))
                return Standing.DENIED
            return Standing.GOOD

        return standing


def read_wish(query: str) -> Wish:
    """Raises RefusedError."""
    found = {name: values[0] for name, values in parse_qs(query).items()}
    asked = {name: found.get(name, "") for name in _ASKED}
    if not all(asked.values()):
        raise RefusedError(400, "Missing required parameters")
    app_namespace = found.get("appNamespace", "")
    for value, what, pattern in (
        (asked["pod"], "Pod", _NAME),
        (asked["container"], "Container", _LABEL),
        (asked["appName"], "App", _NAME),
        (asked["projectName"], "Project", _NAME),
        (asked["namespace"], "Namespace", _LABEL),
        (app_namespace, "App namespace", _LABEL),
    ):
        if len(value) > _LONGEST_NAME or not pattern.fullmatch(value):
            raise RefusedError(400, f"{what} name is not valid")
    return Wish(
        asked["pod"],
        asked["container"],
        asked["appName"],
        asked["projectName"],
        asked["namespace"],
        app_namespace,
        found.get("shell", ""),
    )


_ASKED = ("pod", "container", "appName", "projectName", "namespace")


def runs(pod: Manifest, container: str) -> bool:
    """Whether a container runs, one that initialises too."""
    status: Mapping[str, Any] = pod.get("status") or {}
    names = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    return any(
        one.get("name") == container and (one.get("state") or {}).get("running") is not None
        for name in names
        for one in status.get(name) or ()
    )


class _Page:
    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> str | None:
        try:
            event = await self._socket.receive()
        except (WebSocketDisconnect, RuntimeError):
            return None
        if event["type"] != "websocket.receive":
            return None
        found = event.get("text")
        return found if found is not None else (event.get("bytes") or b"").decode(errors="replace")

    async def send(self, text: str) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            try:
                await self._socket.send_text(text)
            except (WebSocketDisconnect, RuntimeError, OSError):
                return

    async def close(self) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            try:
                await self._socket.close()
            except (WebSocketDisconnect, RuntimeError, OSError):
                return


async def _refuse(scope: Scope, receive: Receive, send: Send, refused: RefusedError) -> None:
    if scope["type"] != "websocket":
        await _plain(send, refused)
        return
    await receive()

    async def deny(message: MutableMapping[str, Any]) -> None:
        await send({**message, "type": message["type"].replace("http.", "websocket.http.", 1)})

    await _plain(deny, refused)


async def _plain(send: Send, refused: RefusedError) -> None:
    if refused.text:
        await asgi.text(send, refused.status, refused.text)
    else:
        await asgi.answer(send, refused.status, ())
