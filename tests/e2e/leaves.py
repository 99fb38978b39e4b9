"""Which end-to-end test runs a leaf command, against a server of the API and in core mode.

A test names what it runs, `@runs("app get", "app list", api=True, core=True)`. As in
tests.cli.proofs this is read from the source.

`python -m tests.e2e.leaves [WORD...]` prints what is open.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from tests.cli.proofs import commands

_HERE = Path(__file__).parent
Test = TypeVar("Test", bound=Callable[..., Any])


class Mode(Enum):
    """What a command works on."""

    API = "api"
    CORE = "core"


Run = tuple[str, Mode]

BOTH = frozenset(Mode)
ONLY: Mapping[str, frozenset[Mode]] = {
    # These work on a cluster directly, whoever serves its API.
    "admin": frozenset({Mode.CORE}),
    "install": frozenset({Mode.CORE}),
    # Somebody logs in to a server; core mode knows no accounts.
    "relogin": frozenset({Mode.API}),
    "logout": frozenset({Mode.API}),
    # They read and write files of the user's own, or nothing at all.
    "account bcrypt": frozenset(),
    "completion": frozenset(),
    "configure": frozenset(),
    "context": frozenset(),
    "render": frozenset(),
}
"""Commands that do not work in both modes, by how their paths begin."""
BY_WORD = frozenset(
    {
        "admin cluster namespaces disable-namespaced-mode",
        "admin cluster namespaces enable-namespaced-mode",
    }
)
"""Commands of the contract that ours reads as the first word of the command before."""


def runs(*paths: str, api: bool = False, core: bool = False) -> Callable[[Test], Test]:
    """The test below runs these commands, and would fail if one of them did not do its work."""
    assert paths
    assert api or core

    def same(test: Test) -> Test:
        return test

    return same


def leaves() -> frozenset[str]:
    """Every command that can be run, by its path."""
    return frozenset(commands()) | BY_WORD


def wanted() -> frozenset[Run]:
    return frozenset((path, mode) for path in leaves() for mode in modes(path))


def modes(path: str) -> frozenset[Mode]:
    words = path.split()
    beginnings = (" ".join(words[:count]) for count in range(len(words), 0, -1))
    return next((ONLY[one] for one in beginnings if one in ONLY), BOTH)


@cache
def claimed() -> frozenset[Run]:
    """What the tests say that they run."""
    found: set[Run] = set()
    for file in sorted(_HERE.glob("*.py")):
        text = file.read_text()
        if "runs(" in text:
            found |= set(_named(ast.parse(text)))
    return frozenset(found)


def _named(tree: ast.AST) -> Iterator[Run]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id != "runs":
            continue
        paths = [str(one.value) for one in node.args if isinstance(one, ast.Constant)]
        for word in node.keywords:
            if isinstance(word.value, ast.Constant) and word.value.value is True:
                yield from ((path, Mode(str(word.arg))) for path in paths)


def open_ones() -> frozenset[Run]:
    return wanted() - claimed()


if __name__ == "__main__":
    asked = tuple(sys.argv[1:])
    for path, mode in sorted((path, mode.value) for path, mode in open_ones()):
        if not asked or path.startswith(" ".join(asked)):
            print(path, mode)
