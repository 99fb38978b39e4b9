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
        found = _ANSWERS.get(line(question).strip().lower())
        if found is not None:
            return found


def line(question: str) -> str:
    """What the user writes. Raises FatalError at the end of the input."""
    write(question)
    found = sys.stdin.readline()
    if not found:
        raise FatalError("EOF")
    return found.rstrip("\r\n")


def secret(question: str) -> str:
    """The same without an echo; where there is no terminal, a line as it comes."""
    import getpass

    if not sys.stdin.isatty():
        found = line(question)
        write("\n")
        return found
    try:
        return getpass.getpass(question)
    except EOFError:
        raise FatalError("EOF") from None
