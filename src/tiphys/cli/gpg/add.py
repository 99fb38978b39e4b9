"""`gpg add`."""

from __future__ import annotations

from pathlib import Path

from tiphys.cli.app.session import write
from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text
from tiphys.cli.gpg.session import run_keys
from tiphys.cli.ports import KeyApi

_FLAGS = (text("from", "A file with armoured public keys", "f"),)


@command("add", _FLAGS, usage="[flags]", summary="Add public keys.")
def add(call: Call) -> None:
    path = call.text("from")
    if not path:
        raise FatalError("--from is mandatory")
    try:
        data = Path(path).read_text()
    except OSError as error:
        raise FatalError(f"open {path}: {(error.strerror or '').lower()}") from None
    except UnicodeDecodeError:
        raise FatalError(f"{path} holds no armoured keys") from None

    async def verb(api: KeyApi) -> None:
        added = await api.add(data)
        skipped = ""
        if added.skipped:
            skipped = f", and {len(added.skipped)} key(s) were skipped because they exist already"
        write(f"Created {len(added.created)} key(s) from input file{skipped}.\n")

    run_keys(call, verb)
