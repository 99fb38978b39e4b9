"""`gpg list`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tiphys.cli.app.session import check_output, write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.gpg.session import run_keys
from tiphys.cli.log import Level, log
from tiphys.cli.output import table, to_json, to_yaml
from tiphys.cli.ports import KeyApi

if TYPE_CHECKING:
    from tiphys.model.openpgp import PublicKey

_FLAGS = (text("output", "json, yaml or wide", "o", "wide"),)
_HEADER = ("KEYID", "TYPE", "IDENTITY")


@command("list", _FLAGS, usage="[flags]", summary="List keys.")
def list_command(call: Call) -> None:
    async def verb(api: KeyApi) -> None:
        found = await api.list()
        for problem in found.problems:
            log(Level.WARN, problem, form=call.text("logformat"))
        check_output(call.text("output"), ("json", "yaml", "wide", ""))
        write(_shown(found.keys, call.text("output")))

    run_keys(call, verb)


def _shown(keys: Sequence[PublicKey], output: str) -> str:
    from tiphys.services.repositories.keys import shown_key

    match output:
        case "json":
            return to_json([shown_key(key, whole=False) for key in keys]) + "\n"
        case "yaml":
            return to_yaml([shown_key(key, whole=False) for key in keys])
        case _:
            rows = [(key.key_id, key.kind.upper(), key.owner) for key in keys]
            return table([_HEADER, *rows])
