"""`cluster set`."""

from __future__ import annotations

from dataclasses import replace

from tiphys.cli.app.session import write
from tiphys.cli.cluster.session import pairs, run_clusters
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text, texts
from tiphys.cli.ports import ClusterApi
from tiphys.model.cluster import Cluster

_FLAGS = (
    texts("annotation", "Annotations of the cluster's Secret, key=value; may be repeated"),
    texts("label", "Labels of the cluster's Secret, key=value; may be repeated"),
    text("name", "The new name"),
    texts("namespace", "Manage only this namespace, '*' for all; may be repeated"),
)


@command("set", _FLAGS, usage="NAME [flags]", summary="Change what is known of a cluster.")
def set_command(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()
    if not any(call.given(flag) for flag in ("annotation", "label", "name", "namespace")):
        write("Specify the cluster field to be updated.\n")
        return
    name = call.words[0]
    labels, annotations = pairs(call, "label"), pairs(call, "annotation")

    def change(cluster: Cluster) -> Cluster:
        if call.given("name"):
            cluster = replace(cluster, name=call.text("name"))
        if call.given("namespace"):
            asked = call.texts("namespace")
            cluster = replace(cluster, namespaces=() if "*" in asked else asked)
        if labels:
            cluster = replace(cluster, labels=labels)
        if annotations:
            cluster = replace(cluster, annotations=annotations)
        return cluster

    async def verb(api: ClusterApi) -> None:
        await api.change(name, change)
        write(f"Cluster '{name}' updated.\n")

    run_clusters(call, verb)
