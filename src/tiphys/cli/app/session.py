"""Opens what a verb needs and runs it to its end."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, TypeVar, cast

from tiphys.cli.claims import ended
from tiphys.cli.command import Call
from tiphys.cli.connecting import chosen, local_config, local_path
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import ADMIN_KUBE_FLAGS, KUBE_FLAGS, FlagKind
from tiphys.cli.localconfig import write_config
from tiphys.cli.log import Level, log
from tiphys.cli.ports import ClusterChoice, CoreApi, KubeAccess, ServerApi, ServerChoice, Wiring
from tiphys.model.application import Application
from tiphys.model.connection import ServerConnection
from tiphys.model.errors import ApiCode, ApiError
from tiphys.services.applications import AppName

CONTRACT_NAME = "argocd"


_Api = TypeVar("_Api")


def run_core(call: Call, verb: Callable[[CoreApi], Awaitable[None]]) -> None:
    """Runs a verb on the applications of a server, or of the cluster of the kube context."""
    run_on(call, verb, lambda server: server.applications, wiring(call).core)


def run_on(
    call: Call,
    verb: Callable[[_Api], Awaitable[None]],
    of_server: Callable[[ServerApi], _Api],
    of_cluster: Callable[[ClusterChoice], AbstractAsyncContextManager[_Api]],
) -> None:
    """Runs a verb on what a server gives, or a cluster where no server was chosen."""
    choice = server_choice(call)

    async def main() -> None:
        if choice is None:
            async with of_cluster(cluster_choice(call)) as api:
                await verb(api)
            return
        async with opened(call, await lasting(call, choice)) as server:
            await verb(of_server(server))

    run_to_end(main())


def run_server(call: Call, verb: Callable[[ServerApi], Awaitable[None]]) -> None:
    """Runs a verb that only a server can answer."""
    choice = server_choice(call)
    if choice is None:
        raise FatalError(f"{call.path} needs an API server: name one with --server", code=1)

    async def main() -> None:
        async with opened(call, await lasting(call, choice)) as server:
            await verb(server)

    run_to_end(main())


def server_choice(call: Call) -> ServerChoice | None:
    """None for core mode: where it is asked for, and under our own name where nothing is."""
    found = chosen(call)
    if found.connection is not None:
        return ServerChoice(found.connection, found.forward, cluster_choice(call))
    if not found.core:
        require_core(call)
    return None


def run_to_end(main: Coroutine[Any, Any, None]) -> None:
    """In a loop of its own, which is loaded now: help does without."""
    import asyncio

    asyncio.run(main)


async def lasting(call: Call, choice: ServerChoice) -> ServerChoice:
    """With a new token in place of one of the identity provider's that has ended."""
    user = chosen(call).user
    token = choice.connection.token
    if user is None or not user.refresh_token or token != user.auth_token or not ended(token):
        return choice
    from tiphys.cli.ports import SignIn

    async with opened(call, replace(choice, connection=anonymous(choice))) as server:
        settings = await server.settings()
    asked = SignIn(
        connection=choice.connection, settings=settings, callback="", port=0, browser=False
    )
    signed = await wiring(call).renew(asked, user.refresh_token)
    changed = replace(user, auth_token=signed.token, refresh_token=signed.refresh_token)
    write_config(local_path(call), local_config(call).with_user(changed))
    return replace(choice, connection=replace(choice.connection, token=signed.token))


def anonymous(choice: ServerChoice) -> ServerConnection:
    """The same way to the server, as nobody."""
    return replace(choice.connection, token="")


def opened(call: Call, choice: ServerChoice) -> AbstractAsyncContextManager[ServerApi]:
    """The server, which tells on standard error what is odd about reaching it."""
    return wiring(call).server(choice, lambda text: _warn(call, text))


def _warn(call: Call, text: str) -> None:
    log(
        Level.WARN,
        text,
        form=call.text("logformat"),
        threshold=_threshold(call.text("loglevel")),
    )


def require_core(call: Call) -> None:
    """The contract's name needs to be told; ours says once what it does by itself."""
    if call.program == CONTRACT_NAME:
        raise FatalError("Argo CD server address unspecified", code=1)
    log(
        Level.INFO,
        "core mode: working on the cluster of the kube context, without an API server",
        form=call.text("logformat"),
        threshold=_threshold(call.text("loglevel")),
    )


def _threshold(name: str) -> Level:
    found = Level.__members__.get(name.upper())
    if found is None:
        raise FatalError(f"not a valid log level: {name}", code=1)
    return found


def cluster_choice(call: Call) -> ClusterChoice:
    return ClusterChoice(
        kubeconfig=call.text("kubeconfig"),
        context=call.text("kube-context") or call.text("context"),
        namespace="" if call.owns("namespace") else call.text("namespace"),
        access=kube_access(call),
    )


def kube_access(call: Call) -> KubeAccess:
    """What kubectl's flags say, where the command takes them."""
    found: dict[str, Any] = {}
    for flag in (*KUBE_FLAGS, *ADMIN_KUBE_FLAGS):
        if call.has(flag) and call.given(flag.name):
            name = flag.name.replace("-", "_")
            field = f"act_{name}" if name.startswith("as") else name
            match flag.kind:
                case FlagKind.BOOL:
                    found[field] = call.yes(flag.name)
                case FlagKind.STRINGS:
                    found[field] = call.texts(flag.name)
                case _:
                    found[field] = call.text(flag.name)
    return KubeAccess(**found)


def wiring(call: Call) -> Wiring:
    return cast("Wiring", call.wiring)


def app_name(call: Call, text: str) -> AppName:
    return AppName.parse(text, call.text("app-namespace"))


async def app_in_project(api: CoreApi, name: AppName, project: str) -> Application:
    """The application, where it is in this project; an empty one is any."""
    application = await api.get(name)
    if project not in ("", application.spec.project):
        raise ApiError(
            ApiCode.NOT_FOUND, f'applications.argoproj.io "{application.name}" not found'
        )
    return application


def write(text: str) -> None:
    """Text with its line breaks, at once, so that a pipe sees it."""
    sys.stdout.write(text)
    sys.stdout.flush()


def check_output(asked: str, known: tuple[str, ...]) -> None:
    if asked not in known:
        raise FatalError(f"unknown output format: {asked}")


def asks(call: Call) -> bool:
    """Whether the user wants to be asked before what cannot be undone."""
    if call.given("prompts-enabled"):
        return call.yes("prompts-enabled")
    return local_config(call).prompts_enabled
