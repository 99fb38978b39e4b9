"""`admin redis-initial-password`: a password for Redis, made once."""

from __future__ import annotations

import asyncio

from tiphys.cli.app.session import cluster_choice, wiring, write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import ADMIN_KUBE_FLAGS


@command(
    "redis-initial-password",
    ADMIN_KUBE_FLAGS,
    usage="[flags]",
    summary="Make sure that there is a Secret with the password of Redis.",
)
def initial_password(call: Call) -> None:
    name = asyncio.run(wiring(call).require_redis_password(cluster_choice(call)))
    write(f"Argo CD Redis secret state confirmed: secret name {name}.\n")
