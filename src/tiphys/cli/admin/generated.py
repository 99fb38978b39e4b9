"""What the generate-spec commands print, or write back into the file that they read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tiphys.cli.app.session import check_output, write
from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text, yes
from tiphys.cli.output import to_json, to_yaml

OUTPUT_FLAGS = (
    yes("inline", "Write back into the file of --file; what was there stays beside it", "i"),
    text("output", "What is printed: json or yaml", "o", "yaml"),
)
_DROPPED = ("creationTimestamp", "namespace")


def put_out(call: Call, manifest: Mapping[str, Any]) -> None:
    """Prints a manifest without what only a cluster knows, or writes it back."""
    check_output(call.text("output"), ("json", "yaml"))
    metadata = {
        key: value for key, value in (manifest.get("metadata") or {}).items() if key not in _DROPPED
    }
    kept = {key: value for key, value in manifest.items() if key != "status"}
    shown = {**kept, "metadata": metadata}
    printed = to_json(shown) + "\n" if call.text("output") == "json" else to_yaml(shown)
    if not call.yes("inline"):
        write(printed)
        return
    path = call.text("file")
    if not path or path == "-":
        raise FatalError("--inline needs a file by --file", code=1)
    try:
        file = Path(path)
        # The new text is whole before the old one goes.
        written = file.with_name(f"{file.name}.new")
        written.write_text(printed)
        file.replace(file.with_name(f"{file.name}.back"))
        written.replace(file)
    except OSError as error:
        raise FatalError(f"write {path}: {error.strerror}") from None
