"""`tiphys git-server`: serves a folder of repositories over HTTP, for trying and testing."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import ExitStack
from pathlib import Path

import click


@click.command("git-server", short_help="Serve a folder of Git repositories on loopback")
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="Folder with bare or plain repositories",
)
@click.option("--port", type=int, default=0, help="Port on 127.0.0.1; 0 takes a free one")
@click.option("--log", type=click.Path(path_type=Path), help="File for one JSON line a request")
def git_server(root: Path, port: int, log: Path | None) -> None:
    """Serves repositories read-only; prints one JSON line with the URL, then runs until stopped."""
    asyncio.run(_serve(root, port, log))


async def _serve(root: Path, port: int, log: Path | None) -> None:
    from tiphys.adapters.gitserver.server import GitServer

    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    with ExitStack() as files:
        lines = files.enter_context(log.open("a")) if log else None
        server = GitServer(root, port=port, log=lines)
        await server.start()
        print(json.dumps({"url": server.url}), flush=True)
        await stop.wait()
        await server.stop()
