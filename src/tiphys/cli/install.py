"""`install`: what Tiphys needs in a cluster, and a kubeconfig for its controller."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tiphys.cli.app.session import cluster_choice, wiring
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text

NAMESPACE = "argocd"
_ACCOUNTS = {
    "controller-kubeconfig": "argocd-application-controller",
    "server-kubeconfig": "argocd-server",
}
_FLAGS = (
    text("controller-kubeconfig", "Write a kubeconfig with the controller's own rights to here"),
    text("server-kubeconfig", "Write a kubeconfig with the API server's own rights to here"),
)


@command("install", _FLAGS, usage="[flags]", summary="Put into a cluster what Tiphys needs there.")
def install(call: Call) -> None:
    if call.words:
        call.help_and_fail()
    asyncio.run(_install(call))


async def _install(call: Call) -> None:
    choice = cluster_choice(call)
    namespace = choice.namespace or NAMESPACE
    async with wiring(call).setup(choice) as setup:
        done = await setup.install(namespace)
        for word, keys in (("created", done.created), ("updated", done.updated)):
            for key in keys:
                print(f"{key.kind}/{key.name} {word}")
        print(f"Tiphys is installed in namespace {namespace}")
        for flag, account in _ACCOUNTS.items():
            if call.text(flag):
                made = await setup.kubeconfig(account, namespace)
                _write_private(Path(call.text(flag)), made)


def _write_private(path: Path, content: str) -> None:
    """Readable by its owner only, from the first byte on, and never half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    draft.replace(path)
