"""Every flag of every command has a test in which it changes a result."""

from __future__ import annotations

from tests.cli.proofs import EVERYWHERE, commands, own_flags, proven, unproven
from tiphys.cli.globals import GLOBAL_FLAGS


def test_every_flag_changes_a_result_in_a_test() -> None:
    open_ones = sorted(f"{one.command} --{one.flag}" for one in unproven())
    assert open_ones == [], "show what these change, and say so with @proves"


def test_only_flags_that_there_are_are_claimed() -> None:
    there = {(path, one.name) for path, command in commands().items() for one in own_flags(command)}
    there |= {(EVERYWHERE, one.name) for one in GLOBAL_FLAGS}
    assert {(one.command, one.flag) for one in proven()} - there == set()
