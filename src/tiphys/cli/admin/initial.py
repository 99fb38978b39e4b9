"""`admin initial-password`: what admin first logs in with."""

from __future__ import annotations

import asyncio

from tiphys.cli.admin.given import admin_wiring
from tiphys.cli.app.session import cluster_choice, write
from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import ADMIN_KUBE_FLAGS

_SECRET = "argocd-initial-admin-secret"  # noqa: S105 - a name


@command(
    "initial-password",
    ADMIN_KUBE_FLAGS,
    usage="[flags]",
    summary="Print the password that admin was given at the first start.",
)
def initial_password(call: Call) -> None:
    write(f"{asyncio.run(_password(call))}\n")
    write(
        "\n This password must be only used for first time login. We strongly recommend you "
        "update the password using `argocd account update-password`.\n"
    )


async def _password(call: Call) -> str:
    from tiphys.model.errors import ObjectNotFoundError

    try:
        data = await admin_wiring(call).secret(cluster_choice(call), _SECRET)
    except ObjectNotFoundError:
        raise FatalError(f'secrets "{_SECRET}" not found') from None
    if "password" not in data:
        raise FatalError(f"secret {_SECRET} does not have key password")
    return data["password"]
