"""`cluster rotate-auth`."""

from __future__ import annotations

from tiphys.cli.app.session import write
from tiphys.cli.cluster.session import run_clusters, say
from tiphys.cli.command import Call, command
from tiphys.cli.ports import ClusterApi


@command("rotate-auth", (), usage="SERVER/NAME [flags]", summary="Renew the token for a cluster.")
def rotate(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()

    async def verb(api: ClusterApi) -> None:
        await api.rotate(call.words[0], say(call))
        write(f"Cluster '{call.words[0]}' rotated auth\n")

    run_clusters(call, verb)
