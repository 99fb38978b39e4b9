"""`app patch-resource` and `app delete-resource`: live objects, past Git."""

from __future__ import annotations

from tiphys.cli.app.choosing import FLAGS, chosen
from tiphys.cli.app.patch import parsed
from tiphys.cli.app.session import app_in_project, app_name, run_core, write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text, yes
from tiphys.cli.log import Level, log
from tiphys.cli.ports import CoreApi
from tiphys.cli.prompts import confirmed

_PATCH_FLAGS = (
    *FLAGS,
    text("patch", "The patch, as JSON"),
    text("patch-type", "The media type of the patch", default="application/merge-patch+json"),
)
_DELETE_FLAGS = (
    *FLAGS,
    yes("force", "Leave it no time to end"),
    yes("orphan", "Keep what it owns"),
)


@command("patch-resource", _PATCH_FLAGS, usage="APPNAME [flags]", summary="Patch a live object.")
def patch_resource(call: Call) -> None:
    call.require("kind", "patch")
    if len(call.words) != 1:
        call.help_and_fail()

    async def verb(api: CoreApi) -> None:
        body = parsed(call.text("patch"))
        name = app_name(call, call.words[0])
        application = await app_in_project(api, name, call.text("project"))
        for key in await chosen(call, api, application):
            await api.patch_object(application, key, call.text("patch-type"), body)
            log(Level.INFO, f"Resource '{key.name}' patched", form=call.text("logformat"))

    run_core(call, verb)


@command("delete-resource", _DELETE_FLAGS, usage="APPNAME [flags]", summary="Delete a live object.")
def delete_resource(call: Call) -> None:
    call.require("kind")
    if len(call.words) != 1:
        call.help_and_fail()

    async def verb(api: CoreApi) -> None:
        name = app_name(call, call.words[0])
        application = await app_in_project(api, name, call.text("project"))
        for key in await chosen(call, api, application):
            shown = f"{key.group}/{key.kind} {key.namespace}/{key.name}"
            if not confirmed(call, f"Are you sure you want to delete {shown} ? [y/n] "):
                write(f"The command to delete {shown} was cancelled.\n")
                continue
            await api.delete_object(
                application, key, force=call.yes("force"), orphan=call.yes("orphan")
            )
            log(Level.INFO, f"Resource '{key.name}' deleted", form=call.text("logformat"))

    run_core(call, verb)
