"""The commit that a commit was made from, as its trailers name it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime

PREFIX = "argocd-reference-commit-"
_FIELDS = ("repourl", "author", "date", "subject", "body", "sha")
_SHA = re.compile(r"[0-9a-f]{5,40}")
SEAL = "argocd-gpg-seal"
_LINE = re.compile(r"(?P<name>[A-Za-z0-9-]+)\s*:\s*(?P<value>.*)")


def references(trailers: str) -> tuple[Mapping[str, str], ...]:
    """`trailers` is one a line. A field that is none is left out; the last of a name counts."""
    found: dict[str, str] = {}
    for line in trailers.splitlines():
        name, _, value = line.partition(":")
        field = name.strip().lower().removeprefix(PREFIX)
        if field == name.strip().lower() or field not in _FIELDS:
            continue
        decoded = _decoded(field, value.strip())
        if decoded is not None:
            found[field] = decoded
    return (found,) if found else ()


def is_sealed(message: str) -> bool:
    """Whether a trailer of a commit's message vouches for what came before it."""
    _, blank, last = message.rstrip().rpartition("\n\n")
    found = [_LINE.fullmatch(line.strip()) for line in last.splitlines()]
    return (
        bool(blank)
        and all(found)
        and any(
            match["name"].lower() == SEAL and match["value"].strip() for match in found if match
        )
    )


def _decoded(field: str, value: str) -> str | None:
    match field:
        case "sha":
            return value if _SHA.fullmatch(value) else None
        case "date":
            return value if _is_date(value) else None
        case "body":
            return _text(value)
        case _:
            return value or None


def _is_date(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None and "T" in text
    except ValueError:
        return False


def _text(value: str) -> str | None:
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, str) else None
