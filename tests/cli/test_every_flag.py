"""Every flag of every command has a test in which it changes a result."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.proofs import EVERYWHERE, commands, own_flags, proven, unproven
from tiphys.cli.globals import GLOBAL_FLAGS

_OPEN = Path(__file__).parent / "data" / "unproven-flags.json"


def test_every_flag_changes_a_result_in_a_test() -> None:
    """The list may only become shorter; it goes when it is empty."""
    known = set(json.loads(_OPEN.read_text()))
    found = {f"{one.command} --{one.flag}" for one in unproven()}
    assert found - known == set(), "show what these change, and say so with @proves"
    assert known - found == set(), "these are shown by now: take them off the list"


def test_only_flags_that_there_are_are_claimed() -> None:
    there = {(path, one.name) for path, command in commands().items() for one in own_flags(command)}
    there |= {(EVERYWHERE, one.name) for one in GLOBAL_FLAGS}
    assert {(one.command, one.flag) for one in proven()} - there == set()
