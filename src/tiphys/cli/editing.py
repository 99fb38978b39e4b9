"""Edits a text in the user's editor until it can be saved, as kubectl does."""

from __future__ import annotations

import asyncio
import os
import shlex
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from tiphys.cli.errors import FatalError
from tiphys.model.errors import TiphysError

_HEADER = """\
# Edit the text below. Lines that begin with a '#' are left out, and an empty text ends the
# command. If what you save cannot be stored, it is opened again with the reasons.
#
"""


async def edit(name: str, text: str, save: Callable[[bytes], Awaitable[None]]) -> None:
    """`name` begins the file's name. `save` raises TiphysError for what cannot be stored.

    Raises FatalError where nothing was changed, or the editor fails.
    """
    shown, reasons = text, ""
    while True:
        edited = _without_comments(await _edited(name, _HEADER + reasons + shown))
        if not edited.strip() or edited == shown:
            raise FatalError("edit cancelled, no valid changes were saved")
        try:
            await save(edited.encode())
        except TiphysError as error:
            shown, reasons = edited, _commented(str(error))
        else:
            return


async def _edited(name: str, text: str) -> str:
    """What the editor leaves of a text. The file is the user's alone, and goes afterwards."""
    handle, path = tempfile.mkstemp(prefix=f"{name}-", suffix="-edit.yaml")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        await _run_editor(path)
        return await asyncio.to_thread(Path(path).read_text)
    finally:
        await asyncio.to_thread(Path(path).unlink, missing_ok=True)


async def _run_editor(path: str) -> None:
    words = shlex.split(os.environ.get("EDITOR") or "vi")
    try:
        editor = await asyncio.create_subprocess_exec(*words, path)
    except OSError as error:
        raise FatalError(f"cannot start the editor {words[0]}: {error.strerror}") from None
    if await editor.wait() != 0:
        raise FatalError(f"the editor {words[0]} ended with an error")


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(True) if not line.startswith("#"))


def _commented(reason: str) -> str:
    return "".join(f"# error: {line}\n" for line in reason.splitlines()) + "#\n"
