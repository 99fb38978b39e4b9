"""Every leaf command is run end to end, in each mode in which it works."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.leaves import BY_WORD, ONLY, claimed, leaves, open_ones, wanted

_OPEN = Path(__file__).parent / "data" / "unrun-commands.json"
LATER = frozenset(
    {
        "admin notifications template get",
        "admin notifications template notify",
        "admin notifications trigger get",
        "admin notifications trigger run",
        "admin settings resource-overrides list-actions",
        "admin settings resource-overrides run-action",
        "app actions list",
        "app actions run",
        "appset create",
        "appset delete",
        "appset generate",
        "appset get",
        "appset list",
    }
)
"""Commands of engines that this version does not have; they are refused by name."""
OURS = frozenset({"install", "render"})
_ALSO = frozenset(path.rpartition(" ")[0] for path in BY_WORD)
"""Groups of the contract that do something by themselves."""


def contract() -> frozenset[str]:
    """The contract's leaf commands, copied from it."""
    path = Path(__file__).parent / "data" / "leaf-commands.json"
    return frozenset(json.loads(path.read_text()))


def test_every_command_of_the_contract_is_there() -> None:
    assert len(contract()) == 142
    assert contract() - LATER - leaves() == set()


def test_no_command_is_there_without_a_reason() -> None:
    assert leaves() - contract() - _ALSO == OURS


def test_every_command_is_run_end_to_end() -> None:
    """The list may only become shorter; it goes when it is empty."""
    known = {tuple(one.rsplit(" ", 1)) for one in json.loads(_OPEN.read_text())}
    found = {(path, mode.value) for path, mode in open_ones()}
    assert found - known == set(), "run these in tests/e2e, and say so with @runs"


def test_only_commands_are_named() -> None:
    assert claimed() - wanted() == set()
    assert all(any(path.startswith(begin) for path in leaves()) for begin in ONLY)
