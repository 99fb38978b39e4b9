"""`app patch`."""

from __future__ import annotations

import json
from typing import Any

from tiphys.cli.app.session import app_name, run_core, write
from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text
from tiphys.cli.output import to_yaml
from tiphys.cli.ports import CoreApi

_FLAGS = (
    text("app-namespace", "The namespace of the application", "N"),
    text("patch", "The patch, as JSON"),
    text("type", "json (RFC 6902) or merge (RFC 7386)", default="json"),
)


@command("patch", _FLAGS, usage="APPNAME [flags]", summary="Patch an application.")
def patch(call: Call) -> None:
    if len(call.words) != 1 or not call.text("patch"):
        call.help_and_fail()

    async def verb(api: CoreApi) -> None:
        body = parsed(call.text("patch"))
        stored = await api.patch(app_name(call, call.words[0]), call.text("type"), body)
        write(to_yaml(stored.to_json()) + "\n")

    run_core(call, verb)


def parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise FatalError(f"the patch is not JSON: {error}") from None
