"""Every flag of the contract's `app` commands: its type, its short form and its default.

The facts in data/app-flags.json are copied from the contract: a type, a short form and a default.
Flags that are refused in this version are named here one by one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tiphys.cli.admin.app import app as admin_app
from tiphys.cli.app import app
from tiphys.cli.command import Command, LazyGroup
from tiphys.cli.globals import GLOBAL_FLAGS, Flag, FlagKind

FACTS: dict[str, dict[str, list[str]]] = json.loads(
    (Path(__file__).parent / "data" / "app-flags.json").read_text()
)
COMMANDS = sorted(set(FACTS) - {"everywhere"})
GROUPS: dict[str, LazyGroup] = {"app": app, "admin app": admin_app}
# The contract's table shows an example of this flag's value in place of its type.
TYPES = {"Prune=false": "stringArray"}
REFUSED = {
    "app add-source": {"env"},
    "app create": {"env"},
    "app set": {"env"},
    "app wait": {"hydrated"},
    "admin app generate-spec": {"env"},
    "admin app get-reconcile-results": {"repo-server"},
    "everywhere": {
        "controller-name", "redis-compress", "redis-haproxy-name", "redis-name",
        "repo-server-name",
    },
}  # fmt: skip


def command(path: str) -> Command:
    group, _, name = path.rpartition(" ")
    found = GROUPS[group].get_command(None, name)  # type: ignore[arg-type]
    assert isinstance(found, Command), f"there is no command {path}"
    return found


def flags_of(path: str) -> dict[str, Flag]:
    flags = GLOBAL_FLAGS if path == "everywhere" else command(path).flags
    return {flag.name: flag for flag in flags}


def default(flag: Flag) -> str:
    """As the contract's help writes it; nothing for a zero value."""
    match flag.default:
        case None | False | "":
            return ""
        case True:
            return "true"
        case tuple(texts):
            return f"[{','.join(texts)}]" if texts or flag.kind is FlagKind.INTEGERS else ""
        case 0:
            return ""
        case value:
            return str(value)


@pytest.mark.parametrize("path", FACTS)
def test_flags(path: str) -> None:
    flags = flags_of(path)
    assert set(FACTS[path]) <= set(flags)
    differing: dict[str, Any] = {}
    for name, (kind, short, value) in FACTS[path].items():
        flag = flags[name]
        found = [flag.kind.value, flag.short]
        wanted = [TYPES.get(kind, kind), short]
        # Where the file is depends on the machine.
        if not flag.later and name != "config":
            found, wanted = [*found, default(flag)], [*wanted, value]
        if found != wanted:
            differing[name] = (found, wanted)
    assert not differing


@pytest.mark.parametrize("path", FACTS)
def test_what_is_refused_is_named_here(path: str) -> None:
    flags = flags_of(path)
    assert {name for name in FACTS[path] if flags[name].later} == REFUSED.get(path, set())


@pytest.mark.parametrize("path", COMMANDS)
def test_no_flag_is_ours_alone(path: str) -> None:
    known = {**FACTS["everywhere"], **FACTS[path]}
    own = {flag.name for flag in command(path).flags} - {flag.name for flag in GLOBAL_FLAGS}
    assert own <= set(known)


def test_all_commands_are_there() -> None:
    """But for `actions`, which come later."""
    for group, lazy in GROUPS.items():
        wanted = {path.rpartition(" ")[2] for path in COMMANDS if path.rpartition(" ")[0] == group}
        assert set(lazy.lazy) == wanted
