"""`app add-source` and `app remove-source`: applications with several sources."""

from __future__ import annotations

from tiphys.cli.app.session import app_name, run_core, write
from tiphys.cli.app.specapply import apply_source_flags
from tiphys.cli.app.specflags import SPEC_FLAGS
from tiphys.cli.app.specsource import NAME_FLAG, POSITION_FLAG, literal_values, named_position
from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text, yes
from tiphys.cli.ports import CoreApi
from tiphys.cli.progress import CHECKING, busy
from tiphys.cli.prompts import confirmed

_NAMESPACE = text("app-namespace", "The namespace of the application", "N")
_ADD_FLAGS = (
    *SPEC_FLAGS,
    _NAMESPACE,
    yes("validate", "Ask the repository first, and render", default=True),
)
_REMOVE_FLAGS = (_NAMESPACE, NAME_FLAG, POSITION_FLAG)


@command(
    "add-source", _ADD_FLAGS, usage="APPNAME [flags]", summary="Add a source to an application."
)
def add_source(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()

    async def verb(api: CoreApi) -> None:
        name = app_name(call, call.words[0])
        spec = (await api.get(name)).to_manifest().get("spec") or {}
        if not spec.get("sources"):
            raise FatalError(
                f"Cannot add source: application {name.name} does not have spec.sources defined"
            )
        added = apply_source_flags(call, {}, literal=await literal_values(call))
        changed = {**spec, "sources": [*spec["sources"], added]}
        async with busy(CHECKING):
            await api.update_spec(name, changed, validate=call.yes("validate"))
        write(f"Application '{name.name}' updated successfully\n")

    run_core(call, verb)


@command(
    "remove-source",
    _REMOVE_FLAGS,
    usage="APPNAME [flags]",
    summary="Remove a source from an application.",
)
def remove_source(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()

    async def verb(api: CoreApi) -> None:
        name = app_name(call, call.words[0])
        spec = (await api.get(name)).to_manifest().get("spec") or {}
        sources = list(spec.get("sources") or ())
        position = _position(call, sources)
        if not confirmed(call, "Are you sure you want to delete the source? [y/n] "):
            write("The command to delete the source was cancelled\n")
            return
        del sources[position - 1]
        async with busy(CHECKING):
            await api.update_spec(name, {**spec, "sources": sources}, validate=True)
        write(f"Application '{name.name}' updated successfully\n")

    run_core(call, verb)


def _position(call: Call, sources: list[dict[str, object]]) -> int:
    position = named_position(call, sources)
    if position <= 0:
        raise FatalError("Value of source-position must be greater than 0")
    if not sources:
        raise FatalError("Application does not have multiple sources configured")
    if len(sources) == 1:
        raise FatalError("Cannot remove the only source remaining in the app")
    if position > len(sources):
        raise FatalError(f"Application does not have source at {position}")
    return position
