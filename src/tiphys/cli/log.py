"""Lines on standard error, in the shape that scripts around the contract's client expect."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from enum import IntEnum


class Level(IntEnum):
    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    FATAL = 50


def log_line(level: Level, message: str, *, form: str, now: datetime) -> str:
    """`form` is json or text."""
    time = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    name = "warning" if level is Level.WARN else level.name.lower()
    if form == "text":
        return f'time="{time}" level={name} msg={json.dumps(message, ensure_ascii=False)}'
    line = json.dumps(
        {"level": name, "msg": message, "time": time}, separators=(",", ":"), ensure_ascii=False
    )
    # The contract's encoder is one for web pages, too.
    return line.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def log(level: Level, message: str, *, form: str = "json", threshold: Level = Level.INFO) -> None:
    if level >= threshold:
        print(log_line(level, message, form=form, now=datetime.now(UTC)), file=sys.stderr)
