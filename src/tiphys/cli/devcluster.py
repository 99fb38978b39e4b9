"""`tiphys devcluster`: a Kubernetes control plane on this machine, to try things with.

The context object has to offer `control_plane(name)` (services.devcluster.ControlPlanes).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import click

from tiphys.model.devcluster import DevClusterPhase, DevClusterStatus
from tiphys.model.errors import DevClusterError
from tiphys.services.devcluster.ports import ControlPlane, ControlPlanes

NOT_READY = 3
"""Exit code of `status` for an instance that is not ready, as that of other status commands."""

P = ParamSpec("P")


@click.group()
def devcluster() -> None:
    """Run a Kubernetes control plane on this machine.

    It is the real API server with its controllers, scheduler and etcd; the nodes are simulated.
    It listens on loopback only and has a kubeconfig of its own: yours is never touched.
    """


def _with_instance(command: Callable[Concatenate[ControlPlane, P], None]) -> Any:
    """Gives the command the instance of --name, and turns an error of it into one line."""

    @click.option("--name", default="default", show_default=True, help="Which control plane.")
    @click.pass_context
    @wraps(command)
    def wrapped(context: click.Context, /, name: str, *args: P.args, **kwargs: P.kwargs) -> None:
        planes = context.find_object(ControlPlanes)  # type: ignore[type-abstract]
        if planes is None:
            raise click.ClickException("this program cannot run control planes")
        try:
            command(planes.control_plane(name), *args, **kwargs)
        except DevClusterError as error:
            raise click.ClickException(str(error)) from error

    return wrapped


@devcluster.command()
@_with_instance
def up(instance: ControlPlane) -> None:
    """Start a control plane and wait until it is ready.

    Does nothing when it is ready already. Data of an earlier run is still there.
    """
    start = time.monotonic()

    def progress(phase: DevClusterPhase) -> None:
        if phase is not DevClusterPhase.READY:  # said below, with all that belongs to it
            seconds = time.monotonic() - start
            click.echo(f"{seconds:4.1f} s  {_WORDS[phase]}", err=True)

    status = instance.up(progress)
    click.echo(f"The control plane {status.name!r} is ready at {status.server}")
    click.echo(f"  use it:     export KUBECONFIG={status.kubeconfig}")
    click.echo(f"  stop it:    tiphys devcluster down --name {status.name}")
    click.echo(f"  remove it:  tiphys devcluster reset --name {status.name}")


@devcluster.command()
@_with_instance
def down(instance: ControlPlane) -> None:
    """Stop a control plane and keep its data."""
    name = instance.status().name
    if instance.down():
        click.echo(f"The control plane {name!r} is stopped, its data is kept")
    else:
        click.echo(f"The control plane {name!r} was not running")


@devcluster.command()
@_with_instance
def reset(instance: ControlPlane) -> None:
    """Stop a control plane and remove its data, credentials and ports."""
    name = instance.status().name
    if instance.reset():
        click.echo(f"The control plane {name!r} is removed")
    else:
        click.echo(f"There was no control plane {name!r}")


@devcluster.command()
@click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@_with_instance
def status(instance: ControlPlane, output: str) -> None:
    """Say whether a control plane is ready, and where.

    The exit code is 0 when it is ready and 3 when it is not.
    """
    found = instance.status()
    click.echo(json.dumps(asdict(found), indent=2) if output == "json" else _table(found))
    if found.phase is not DevClusterPhase.READY:
        click.get_current_context().exit(NOT_READY)


def _table(status: DevClusterStatus) -> str:
    rows = [("Name", status.name), ("Phase", _WORDS[status.phase])]
    optional = {
        "Error": status.error,
        "Server": status.server,
        "Kubeconfig": status.kubeconfig,
        "Folder": status.folder,
    }
    rows += [(label, value) for label, value in optional.items() if value]
    rows += [(one.name, _process(one.pid, one.restarts)) for one in status.processes]
    width = max(len(label) for label, _ in rows) + 2
    return "\n".join(f"{label + ':':<{width}}{value}" for label, value in rows)


def _process(pid: int, restarts: int) -> str:
    text = f"pid {pid}" if pid else "not running"
    return f"{text}, restarted {restarts} times" if restarts else text


_WORDS = {
    DevClusterPhase.ABSENT: "absent",
    DevClusterPhase.KILLED: "killed",
    DevClusterPhase.STARTING: "starting",
    DevClusterPhase.API_READY: "the API server answers, controllers and nodes are starting",
    DevClusterPhase.READY: "ready",
    DevClusterPhase.STOPPING: "stopping",
    DevClusterPhase.STOPPED: "stopped",
    DevClusterPhase.FAILED: "failed",
}
