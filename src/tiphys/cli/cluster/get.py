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
    lines = [
        "Cluster information",
        "",
        f"  Server URL:            {cluster.server}",
        f"  Server Name:           {cluster.name or '-'}",
        f"  Server Version:        {answer.version}",
        f"  Namespaces:        \t {', '.join(cluster.namespaces) or 'all namespaces'}",
        "",
        "TLS configuration",
        "",
        f"  Client cert:           {_flag(bool(config.cert_data))}",
        f"  Cert validation:       {_flag(not config.insecure)}",
        "",
        "Authentication",
        "",
        f"  Basic authentication:  {_flag(bool(config.username))}",
        f"  oAuth authentication:  {_flag(bool(config.bearer_token))}",
        f"  AWS authentication:    {_flag(config.aws is not None)}",
        "",
        f"Disable compression: {_flag(config.disable_compression)}",
        "",
        f"Use proxy: {_flag(bool(config.proxy_url))}",
        "",
    ]
    return "".join(f"{line}\n" for line in lines)


def _flag(value: bool) -> str:
    return "true" if value else "false"
