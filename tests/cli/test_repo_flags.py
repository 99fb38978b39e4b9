"""Every flag of the commands on repositories, certificates and keys, as the contract has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_flag_facts import default
from tiphys.cli.admin.repo import repo as admin_repo
from tiphys.cli.cert import cert
from tiphys.cli.command import Command, LazyGroup
from tiphys.cli.globals import GLOBAL_FLAGS
from tiphys.cli.gpg import gpg
from tiphys.cli.repo import repo
from tiphys.cli.repocreds import repocreds

FACTS: dict[str, dict[str, list[str]]] = json.loads(
    (Path(__file__).parent / "data" / "repo-flags.json").read_text()
)
GROUPS: dict[str, LazyGroup] = {
    "admin repo": admin_repo,
    "cert": cert,
    "gpg": gpg,
    "repo": repo,
    "repocreds": repocreds,
}


def leaf(path: str) -> Command:
    group, _, name = path.rpartition(" ")
    found = GROUPS[group].get_command(None, name)  # type: ignore[arg-type]
    assert isinstance(found, Command), f"there is no command {path}"
    return found


@pytest.mark.parametrize("path", FACTS)
def test_flags(path: str) -> None:
    own = {flag for flag in leaf(path).flags if flag not in GLOBAL_FLAGS}
    found = {flag.name: [flag.kind.value, flag.short, default(flag)] for flag in own}
    assert found == FACTS[path]
    assert not [flag.name for flag in own if flag.later]


def test_all_commands_are_there() -> None:
    assert sorted(f"{at} {name}" for at, group in GROUPS.items() for name in group.lazy) == sorted(
        FACTS
    )
