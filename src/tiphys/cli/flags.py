"""Flags as the contract's client reads them, which is not quite how click does.

A flag may stand anywhere, before the subcommand as well; `--name=value` and `--name value`
are the same except for booleans, which take a value only after `=`; short ones can be joined.
What comes out is sorted into `--name=value` words and the rest, which click then reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tiphys.cli.errors import UsageError

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


@dataclass(frozen=True, slots=True)
class FlagNames:
    """The flags of a command: long name -> whether it is a boolean, short name -> long name."""

    long: Mapping[str, bool]
    short: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sorted:
    """Flags with their values in the order they were given, and the other words."""

    flags: tuple[tuple[str, str], ...]
    words: tuple[str, ...]


def sort_words(line: Sequence[str], names: FlagNames, *, first_word_ends: bool = False) -> Sorted:
    """Raises UsageError for what is no flag. `first_word_ends` leaves all after it unread."""
    flags: list[tuple[str, str]] = []
    words: list[str] = []
    rest = list(line)
    while rest:
        word = rest.pop(0)
        if word == "--":
            words += rest
            break
        if word.startswith("--"):
            flags.append(_long(word, rest, names))
        elif word.startswith("-") and word != "-":
            flags += _shorts(word, rest, names)
        else:
            words.append(word)
            if first_word_ends:
                words += rest
                break
    return Sorted(tuple(flags), tuple(words))


def is_true(text: str) -> bool | None:
    """A boolean as Go reads it, None where it is none."""
    if text in _TRUE:
        return True
    return False if text in _FALSE else None


def _long(word: str, rest: list[str], names: FlagNames) -> tuple[str, str]:
    name, equals, value = word[2:].partition("=")
    if not name or name not in names.long:
        raise UsageError(f"unknown flag: --{name}")
    if equals:
        return name, value
    if names.long[name]:
        return name, "true"
    if not rest:
        raise UsageError(f"flag needs an argument: {word}")
    return name, rest.pop(0)


def _shorts(word: str, rest: list[str], names: FlagNames) -> list[tuple[str, str]]:
    flags: list[tuple[str, str]] = []
    left = word[1:]
    while left:
        letter, left = left[0], left[1:]
        name = names.short.get(letter)
        if name is None:
            raise UsageError(f"unknown shorthand flag: {letter!r} in {word}")
        if left.startswith("="):
            flags.append((name, left[1:]))
            return flags
        if names.long[name]:
            flags.append((name, "true"))
            continue
        if left:
            flags.append((name, left))
        elif rest:
            flags.append((name, rest.pop(0)))
        else:
            raise UsageError(f"flag needs an argument: {letter!r} in {word}")
        return flags
    return flags
