"""How the fields of a policy match: by glob, whose `*` crosses `/`, or by regular expression.

All of it in time that grows with the text alone, whatever was written: what cannot be told by
comparing texts is told by RE2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import re2

Matches = Callable[[str], bool]

_SPECIAL = frozenset("*?[{\\")
_REGEX_SPECIAL = frozenset("\\.+*?()|[]{}^$")
_REPEATS = frozenset("*?{")
_MEMORY = 8 << 20
"""Bytes that one pattern may take in RE2."""
_LONGEST = 16_384
"""Signs of a pattern that anybody would write."""


class MatchMode(Enum):
    """`policy.matchMode`."""

    GLOB = "glob"
    REGEX = "regex"


@dataclass(frozen=True, slots=True)
class Pattern:
    """`matches` None: it cannot be read. `head`: what stands before the first slash of all texts
    that it matches, where that is known.
    """

    matches: Matches | None
    head: str | None = None


def pattern(text: str, mode: MatchMode) -> Pattern:
    if len(text) > _LONGEST:
        return Pattern(None)
    return _regex(text) if mode is MatchMode.REGEX else _glob(text)


def alternatives(texts: Sequence[str], mode: MatchMode) -> Matches | None:
    """Whether one of them matches, found in one go; they are such as can be read. None where they
    are too much for that.
    """
    if mode is MatchMode.REGEX:
        sources = [f"(?:{text})" for text in texts]
    else:
        sources = [f"\\A(?s:{_Glob(text).regex()})\\z" for text in texts]
    compiled = _compiled("|".join(sources))
    return None if compiled is None else _found(compiled)


def any_of(text: str) -> bool:  # noqa: ARG001
    return True


def _glob(text: str) -> Pattern:
    first = next((at for at, sign in enumerate(text) if sign in _SPECIAL), len(text))
    slash = text.find("/", 0, first)
    head = text[:slash] if slash >= 0 else None
    if first == len(text):
        return Pattern(text.__eq__, head)
    if text == "*":
        return Pattern(any_of)
    if first == len(text) - 1 and text[first] == "*":
        prefix = text[:first]
        return Pattern(lambda value: value.startswith(prefix), head)
    translated = _Glob(text).regex()
    compiled = None if translated is None else _compiled(f"(?s){translated}")
    return Pattern(None if compiled is None else _full(compiled), head)


def _full(compiled: re2._Regexp) -> Matches:
    return lambda value: compiled.fullmatch(value) is not None


def _found(compiled: re2._Regexp) -> Matches:
    return lambda value: compiled.search(value) is not None


def _regex(text: str) -> Pattern:
    compiled = _compiled(text)
    if compiled is None:
        return Pattern(None)
    return Pattern(_found(compiled), _regex_head(text))


def _regex_head(text: str) -> str | None:
    """Only of what is anchored at its start and has no alternatives."""
    if not text.startswith("^") or "|" in text:
        return None
    literal = text[1:]
    end = next((at for at, sign in enumerate(literal) if sign in _REGEX_SPECIAL), len(literal))
    # What is repeated may be absent.
    if literal[end : end + 1] and literal[end] in _REPEATS:
        end -= 1
    slash = literal.find("/", 0, max(end, 0))
    return literal[:slash] if slash >= 0 else None


def _compiled(text: str) -> re2._Regexp | None:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(text, options)
    except re2.error:
        return None


class _Glob:
    """Reads a glob from left to right, into a regular expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def regex(self) -> str | None:
        parts = []
        while self._at < len(self._text):
            part = self._part()
            if part is None:
                return None
            parts.append(part)
        return None if self._depth else "".join(parts)

    def _part(self) -> str | None:
        sign = self._next()
        match sign:
            case "*":
                return ".*"
            case "?":
                return "."
            case "[":
                return self._class()
            case "{":
                self._depth += 1
                return "(?:"
            case "}" if self._depth:
                self._depth -= 1
                return ")"
            case "," if self._depth:
                return "|"
            case "\\":
                return str(re2.escape(self._next()))
            case _:
                return str(re2.escape(sign))

    def _next(self) -> str:
        sign = self._text[self._at : self._at + 1]
        self._at += 1
        return sign

    def _class(self) -> str | None:
        """A bracket right after the opening one stands for itself."""
        negated = self._text.startswith("!", self._at)
        begin = self._at + negated
        end = self._text.find("]", begin + 1)
        if end < 0:
            return None
        self._at = end + 1
        body = self._text[begin:end]
        return f"[{'^' if negated else ''}{_ranges(body)}]"


def _ranges(body: str) -> str:
    parts = []
    at = 0
    while at < len(body):
        if body[at + 1 : at + 2] == "-" and at + 2 < len(body):
            parts.append(f"{_sign(body[at])}-{_sign(body[at + 2])}")
            at += 3
        else:
            parts.append(_sign(body[at]))
            at += 1
    return "".join(parts)


def _sign(sign: str) -> str:
    return f"\\x{{{ord(sign):x}}}"
