"""`tiphys observe`: looks once at everything, prints what would happen, and ends."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tiphys.bootstrap.application_controller import RUN_FLAGS, controller_options, process_command
from tiphys.bootstrap.serverflags import Given, GoKind, ServerFlag
from tiphys.cli.errors import UsageError

if TYPE_CHECKING:
    from tiphys.bootstrap.options import ControllerOptions
    from tiphys.services.observe.observation import Observation

_FORMS = ("table", "json")
_NOT_HERE = frozenset({"observe", "take-over", "metrics-port", "metrics-address"})
_FLAGS = (
    *(flag for flag in RUN_FLAGS if flag.name not in _NOT_HERE),
    ServerFlag("output", GoKind.STRING, "table", short="o", help="table or json"),
    ServerFlag(
        "timeout", GoKind.DURATION, "2m0s", help="How long clusters and repositories may take"
    ),
)
_AT_ONCE = 10
_LOOK = 0.2


def _observe(given: Given) -> None:
    from tiphys.bootstrap.logs import configure_logs
    from tiphys.cli.observations import as_json, as_table

    form = given.texts["output"]
    if form not in _FORMS:
        raise UsageError(f"unknown output format: {form}")
    configure_logs("warn" if given.texts["loglevel"] == "info" else given.texts["loglevel"])
    with tempfile.TemporaryDirectory(prefix="tiphys-") as folder:
        options = controller_options(given, os.environ)
        data = options.data if given.texts["data"] else Path(folder)
        seen = asyncio.run(
            _look(replace(options, observe=True, data=data), given.seconds("timeout"))
        )
    print(as_json(seen) if form == "json" else as_table(seen))


async def _look(options: ControllerOptions, seconds: float) -> Sequence[Observation]:
    from tiphys.bootstrap.controller import lighten_garbage_collection
    from tiphys.bootstrap.foundation import Foundation
    from tiphys.bootstrap.reconciling import Reconciling, poll_timing
    from tiphys.bootstrap.renders import open_renders

    lighten_garbage_collection()
    async with AsyncExitStack() as stack:
        ground = Foundation(options, stack)
        await ground.read_settings()
        await ground.read_applications()
        renders = await open_renders(ground, poll_timing(ground.settings.present()))
        observer = Reconciling(ground, renders).observer()
        gate = asyncio.Semaphore(_AT_ONCE)
        end = asyncio.get_running_loop().time() + seconds

        async def one(name: str) -> Observation | None:
            while True:
                async with gate:
                    seen = await observer.observe(name)
                late = asyncio.get_running_loop().time() > end
                if late or (seen is not None and not seen.waits):
                    return seen
                await asyncio.sleep(_LOOK)

        found = await asyncio.gather(*(one(name) for name in sorted(ground.store.names())))
    return [seen for seen in found if seen is not None]


observe = process_command(
    "observe", _FLAGS, _observe, "Tell what a sync would do, and write nothing"
)
