"""`cluster add`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tiphys.cli.app.session import wiring, write
from tiphys.cli.cluster.flags import DESCRIPTION, described, logs_in_otherwise, published
from tiphys.cli.cluster.session import run_clusters, say
from tiphys.cli.command import Call, command
from tiphys.cli.errors import Ended, FatalError
from tiphys.cli.globals import text, yes
from tiphys.cli.log import Level, log
from tiphys.cli.output import table
from tiphys.cli.ports import ClusterApi, ClusterTargets
from tiphys.cli.prompts import confirmed
from tiphys.model.cluster import KubeContext
from tiphys.services.clusters.accounts import ManagerAccount
from tiphys.services.clusters.target import ClusterTarget

_FLAGS = (
    *DESCRIPTION,
    text("proxy-url", "Reach the cluster by this proxy, from here and from Tiphys"),
    text("server-proxy-url", "Reach the cluster by this proxy from here"),
    text("service-account", "Use this account, which exists, instead of making one"),
    yes("upsert", "Change the cluster where it is known already"),
    yes("yes", "Do not ask", "y"),
)


@command("add", _FLAGS, usage="CONTEXT [flags]", summary="Make a cluster of the kubeconfig known.")
def add(call: Call) -> None:
    targets = wiring(call).targets(call.text("kubeconfig"))
    if not call.words:
        log(Level.ERROR, "Choose a context name from:", form=call.text("logformat"))
        write(_choice(targets.contexts()))
        raise Ended(1)
    context = call.words[0]
    if all(one.name != context for one in targets.contexts()):
        raise FatalError(f"context {context} does not exist in kubeconfig")
    if call.text("aws-cluster-name") and call.text("exec-command"):
        raise FatalError("only one of --aws-cluster-name and --exec-command is possible", code=1)

    async def verb(api: ClusterApi) -> None:
        await _add(call, api, targets, context)

    run_clusters(call, verb)


async def _add(call: Call, api: ClusterApi, targets: ClusterTargets, context: str) -> None:
    proxy = call.text("server-proxy-url") or call.text("proxy-url")
    async with targets.open(context, proxy=proxy) as target:
        token = "" if logs_in_otherwise(call) else await _token(call, context, target)
        cluster = await published(call, described(call, context, target, token), target)
    await api.create(cluster, upsert=call.yes("upsert"))
    write(f"Cluster '{cluster.server}' added\n")


async def _token(call: Call, context: str, target: ClusterTarget) -> str:
    account = ManagerAccount(target.reader, target.writer, say(call))
    if call.text("service-account"):
        return await account.token(call.text("system-namespace"), call.text("service-account"))
    if sys.stdin.isatty() and not call.yes("yes"):
        level = "namespace" if call.texts("namespace") else "cluster"
        question = (
            "WARNING: This will create a service account `argocd-manager` on the cluster "
            f"referenced by context `{context}` with full {level} level privileges. "
            "Do you want to continue [y/N]? "
        )
        if not confirmed(call, question, always=True):
            raise Ended(1)
    return await account.install(call.text("system-namespace"), call.texts("namespace"))


def _choice(contexts: Sequence[KubeContext]) -> str:
    rows = [("*" if one.current else "", one.name, one.cluster, one.server) for one in contexts]
    return table([("CURRENT", "NAME", "CLUSTER", "SERVER"), *rows])
