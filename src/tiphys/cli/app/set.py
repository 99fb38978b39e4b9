"""`app set`: a spec changed by flags."""

from __future__ import annotations

from tiphys.cli.app.session import app_name, run_core
from tiphys.cli.app.specapply import apply_flags, asked, hydrates
from tiphys.cli.app.specflags import SPEC_FLAGS
from tiphys.cli.app.specsource import POSITION_FLAG, literal_values, source_index
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text, yes
from tiphys.cli.log import Level, log
from tiphys.cli.ports import CoreApi
from tiphys.cli.progress import CHECKING, busy
from tiphys.model.application import Application

_FLAGS = (
    *SPEC_FLAGS,
    text("app-namespace", "The namespace of the application", "N"),
    POSITION_FLAG,
    yes("validate", "Ask the repository first, and render", default=True),
)


@command("set", _FLAGS, usage="APPNAME [flags]", summary="Change an application's spec.")
def set_command(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()
    if not asked(call):
        log(
            Level.ERROR,
            "Please set at least one option to update",
            form=call.text("logformat"),
        )
        call.help_and_fail()

    async def verb(api: CoreApi) -> None:
        name = app_name(call, call.words[0])
        application = await api.get(name)
        spec = application.to_manifest().get("spec") or {}
        index = None if hydrates(call) else source_index(call, spec)
        changed = apply_flags(
            call,
            spec,
            index=index,
            source_type=_tool(application, index),
            literal=await literal_values(call),
        )
        async with busy(CHECKING):
            await api.update_spec(name, changed, validate=call.yes("validate"))

    run_core(call, verb)


def _tool(application: Application, index: int | None) -> str:
    """What rendered the source when it was compared last, as far as that is known."""
    status = application.status
    if not application.spec.sources:
        return status.source_type
    known = index is not None and index < len(status.source_types)
    return status.source_types[index] if known and index is not None else ""
