"""`cluster rm`."""

from __future__ import annotations

from tiphys.cli.app.session import wiring, write
from tiphys.cli.cluster.session import run_clusters, say
from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import yes
from tiphys.cli.ports import ClusterApi, ClusterTargets
from tiphys.cli.prompts import confirmed
from tiphys.services.clusters.accounts import ManagerAccount

_FLAGS = (yes("yes", "Do not ask", "y"),)
_SYSTEM_NAMESPACE = "kube-system"


@command("rm", _FLAGS, usage="SERVER/NAME [flags]", summary="Forget a cluster.")
def remove(call: Call) -> None:
    if not call.words:
        call.help_and_fail()
    targets = wiring(call).targets(call.text("kubeconfig"))

    async def verb(api: ClusterApi) -> None:
        for word in call.words:
            await _remove(call, api, targets, word)

    run_clusters(call, verb)


async def _remove(call: Call, api: ClusterApi, targets: ClusterTargets, word: str) -> None:
    question = (
        f"Are you sure you want to remove '{word}'? "
        "Any Apps deploying to this cluster will go to health status Unknown.[y/n] "
    )
    if not call.yes("yes") and not confirmed(call, question, always=True):
        write(f"The command to remove '{word}' was cancelled.\n")
        return
    gone = await api.delete(word)
    write(f"Cluster '{word}' removed\n")
    context = gone[0].name
    if all(one.name != context for one in targets.contexts()):
        raise FatalError(f"context {context} does not exist in kubeconfig")
    async with targets.open(context) as target:
        account = ManagerAccount(target.reader, target.writer, say(call))
        await account.uninstall(_SYSTEM_NAMESPACE)
