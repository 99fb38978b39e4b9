"""What the engine's failures become on this side of the port.

EngineNotBuiltError   no binary: how to get one
EngineDiedError       a process ended in the middle of a request
ItemLimitError        a process ended over one document of an evaluation, by its number
"""

from __future__ import annotations

from tiphys.model.errors import (
    RenderError,
    RenderLimitError,
    UnsupportedSourceError,
)


class EngineNotBuiltError(RenderError):
    """There is no engine to render with."""


class EngineDiedError(RenderLimitError):
    """The process went away; a limit of the runtime's own, such as its stack, ends one so."""


class ItemLimitError(RenderLimitError):
    """The document with this number went over a limit and took its process with it."""

    def __init__(self, message: str, *, item: int) -> None:
        super().__init__(message)
        self.item = item


def from_failure(code: str, text: str, item: int | None = None) -> RenderError:
    """The engine's error frame as an error of the model."""
    match code:
        case "limit" if item is not None:
            return ItemLimitError(text, item=item)
        case "limit":
            return RenderLimitError(text)
        case "unsupported":
            return UnsupportedSourceError(text)
        case _:
            return RenderError(text)
