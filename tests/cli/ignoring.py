"""Tries what tests say of flags: with the flag ignored, the test that shows it has to fail.

`pytest -p tests.cli.ignoring tests/cli` runs every test that carries `@proves` once for each of
its flags, on a command line that passes over this one, and names the flags that nobody missed.
Tables of `Change` need none of it: they run their lines without the flag themselves. A flag that
is read from the words before there is a command (`--logformat`) cannot be tried so.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import click
import pytest
from _pytest.runner import runtestprotocol

from tests.cli.proofs import EVERYWHERE, Claim
from tiphys.cli.command import Command
from tiphys.cli.flags import sort_words

_SECONDS = 5
"""A command that waits for ever without its flag has missed it."""
_missed: dict[tuple[str, Claim], bool] = {}


def pytest_runtest_protocol(item: pytest.Item) -> bool:
    assert isinstance(item, pytest.Function)
    for claim in getattr(item.function, "claims", ()):
        place = (item.nodeid.partition("[")[0], claim)
        if not _missed.get(place):
            _missed[place] = _fails(item, claim)
    return True


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for (place, (command, flag)), missed in _missed.items():
        if not missed:
            terminalreporter.write_line(f"nobody missed {command} --{flag} in {place}")
    terminalreporter.write_line(f"{len(_missed)} claims tried")


def _fails(item: pytest.Function, claim: Claim) -> bool:
    item._initrequest()
    with _ignored(*claim), _limited():
        return any(report.failed for report in runtestprotocol(item, log=False))


@contextmanager
def _ignored(path: str, flag: str) -> Iterator[None]:
    """The command takes the flag, and forgets that it was given."""
    parse = Command.parse_args
    here = []

    def parse_args(self: Command, ctx: click.Context, args: list[str]) -> list[str]:
        here.append(" ".join(ctx.command_path.split()[1:]))
        return parse(self, ctx, args)

    def without(*arguments: Any, **options: Any) -> Any:
        found = sort_words(*arguments, **options)
        if path not in (EVERYWHERE, *here[-1:]):
            return found
        return replace(found, flags=tuple(one for one in found.flags if one[0] != flag))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tiphys.cli.command.sort_words", without)
        patch.setattr(Command, "parse_args", parse_args)
        yield


@contextmanager
def _limited() -> Iterator[None]:
    def over(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
