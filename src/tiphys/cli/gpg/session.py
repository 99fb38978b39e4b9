"""What the verbs on keys share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tiphys.cli.app.session import run_on, wiring
from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
from tiphys.cli.ports import KeyApi


def run_keys(call: Call, verb: Callable[[KeyApi], Awaitable[None]]) -> None:
    """Runs a verb on the keys of a server, or of the cluster of the kube context."""
    run_on(call, verb, lambda server: server.keys, wiring(call).keys)


def key_id(call: Call) -> str:
    if len(call.words) != 1:
        raise FatalError("Missing KEYID argument")
    return call.words[0]
