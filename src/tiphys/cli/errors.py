"""How a command ends other than well.

CommandError
├── UsageError     the command line itself is wrong: `Error: ...` on standard output, exit 1
├── FatalError     a fault that ends the command with the exit code it carries: one log line
└── Ended          the command has said all and ends with this exit code
"""

from __future__ import annotations


class CommandError(Exception):
    """Base of the ways in which a command ends."""


class UsageError(CommandError):
    """`hint` is a line after the error, such as how to get help."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class FatalError(CommandError):
    """1 for wrong use that was found late, 20 for calls and checks that failed."""

    def __init__(self, message: str, *, code: int = 20) -> None:
        super().__init__(message)
        self.code = code


class Ended(CommandError):  # noqa: N818 - not an error in itself
    def __init__(self, code: int) -> None:
        super().__init__(f"exit {code}")
        self.code = code
