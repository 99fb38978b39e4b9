"""What is told of a repository's folders: where applications could be, and what a chart takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiphys.core.settings.tools import ToolSettings
from tiphys.core.source.tool import detect
from tiphys.model.render import EntryKind, ToolKind

_VALUES = "values"
_MOST_PARAMETERS = 10_000
_DEEPEST = 64


def application_kind(children: Mapping[str, EntryKind], tools: ToolSettings) -> ToolKind | None:
    """What a folder's files make of it; None where only who points at it would render it."""
    found = detect(children, tools)
    return None if found is ToolKind.DIRECTORY else found


def values_files(children: Mapping[str, EntryKind]) -> list[str]:
    """The files of a chart's folder that are values by their names."""
    return sorted(
        name
        for name, kind in children.items()
        if kind is not EntryKind.FOLDER and _VALUES in name and name.endswith((".yaml", ".yml"))
    )


def flattened(*files: Any) -> list[dict[str, str]]:
    """Values as the parameters that would set them, by name, at most some thousands. Of several
    files a later one changes the parameters that it has, and leaves the others.
    """
    found: dict[str, str] = {}
    for values in files:
        for name, value in _leaves(values, "", 0):
            if name in found or len(found) < _MOST_PARAMETERS:
                found[name] = value
    return [{"name": name, "value": found[name]} for name in sorted(found)]


def _leaves(value: Any, at: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{at}.{key}" if at else str(key), depth + 1)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{at}[{number}]", depth + 1)
    elif value is not None and at:
        yield at, _text(value)


def _text(value: Any) -> str:
    """As YAML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def maintainers(chart: Mapping[str, Any]) -> list[str]:
    listed = chart.get("maintainers")
    found = []
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, Mapping):
            name, mail = str(one.get("name") or ""), str(one.get("email") or "")
            found.append(f"{name} <{mail}>" if mail else name)
    return [one for one in found if one]
