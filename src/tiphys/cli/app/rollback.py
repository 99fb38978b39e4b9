"""`app rollback`."""

from __future__ import annotations

from tiphys.cli.app.session import app_name, check_output, run_core
from tiphys.cli.app.views import choose_view
from tiphys.cli.app.wait import OUTPUTS
from tiphys.cli.app.waiting import Waiter, WaitOptions, Watched
from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import Flag, FlagKind, text, yes
from tiphys.cli.ports import CoreApi
from tiphys.model.application import Application
from tiphys.services.applications import AppName

_FLAGS = (
    text("app-namespace", "The namespace of the application", "N"),
    text("output", "wide, tree, tree=detailed, json or yaml", "o", "wide"),
    yes("prune", "Delete what was not there then"),
    Flag("timeout", FlagKind.NATURAL, "Seconds to wait, 0 for no limit"),
)


@command(
    "rollback",
    _FLAGS,
    usage="APPNAME [ID] [flags]",
    summary="Go back to what was deployed before, or to an entry of the history.",
)
def rollback(call: Call) -> None:
    if len(call.words) not in (1, 2):
        call.help_and_fail()
    check_output(call.text("output"), OUTPUTS)

    async def verb(api: CoreApi) -> None:
        name = app_name(call, call.words[0])
        application = await api.get(name)
        entry = _entry(call, application)
        await api.rollback(name, entry, prune=call.yes("prune"))
        options = WaitOptions(
            watched=Watched(operation=True),
            timeout=call.number("timeout"),
            output=call.text("output"),
        )
        view = choose_view(options.output)
        try:
            whole = AppName(application.namespace, application.name)
            await Waiter(api, view, options).wait(whole)
        finally:
            view.close()

    run_core(call, verb)


def _entry(call: Call, application: Application) -> int:
    past = [entry.id for entry in application.status.history]
    if len(call.words) == 1:
        if len(past) < 2:
            raise FatalError(
                f"application '{application.name}' should have at least two successful deployments"
            )
        return past[-2]
    word = call.words[1]
    try:
        wanted = int(word)
    except ValueError:
        raise FatalError(f"'{word}' is not the id of a deployment") from None
    if wanted not in past:
        raise FatalError(
            f"application '{application.name}' does not have deployment id '{wanted}' in history"
        )
    return wanted
