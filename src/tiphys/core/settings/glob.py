"""Globs: `*`, `?`, `[a-z]`, `[!a-z]` and `{a,b}`; `\\` takes a sign as it is.

Where a separator is named, `*` and `?` stop at it and `**` does not. Matching takes steps in
proportion to pattern times text, whatever the pattern: a regular expression would not promise
that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

_MAX_ALTERNATIVES = 64
_MAX_BRACES = 256
_MAX_LENGTH = 4096
_STAR = "*"
_STARS = "**"


class BadPatternError(ValueError):
    """A bracket or brace is not closed, or there are too many alternatives or braces."""


@dataclass(frozen=True, slots=True)
class _Class:
    """One sign out of ranges; a single sign is a range of one."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool = False

    def matches(self, sign: str) -> bool:
        return any(low <= sign <= high for low, high in self.ranges) is not self.negated


_ANY = _Class((), negated=True)
_Part = _Class | str
"""A class of signs, or `_STAR`."""


def matches(pattern: str, text: str, separator: str = "") -> bool:
    """A pattern that cannot be read, or is longer than any sensible one, matches nothing."""
    alternatives = _compile(pattern) if len(pattern) <= _MAX_LENGTH else ()
    if separator:
        return any(_match_within(_joined(parts), text, separator) for parts in alternatives)
    return any(_match(parts, text) for parts in alternatives)


@lru_cache(maxsize=1024)
def _compile(pattern: str) -> tuple[tuple[_Part, ...], ...]:
    """Nothing for a pattern that cannot be read: that is not found out each time."""
    try:
        return tuple(tuple(_parts(text)) for text in _expand(pattern))
    except BadPatternError:
        return ()


def _expand(pattern: str) -> list[str]:
    """`a{b,c}d` -> `abd`, `acd`. Braces may be nested."""
    done: list[str] = []
    open_ = [pattern]
    braces = 0
    while open_:
        text = open_.pop()
        start = _find_brace(text)
        if start < 0:
            done.append(text)
        else:
            head, choices, tail = _split_choices(text, start)
            open_ += [head + choice + tail for choice in choices]
            braces += 1
        if len(done) + len(open_) > _MAX_ALTERNATIVES or braces > _MAX_BRACES:
            raise BadPatternError(pattern)
    return done


def _find_brace(text: str) -> int:
    index = 0
    while index < len(text):
        if text[index] == "{":
            return index
        index += 2 if text[index] == "\\" else 1
    return -1


def _split_choices(text: str, start: int) -> tuple[str, list[str], str]:
    depth = 0
    choices: list[str] = []
    begin, index = start + 1, start
    while index < len(text):
        sign = text[index]
        if sign == "\\":
            index += 2
            continue
        if sign in ",}" and depth == 1:
            choices.append(text[begin:index])
            begin = index + 1
            if sign == "}":
                return text[:start], choices, text[begin:]
        depth += {"{": 1, "}": -1}.get(sign, 0)
        index += 1
    raise BadPatternError(text)


def _parts(text: str) -> list[_Part]:
    parts: list[_Part] = []
    index = 0
    while index < len(text):
        sign = text[index]
        index += 1
        if sign == "*":
            parts.append(_STAR)
        elif sign == "?":
            parts.append(_ANY)
        elif sign == "[":
            end = text.find("]", index + 1)
            if end < 0:
                raise BadPatternError(text)
            parts.append(_class(text[index:end]))
            index = end + 1
        else:
            if sign == "\\":
                sign, index = text[index : index + 1], index + 1
            parts.append(_Class(((sign, sign),)))
    return parts


def _class(body: str) -> _Class:
    negated = body[0] in "!^"
    body = body[1:] if negated else body
    ranges = []
    index = 0
    while index < len(body):
        if body[index + 1 : index + 2] == "-" and index + 2 < len(body):
            ranges.append((body[index], body[index + 2]))
            index += 3
        else:
            ranges.append((body[index], body[index]))
            index += 1
    return _Class(tuple(ranges), negated=negated)


def _match(parts: tuple[_Part, ...], text: str) -> bool:
    """Greedy, going back only to the last star."""
    at = done = 0
    star, retry = -1, 0
    while done < len(text):
        part = parts[at] if at < len(parts) else None
        if isinstance(part, _Class) and part.matches(text[done]):
            at, done = at + 1, done + 1
        elif part == _STAR:
            star, retry = at, done
            at += 1
        elif star >= 0:
            retry += 1
            at, done = star + 1, retry
        else:
            return False
    return all(part == _STAR for part in parts[at:])


def _joined(parts: tuple[_Part, ...]) -> list[_Part]:
    """Stars side by side as one that crosses separators."""
    joined: list[_Part] = []
    for part in parts:
        if part == _STAR and joined and joined[-1] in (_STAR, _STARS):
            joined[-1] = _STARS
        else:
            joined.append(part)
    return joined


def _match_within(parts: list[_Part], text: str, separator: str) -> bool:
    """All places of the pattern that the text so far can lead to, sign by sign."""
    places = _past_stars(parts, {0})
    for sign in text:
        reached = set()
        for place in places:
            part = parts[place] if place < len(parts) else None
            if isinstance(part, _Class):
                if part.matches(sign) and not (part is _ANY and sign == separator):
                    reached.add(place + 1)
            elif part == _STARS or (part == _STAR and sign != separator):
                reached.add(place)
        places = _past_stars(parts, reached)
    return len(parts) in places


def _past_stars(parts: list[_Part], places: set[int]) -> set[int]:
    # Never two of them side by side.
    stars = (place for place in places if place < len(parts) and parts[place] in (_STAR, _STARS))
    return places | {place + 1 for place in stars}
