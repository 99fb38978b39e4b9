"""What the engine's failures become on this side of the port.

EngineNotBuiltError   no binary: how to get one
EngineDiedError       a process ended in the middle of a request
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


def from_failure(code: str, text: str) -> RenderError:
    """The engine's error frame as an error of the model."""
    match code:
        case "limit":
            return RenderLimitError(text)
        case "unsupported":
            return UnsupportedSourceError(text)
        case _:
            return RenderError(text)
