"""What the verbs on keys share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tiphys.cli.app.session import cluster_choice, require_core, wiring
from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
from tiphys.cli.ports import KeyApi


def run_keys(call: Call, verb: Callable[[KeyApi], Awaitable[None]]) -> None:
    """Runs a verb against the keys of the current kube context's control plane."""
    require_core(call)

    async def main() -> None:
        async with wiring(call).keys(cluster_choice(call)) as api:
            await verb(api)

    asyncio.run(main())


def key_id(call: Call) -> str:
    if len(call.words) != 1:
        raise FatalError("Missing KEYID argument")
    return call.words[0]
