"""Questions on a terminal. What is not asked is answered yes."""

from __future__ import annotations

import sys

from tiphys.cli.app.session import asks, write
from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError

_ANSWERS = {"y": True, "yes": True, "n": False, "no": False}


def confirmed(call: Call, question: str, *, always: bool = False) -> bool:
    """Whether the user agrees; asked only of those who want to be asked, or always.

    Raises FatalError at the end of the input.
    """
    if not always and not asks(call):
        return True
    while True:
        write(question)
        line = sys.stdin.readline()
        if not line:
            raise FatalError("EOF")
        found = _ANSWERS.get(line.strip().lower())
        if found is not None:
            return found
