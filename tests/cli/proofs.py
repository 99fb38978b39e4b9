"""Which test shows that a flag changes a result; every flag of every command needs one.

A test names what it shows: `@proves("app create", "--dest-name")` above it, or a row
`Change("app create", "--dest-name in-cluster", ...)` of a table that runs the same line with and
without the flag. What is written is read from the source, so that tests of every suite count.

`python -m tests.cli.proofs [COMMAND...]` prints what is open.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import click

from tiphys.cli.command import Command, LazyGroup
from tiphys.cli.globals import GLOBAL_FLAGS, Flag
from tiphys.cli.main import COMMANDS

_TESTS = Path(__file__).parents[1]
EVERYWHERE = "everywhere"
"""Stands for the command of a flag that every command has."""
_SHARED = 2
"""A flag that so many commands have with the same definition is shown once."""
_OF_EACH = frozenset({"output"})
"""Flags of which the definition says little: what they do is each command's own."""
Test = TypeVar("Test", bound=Callable[..., Any])
Claim = tuple[str, str]
"""A command and one of its flags."""


def proves(command: str, *flags: str) -> Callable[[Test], Test]:
    """The test below shows that each of these changes what the command does or prints."""
    assert all(flag.startswith("--") for flag in flags), flags
    assert command

    def same(test: Test) -> Test:
        # Read by tests.cli.ignoring.
        claims: list[Claim] = test.__dict__.setdefault("claims", [])
        claims += [(command, flag.removeprefix("--")) for flag in flags]
        return test

    return same


@dataclass(frozen=True, slots=True)
class Change:
    """A flag as it is given, and what only its line has to show.

    `line` are the command's other words; `shows` is taken from what the run left behind by the
    table's own function, and must be another value without the flag.
    """

    command: str
    given: str
    line: tuple[str, ...]
    shows: Any

    @property
    def words(self) -> tuple[str, ...]:
        """The flag as words of a command line: what follows the first blank is its value."""
        flag, blank, value = self.given.partition(" ")
        return (flag, value) if blank else (flag,)


@dataclass(frozen=True, order=True)
class Known:
    """One flag of one command; `everywhere` for one that all have."""

    command: str
    flag: str


@cache
def commands() -> Mapping[str, Command]:
    """Every leaf command by its path."""
    root = LazyGroup("argocd", COMMANDS)
    return {path: found for path, found in _leaves(root, "") if not path.startswith("__")}


def _leaves(group: click.Group, at: str) -> Iterator[tuple[str, Command]]:
    for name in group.list_commands(click.Context(group)):
        found = group.get_command(click.Context(group), name)
        path = f"{at} {name}".strip()
        if isinstance(found, Command):
            yield path, found
        if isinstance(found, click.Group):
            yield from _leaves(found, path)


def own_flags(command: Command) -> tuple[Flag, ...]:
    """Those that are not every command's, and are there by now."""
    known = frozenset(GLOBAL_FLAGS)
    return tuple(one for one in command.flags if one not in known and not one.later)


def wanted() -> Mapping[Known, frozenset[Known]]:
    """Each flag with those of which the proof is its own, too."""
    times = Counter(flag for command in commands().values() for flag in own_flags(command))
    alike: dict[Flag, set[Known]] = {}
    for path, command in commands().items():
        for flag in own_flags(command):
            alike.setdefault(flag, set()).add(Known(path, flag.name))
    found: dict[Known, frozenset[Known]] = {}
    for flag, places in alike.items():
        once = times[flag] >= _SHARED and flag.name not in _OF_EACH
        for place in places:
            found[place] = frozenset(places) if once else frozenset({place})
    for flag in GLOBAL_FLAGS:
        if not flag.later and flag.name != "help":
            one = Known(EVERYWHERE, flag.name)
            found[one] = frozenset({one})
    return found


@cache
def proven() -> frozenset[Known]:
    """What the tests say that they show."""
    found = set()
    for file in sorted(_TESTS.rglob("*.py")):
        text = file.read_text()
        if "proves(" in text or "Change(" in text:
            found |= set(_named(ast.parse(text)))
    return frozenset(found)


def _named(tree: ast.AST) -> Iterator[Known]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        words = [one.value for one in node.args if isinstance(one, ast.Constant)]
        if node.func.id == "proves":
            for flag in words[1:]:
                yield Known(str(words[0]), str(flag).removeprefix("--"))
        if node.func.id == "Change" and len(words) > 1:
            flag = str(words[1]).partition(" ")[0].partition("=")[0]
            yield Known(str(words[0]), flag.removeprefix("--"))


def unproven() -> frozenset[Known]:
    return frozenset(one for one, alike in wanted().items() if not alike & proven())


if __name__ == "__main__":
    named = sys.argv[1:]
    for one in sorted(unproven()):
        if not named or one.command in named or one.command.split()[0] in named:
            print(one.command, f"--{one.flag}")
