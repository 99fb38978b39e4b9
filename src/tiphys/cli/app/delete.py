"""`app delete`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from enum import Enum

from tiphys.cli.app.session import app_name, asks, run_core, write
from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text, yes
from tiphys.cli.ports import CoreApi
from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError, ObjectNotFoundError
from tiphys.services.applications import AppName, EventKind

_LOOK_SECONDS = 2.0

_FLAGS = (
    text("app-namespace", "The namespace of the application", "N"),
    yes("cascade", "Delete the application's objects as well", default=True),
    text("propagation-policy", "How they are deleted: foreground or background", "p", "foreground"),
    text("selector", "Delete all applications with these labels", "l"),
    yes("wait", "Wait until the application is gone"),
    yes("yes", "Do not ask", "y"),
)


class _Answer(Enum):
    YES = "y"
    NO = "n"
    ALL = "a"


@command("delete", _FLAGS, usage="APPNAME [flags]", summary="Delete an application.")
def delete(call: Call) -> None:
    if not call.words and not call.given("selector"):
        call.help_and_fail()

    async def verb(api: CoreApi) -> None:
        await _delete_all(call, api, await _names(call, api))

    run_core(call, verb)


async def _names(call: Call, api: CoreApi) -> Sequence[AppName]:
    if not call.given("selector"):
        return [app_name(call, word) for word in call.words]
    found = await api.list(selector=call.text("selector"), namespace=call.text("app-namespace"))
    if not found:
        raise FatalError(f"no apps match selector {call.text('selector')}")
    return [AppName(application.namespace, application.name) for application in found]


async def _delete_all(call: Call, api: CoreApi, names: Sequence[AppName]) -> None:
    ask = _must_ask(call)
    for name in names:
        if ask:
            match _answer(str(name), several=len(names) > 1):
                case _Answer.NO:
                    write(f"The command to delete '{name}' was cancelled.\n")
                    continue
                case _Answer.ALL:
                    ask = False
                case _Answer.YES:
                    pass
        await _delete(call, api, name)
        write(f"application '{name}' deleted\n")


async def _delete(call: Call, api: CoreApi, name: AppName) -> None:
    before = await api.get(name)
    propagation = None
    if call.given("propagation-policy"):
        propagation = call.text("propagation-policy")
    await api.delete(name, cascade=call.yes("cascade"), propagation=propagation)
    if not call.yes("wait"):
        return
    watching = asyncio.ensure_future(_deleted(api, before))
    try:
        while not (await asyncio.wait({watching}, timeout=_LOOK_SECONDS))[0]:
            # It may have been gone before anybody watched.
            if await _is_gone(api, before):
                return
        await watching
    finally:
        watching.cancel()


async def _deleted(api: CoreApi, before: Application) -> None:
    name = AppName(before.namespace, before.name)
    async for event in api.watch(name, before.metadata.resource_version):
        if event.kind is EventKind.DELETED:
            return


async def _is_gone(api: CoreApi, before: Application) -> bool:
    """What may not be seen was there a moment ago: so it is gone."""
    try:
        now = await api.get(AppName(before.namespace, before.name))
    except ApiError as error:
        if error.code in (ApiCode.NOT_FOUND, ApiCode.PERMISSION_DENIED):
            return True
        raise
    except ObjectNotFoundError:
        return True
    return now.metadata.uid != before.metadata.uid


def _must_ask(call: Call) -> bool:
    if call.yes("yes"):
        return False
    return asks(call) or (call.yes("cascade") and sys.stdout.isatty())


def _answer(name: str, *, several: bool) -> _Answer:
    question = f"Are you sure you want to delete '{name}' and all its resources? "
    question += (
        "[y/n/a] where 'a' is to delete all specified apps and their resources without prompting "
        if several
        else "[y/n] "
    )
    answers = {"y": _Answer.YES, "yes": _Answer.YES, "n": _Answer.NO, "no": _Answer.NO}
    if several:
        answers |= {"a": _Answer.ALL, "all": _Answer.ALL}
    while True:
        write(question)
        line = sys.stdin.readline()
        if not line:
            raise FatalError("EOF")
        found = answers.get(line.strip().lower())
        if found is not None:
            return found
