"""Versions and ranges of versions, as targetRevision may name them.

The grammar is that of Masterminds/semver v3, which the contract uses: loose versions (`v1.2`),
comparisons joined by space or comma, alternatives by `||`, wildcards, `~`, `^`, hyphen ranges.
A pre-release is in a range only if its group of comparisons names a pre-release.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, total_ordering
from typing import assert_never

_SUFFIX = (
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_VERSION = re.compile(
    r"v?(?P<major>\d{1,18})(?:\.(?P<minor>\d{1,18}))?(?:\.(?P<patch>\d{1,18}))?" + _SUFFIX,
    re.ASCII,
)
_TERM = re.compile(
    r"\s*(?P<operator>!=|>=|=>|<=|=<|~>|[=<>~^])?\s*"
    r"v?(?P<major>\d{1,18}|[xX*])(?:\.(?P<minor>\d{1,18}|[xX*]))?(?:\.(?P<patch>\d{1,18}|[xX*]))?"
    + _SUFFIX
    + r"(?=$|[\s,])\s*,?",
    re.ASCII,
)
_LONGEST = 256
_HYPHEN = re.compile(r"(?P<low>[^\s,|]+)\s+-\s+(?P<high>[^\s,|]+)")


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    major: int
    minor: int = 0
    patch: int = 0
    pre: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Version | None:
        """None for what is no version, a pre-release number with a leading zero included.

        Tags are looked through again for every range that is followed: they are remembered.
        """
        return _parsed(text)

    def __lt__(self, other: Version) -> bool:
        return self._rank() < other._rank()

    def _rank(self) -> tuple[object, ...]:
        """Semantic versioning 2.0.0, section 11: a release is after its pre-releases."""
        fields = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.pre)
        return (self.major, self.minor, self.patch, not self.pre, fields)


@lru_cache(maxsize=32_768)
def _parsed(text: str) -> Version | None:
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    pre = tuple(match["pre"].split(".")) if match["pre"] else ()
    if any(_zero_led(part) for part in pre):
        return None
    return Version(int(match["major"]), int(match["minor"] or 0), int(match["patch"] or 0), pre)


def _zero_led(part: str) -> bool:
    return part.isdigit() and len(part) > 1 and part.startswith("0")


class Operator(StrEnum):
    EQUAL = "="
    NOT_EQUAL = "!="
    GREATER = ">"
    LESS = "<"
    AT_LEAST = ">="
    AT_MOST = "<="
    TILDE = "~"
    CARET = "^"


_SPELLINGS = {"": "=", "=>": ">=", "=<": "<=", "~>": "~"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison; `parts` is how many of major, minor and patch were given as numbers."""

    operator: Operator
    version: Version
    parts: int

    def allows(self, other: Version) -> bool:
        base = self.version
        match self.operator:
            case Operator.EQUAL:
                return other == base if self.parts == 3 else self._tilde(other)
            case Operator.NOT_EQUAL:
                return other != base if self.parts == 3 else not self._same_prefix(other)
            case Operator.GREATER:
                return other > base and not (0 < self.parts < 3 and self._same_prefix(other))
            case Operator.LESS:
                return other < base
            case Operator.AT_LEAST:
                return other >= base
            case Operator.AT_MOST:
                return other <= base or (self.parts < 3 and self._same_prefix(other))
            case Operator.TILDE:
                return self._tilde(other)
            case Operator.CARET:
                return self._caret(other)
            case _:
                assert_never(self.operator)

    def _same_prefix(self, other: Version) -> bool:
        return _numbers(other)[: self.parts] == _numbers(self.version)[: self.parts]

    def _tilde(self, other: Version) -> bool:
        fixed = min(self.parts, 2)
        if _numbers(self.version) == (0, 0, 0) and self.parts == 3:
            fixed = 0  # `~0.0.0` is every version
        return other >= self.version and _numbers(other)[:fixed] == _numbers(self.version)[:fixed]

    def _caret(self, other: Version) -> bool:
        """What stays is everything up to the leftmost number that is not zero."""
        numbers = _numbers(self.version)
        leading = next((index for index, number in enumerate(numbers) if number), 2)
        fixed = min(leading + 1, self.parts)
        return other >= self.version and _numbers(other)[:fixed] == numbers[:fixed]


def _numbers(version: Version) -> tuple[int, int, int]:
    return (version.major, version.minor, version.patch)


@dataclass(frozen=True, slots=True)
class Constraint:
    """Alternatives of groups; all comparisons of a group have to hold."""

    groups: tuple[tuple[Comparison, ...], ...]

    @classmethod
    def parse(cls, text: str) -> Constraint | None:
        """None for what is no constraint, and for what is longer than any that is meant."""
        if len(text) > _LONGEST:
            return None
        groups = [_group(part) for part in _HYPHEN.sub(r">=\g<low> <=\g<high>", text).split("||")]
        if any(group is None for group in groups):
            return None
        return cls(tuple(group for group in groups if group is not None))

    def allows(self, version: Version) -> bool:
        return any(_holds(group, version) for group in self.groups)


def _holds(group: tuple[Comparison, ...], version: Version) -> bool:
    if version.pre and not any(comparison.version.pre for comparison in group):
        return False
    return all(comparison.allows(version) for comparison in group)


def _group(text: str) -> tuple[Comparison, ...] | None:
    found: list[Comparison] = []
    at = 0
    while at < len(text.rstrip()):
        match = _TERM.match(text, at)
        if match is None:
            return None
        found.append(_comparison(match))
        at = match.end()
    return tuple(found) or None


def _comparison(match: re.Match[str]) -> Comparison:
    written = match["operator"] or ""
    numbers: list[int] = []
    for part in (match["major"], match["minor"], match["patch"]):
        if part is None or not part.isdigit():
            break
        numbers.append(int(part))
    pre = tuple(match["pre"].split(".")) if match["pre"] else ()
    whole = (*numbers, 0, 0, 0)[:3]
    return Comparison(
        Operator(_SPELLINGS.get(written, written)),
        Version(whole[0], whole[1], whole[2], pre),
        len(numbers),
    )
