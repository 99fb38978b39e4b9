"""`gpg rm`."""

from __future__ import annotations

from tiphys.cli.app.session import write
from tiphys.cli.command import Call, command
from tiphys.cli.gpg.session import key_id, run_keys
from tiphys.cli.ports import KeyApi
from tiphys.cli.prompts import confirmed


@command("rm", (), usage="KEYID [flags]", summary="Remove a key.")
def remove(call: Call) -> None:
    asked = key_id(call)

    async def verb(api: KeyApi) -> None:
        if not confirmed(call, f"Are you sure you want to remove '{asked}'? [y/n] "):
            write(f"The command to remove '{asked}' was cancelled.\n")
            return
        await api.delete(asked)
        write(f"Deleted key with key ID {asked}\n")

    run_keys(call, verb)
