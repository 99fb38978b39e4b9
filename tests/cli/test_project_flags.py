"""Every flag of the contract's `proj` commands: its type, its short form and its default."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_flag_facts import default
from tiphys.cli.admin.proj import proj as admin_proj
from tiphys.cli.command import Command, LazyGroup
from tiphys.cli.globals import GLOBAL_FLAGS, Flag
from tiphys.cli.proj import proj

FACTS: dict[str, dict[str, list[str]]] = json.loads(
    (Path(__file__).parent / "data" / "proj-flags.json").read_text()
)


def leaf(path: str) -> Command:
    at: object = admin_proj if path.startswith("admin") else proj
    for word in path.removeprefix("admin ").split()[1:]:
        assert isinstance(at, LazyGroup), f"there is no command {path}"
        at = at.get_command(None, word)  # type: ignore[arg-type]
    assert isinstance(at, Command), f"there is no command {path}"
    return at


@pytest.mark.parametrize("path", FACTS)
def test_flags(path: str) -> None:
    flags = leaf(path).flags
    found = {
        flag.name: [flag.kind.value, flag.short, default(flag)]
        for flag in flags
        if flag.name in FACTS[path]
    }
    assert found == FACTS[path]
    assert not [flag.name for flag in flags if flag.later and flag.name in FACTS[path]]


@pytest.mark.parametrize("path", FACTS)
def test_no_flag_is_ours_alone(path: str) -> None:
    own: set[Flag] = set(leaf(path).flags) - set(GLOBAL_FLAGS)
    assert {flag.name for flag in own} <= set(FACTS[path])


def leaves(group: LazyGroup, path: str) -> list[str]:
    found = []
    for name in group.lazy:
        command = group.get_command(None, name)  # type: ignore[arg-type]
        if isinstance(command, LazyGroup):
            found += leaves(command, f"{path} {name}")
        else:
            found.append(f"{path} {name}")
    return found


def test_all_commands_are_there() -> None:
    assert sorted(leaves(proj, "proj") + leaves(admin_proj, "admin proj")) == sorted(FACTS)
