"""`tiphys run`: the controller as a process."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click


@click.command(short_help="Run Tiphys in one process")
@click.option("--kubeconfig", default="", help="The kubeconfig file; in a pod, its ServiceAccount")
@click.option("--context", default="", help="The context of the kubeconfig; its current one")
@click.option("--namespace", "-n", default="argocd", help="Where the Applications are")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder for what is kept on disk (default $XDG_STATE_HOME/tiphys)",
)
@click.option(
    "--loglevel",
    type=click.Choice(["debug", "info", "warn", "error"]),
    default="info",
    help="The least important lines to log",
)
def run(kubeconfig: str, context: str, namespace: str, data: Path | None, loglevel: str) -> None:
    """Runs Tiphys until it is told to stop: compares, syncs and heals every Application."""
    from tiphys.bootstrap.controller import ControllerOptions, run_controller
    from tiphys.bootstrap.logs import configure_logs

    configure_logs(loglevel)
    options = ControllerOptions(kubeconfig, context, namespace, data or _state_folder())
    asyncio.run(run_controller(options))


def _state_folder() -> Path:
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "tiphys"
