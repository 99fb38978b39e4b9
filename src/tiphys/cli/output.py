"""How values are printed: tables, JSON and YAML as the contract's client writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

_GAP = 2
_INDENT = 2
_WIDTH = 80
# Of the second are signs that are quoted singly anyway.
_TEXTS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:yaml")


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell and a gap; the last one is never filled up."""
    columns = len(rows[0])
    widths = [max(len(row[index]) for row in rows) + _GAP for index in range(columns - 1)]
    return "".join(
        "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        + row[-1]
        + "\n"
        for row in rows
    )


def labelled(label: str, value: object) -> str:
    """A line of the header: the label in a column of its own."""
    return f"{label:<20}{value}\n"


def to_json(value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    # The contract's encoder is one for web pages, too.
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def to_yaml(value: Any, *, indent: int = 2) -> str:
    """Keys sorted, long texts folded as the contract's client folds them. Ends with a line break.

    Lists are indented only where the indent is not the usual one.
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, indentless and indent == _INDENT)

    def text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
        if "\n" in data:
            return dumper.represent_scalar("tag:yaml.org,2002:str", data, style="|")
        # What would be read back as another type stands in double quotes.
        plain = dumper.resolve(yaml.ScalarNode, data, (True, False))  # type: ignore[no-untyped-call]
        style = None if plain in _TEXTS else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(str, text)
    dumped: str = yaml.dump(
        value, Dumper=Dumper, sort_keys=True, allow_unicode=True, width=_WIDTH, indent=indent
    )
    return dumped


def age(created: str, now_seconds: float) -> str:
    """How long ago a time was, in one or two units, as kubectl says it."""
    from datetime import datetime

    if not created:
        return "<unknown>"
    seconds = int(now_seconds - datetime.fromisoformat(created).timestamp())
    return _span(max(seconds, 0))


def _span(seconds: int) -> str:
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 365 * 2:
        return f"{days}d"
    if days < 365 * 8:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(big: int, big_unit: str, small: int, small_unit: str) -> str:
    return f"{big}{big_unit}{small}{small_unit}" if small else f"{big}{big_unit}"
