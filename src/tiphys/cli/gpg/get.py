"""`gpg get`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiphys.cli.app.session import check_output, write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.gpg.session import key_id, run_keys
from tiphys.cli.output import to_json, to_yaml
from tiphys.cli.ports import KeyApi

if TYPE_CHECKING:
    from tiphys.model.openpgp import PublicKey

_FLAGS = (text("output", "json, yaml or wide", "o", "wide"),)


@command("get", _FLAGS, usage="KEYID [flags]", summary="Show a key.")
def get(call: Call) -> None:
    asked = key_id(call)

    async def verb(api: KeyApi) -> None:
        found = await api.get(asked)
        check_output(call.text("output"), ("json", "yaml", "wide", ""))
        write(_shown(found, call.text("output")))

    run_keys(call, verb)


def _shown(key: PublicKey, output: str) -> str:
    from tiphys.services.repositories.keys import shown_key

    match output:
        case "json":
            return to_json(shown_key(key, whole=True)) + "\n"
        case "yaml":
            return to_yaml(shown_key(key, whole=True))
        case _:
            return (
                f"Key ID:          {key.key_id}\n"
                f"Key fingerprint: {key.fingerprint}\n"
                f"Key subtype:     {key.kind.upper()}\n"
                f"Key owner:       {key.owner}\n"
                f"Key data follows until EOF:\n{key.armoured}\n"
            )
