"""`admin dashboard`: a server for oneself, that asks nobody to log in."""

from __future__ import annotations

import asyncio
import sys

from tiphys.cli.app.session import cluster_choice, wiring, write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import ADMIN_KUBE_FLAGS, Flag, FlagKind, text


@command(
    "dashboard",
    (
        text("address", "Where to listen; only this machine unless told", default="localhost"),
        Flag("port", FlagKind.INTEGER, "The port to listen on; 0 for a free one", default=8080),
        *ADMIN_KUBE_FLAGS,
    ),
    usage="[flags]",
    summary="Serve the API and its page here, with the rights of the kube context.",
)
def dashboard(call: Call) -> None:
    address = call.text("address")

    def ready(port: int) -> None:
        write(f"Argo CD UI is available at http://{address}:{port}\n")
        sys.stdout.flush()

    print("starting dashboard", file=sys.stderr)
    asyncio.run(wiring(call).dashboard(cluster_choice(call), address, call.number("port"), ready))
