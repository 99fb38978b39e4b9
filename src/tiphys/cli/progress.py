"""Says what takes long: after two seconds, on a terminal, on standard error."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

CHECKING = "Asking the repository, and rendering"
RENDERING = "Rendering and comparing"
REFRESHING = "Waiting for the controller to compare"
_PATIENCE = 2.0


@asynccontextmanager
async def busy(what: str) -> AsyncIterator[None]:
    """`what` is being done inside. A script sees nothing of it, and the output neither."""
    if not sys.stderr.isatty():
        yield
        return
    shown = asyncio.create_task(_show(what))
    try:
        yield
    finally:
        shown.cancel()
        with suppress(asyncio.CancelledError):
            await shown


async def _show(what: str) -> None:
    await asyncio.sleep(_PATIENCE)
    # Loaded only when there is something to be shown.
    from rich.console import Console

    with Console(stderr=True).status(what):
        await asyncio.Event().wait()
