"""WWW-Authenticate: which kind of login a registry asks for (RFC 9110, 11.6.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SCHEME = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9_-]*)(?:\s+(?=[A-Za-z])|\s*(?:,|$))")
_PARAMETER = re.compile(
    r'\s*,?\s*([A-Za-z][A-Za-z0-9_-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))'
)
_LONGEST = 8192


@dataclass(frozen=True, slots=True)
class Challenge:
    """`scheme` in lower case, `parameters` by their names in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def challenges(headers: Sequence[str]) -> tuple[Challenge, ...]:
    """What cannot be read is left out."""
    return tuple(one for header in headers for one in _of(header[:_LONGEST]))


def _of(header: str) -> list[Challenge]:
    header = re.sub(r"\s+", " ", header)  # a long run of blanks would be read again and again
    found: list[Challenge] = []
    at = 0
    while match := _SCHEME.match(header, at):
        at = match.end()
        parameters: dict[str, str] = {}
        while one := _PARAMETER.match(header, at):
            quoted = re.sub(r"\\(.)", r"\1", one[2]) if one[2] is not None else one[3]
            parameters[one[1].lower()] = quoted
            at = one.end()
        found.append(Challenge(match[1].lower(), parameters))
    return found
