"""Which source of an application a command means, and the values file that goes into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tiphys.cli.command import Call
from tiphys.cli.documents import documents_of
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import Flag, FlagKind, text

POSITION_FLAG = Flag(
    "source-position", FlagKind.INTEGER, "Which of several sources, from 1", default=-1
)
NAME_FLAG = text("source-name", "Which of several sources, by its name")


def source_index(call: Call, spec: Mapping[str, Any]) -> int:
    """The position, from 0, of the source that the flags mean. One source needs no flag."""
    sources: Sequence[Mapping[str, Any]] = spec.get("sources") or ()
    position = named_position(call, sources)
    if not sources and position in (-1, 1):
        return 0
    if sources and position <= 0:
        raise FatalError(
            "Source position should be specified and must be greater than 0 for applications "
            "with multiple sources"
        )
    if position > len(sources):
        raise FatalError(
            "Source position should be less than the number of sources in the application"
        )
    return position - 1


def named_position(call: Call, sources: Sequence[Mapping[str, Any]]) -> int:
    """The position from 1 that a name or a number asks for, -1 where nothing does."""
    name, position = call.text("source-name"), call.number("source-position")
    if not name:
        return position
    if position != -1:
        raise FatalError("Only one of source-position and source-name can be specified.")
    names = [source.get("name") for source in sources]
    if name not in names:
        raise FatalError(f"Unknown source name '{name}'", code=1)
    return names.index(name) + 1


async def literal_values(call: Call) -> Mapping[str, Any] | None:
    """What stands in the file of `--values-literal-file`."""
    if not call.given("values-literal-file"):
        return None
    found = await documents_of(call, call.text("values-literal-file"))
    return dict(found[0]) if found else {}
