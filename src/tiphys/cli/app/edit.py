"""`app edit`: the spec in the user's editor."""

from __future__ import annotations

from tiphys.cli.app.session import app_name, run_core
from tiphys.cli.command import Call, command
from tiphys.cli.documents import decoded
from tiphys.cli.editing import edit
from tiphys.cli.globals import text
from tiphys.cli.output import to_yaml
from tiphys.cli.ports import CoreApi
from tiphys.cli.progress import CHECKING, busy
from tiphys.model.application import encode
from tiphys.model.errors import ApiCode, ApiError

_FLAGS = (text("app-namespace", "The namespace of the application", "N"),)


@command("edit", _FLAGS, usage="APPNAME [flags]", summary="Edit an application's spec.")
def edit_command(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()

    async def verb(api: CoreApi) -> None:
        name = app_name(call, call.words[0])
        application = await api.get(name)

        async def save(data: bytes) -> None:
            found = await decoded(call, data)
            if len(found) != 1:
                raise ApiError(ApiCode.INVALID_ARGUMENT, "one YAML document is expected")
            async with busy(CHECKING):
                await api.update_spec(name, found[0], validate=True)

        await edit(application.name, to_yaml(encode(application.spec)), save)

    run_core(call, verb)
