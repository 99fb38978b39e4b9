"""`app wait`."""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.cli.app.resources import parse_patterns
from tiphys.cli.app.session import app_name, check_output, run_core
from tiphys.cli.app.views import choose_view
from tiphys.cli.app.waiting import Waiter, WaitOptions, Watched
from tiphys.cli.command import Call, command
from tiphys.cli.globals import Flag, FlagKind, later, text, texts, yes
from tiphys.cli.ports import CoreApi
from tiphys.services.applications import AppName

OUTPUTS = ("json", "yaml", "wide", "tree", "tree=detailed", "")
_FLAGS = (
    text("app-namespace", "The namespace of the applications", "N"),
    yes("degraded", "Wait for health Degraded"),
    yes("delete", "Wait until the application is gone"),
    yes("health", "Wait for health Healthy"),
    later("hydrated", FlagKind.BOOL),
    yes("operation", "Wait until no operation is running"),
    text("output", "wide, tree, tree=detailed, json or yaml", "o", "wide"),
    texts("resource", "Only these objects: [!]GROUP:KIND:[NAMESPACE/]NAME, * for all"),
    text("selector", "Wait for all applications with these labels", "l"),
    yes("suspended", "Wait for health Suspended"),
    yes("sync", "Wait for Synced"),
    Flag("timeout", FlagKind.NATURAL, "Seconds to wait, 0 for no limit"),
)
_CONDITIONS = ("sync", "health", "operation", "suspended", "degraded", "delete")


@command("wait", _FLAGS, usage="[APPNAME.. | -l selector] [flags]", summary="Wait for a state.")
def wait(call: Call) -> None:
    if not call.words and not call.given("selector"):
        call.help_and_fail()
    options = _options(call)

    async def verb(api: CoreApi) -> None:
        for name in await _names(call, api):
            view = choose_view(options.output)
            try:
                await Waiter(api, view, options).wait(name)
            finally:
                view.close()

    run_core(call, verb)


def _options(call: Call) -> WaitOptions:
    check_output(call.text("output"), OUTPUTS)
    asked = {name: call.yes(name) for name in _CONDITIONS}
    if not any(asked.values()):
        asked |= dict.fromkeys(("sync", "health", "operation"), True)
    return WaitOptions(
        watched=Watched(**asked),
        patterns=parse_patterns(call.texts("resource")),
        timeout=call.number("timeout"),
        output=call.text("output"),
    )


async def _names(call: Call, api: CoreApi) -> Sequence[AppName]:
    names = [app_name(call, word) for word in call.words]
    if call.given("selector"):
        found = await api.list(selector=call.text("selector"), namespace=call.text("app-namespace"))
        names += [AppName(application.namespace, application.name) for application in found]
    return names
