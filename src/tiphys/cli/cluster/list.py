"""`cluster list`."""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.cli.app.session import check_output, write
from tiphys.cli.cluster.session import run_clusters
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.output import table, to_json, to_yaml
from tiphys.cli.ports import ClusterApi
from tiphys.services.clusters.catalogue import ClusterAnswer

_HEADER = ("SERVER", "NAME", "VERSION", "STATUS", "MESSAGE", "PROJECT")
_FLAGS = (text("output", "wide, server, json or yaml", "o", "wide"),)


@command("list", _FLAGS, usage="[flags]", summary="List clusters.")
def list_command(call: Call) -> None:
    async def verb(api: ClusterApi) -> None:
        output = call.text("output")
        if output == "server":
            write("".join(f"{one.server}\n" for one in await api.clusters()))
            return
        check_output(output, ("json", "yaml", "wide", ""))
        write(shown(await api.list(), output))

    run_clusters(call, verb)


def shown(answers: Sequence[ClusterAnswer], output: str) -> str:
    match output:
        case "json":
            return to_json([one.to_json() for one in answers]) + "\n"
        case "yaml":
            return to_yaml([one.to_json() for one in answers])
        case _:
            return table([_HEADER, *map(_row, answers)])


def _row(answer: ClusterAnswer) -> tuple[str, ...]:
    cluster = answer.cluster
    count = len(cluster.namespaces)
    server = f"{cluster.server} ({count} namespaces)" if count else cluster.server
    return (
        server,
        cluster.name,
        answer.version,
        answer.status,
        answer.message,
        cluster.project,
    )
