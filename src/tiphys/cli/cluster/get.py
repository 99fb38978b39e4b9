"""`cluster get`."""

from __future__ import annotations

from tiphys.cli.app.session import check_output, write
from tiphys.cli.cluster.session import run_clusters
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.output import to_json, to_yaml
from tiphys.cli.ports import ClusterApi
from tiphys.services.clusters.catalogue import ClusterAnswer

_FLAGS = (text("output", "yaml, json, wide or server", "o", "yaml"),)


@command("get", _FLAGS, usage="SERVER/NAME [flags]", summary="Show a cluster.")
def get(call: Call) -> None:
    if not call.words:
        call.help_and_fail()
    check_output(call.text("output"), ("json", "yaml", "wide", "server"))

    async def verb(api: ClusterApi) -> None:
        answers = [await api.get(word) for word in call.words]
        write(_shown(answers, call.text("output")))

    run_clusters(call, verb)


def _shown(answers: list[ClusterAnswer], output: str) -> str:
    match output:
        case "server":
            return "".join(f"{one.cluster.server}\n" for one in answers)
        case "wide":
            return "".join(map(_report, answers))
    found = [one.to_json() for one in answers]
    body = found[0] if len(found) == 1 else found
    return to_json(body) + "\n" if output == "json" else to_yaml(body)


def _report(answer: ClusterAnswer) -> str:
    cluster, config = answer.cluster, answer.cluster.config
    sections = {
        "Cluster information": {
            "Server URL": cluster.server,
            "Server Name": cluster.name or "-",
            "Server Version": answer.version,
            "Namespaces": ", ".join(cluster.namespaces) or "all",
        },
        "TLS configuration": {
            "Client cert": _flag(bool(config.cert_data)),
            "Cert validation": _flag(not config.insecure),
        },
        "Authentication": {
            "Basic authentication": _flag(bool(config.username)),
            "oAuth authentication": _flag(bool(config.bearer_token)),
            "AWS authentication": _flag(config.aws is not None),
        },
        "Connection": {
            "Disable compression": _flag(config.disable_compression),
            "Status": " ".join(part for part in (answer.status, answer.message) if part),
        },
    }
    return "".join(
        f"{title}\n\n" + "".join(f"  {f'{k}:':<23}{v}\n" for k, v in lines.items()) + "\n"
        for title, lines in sections.items()
    )


def _flag(value: bool) -> str:
    return "true" if value else "false"
