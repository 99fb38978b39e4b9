"""What the verbs on clusters share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from tiphys.cli.app.session import cluster_choice, run_on, wiring
from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
from tiphys.cli.log import Level, log
from tiphys.cli.ports import ClusterAdminApi, ClusterApi


def run_clusters(call: Call, verb: Callable[[ClusterApi], Awaitable[None]]) -> None:
    """Runs a verb on the clusters of a server, or of the control plane of the kube context."""
    run_on(call, verb, lambda server: server.clusters, wiring(call).clusters)


def run_directly(call: Call, verb: Callable[[ClusterAdminApi], Awaitable[None]]) -> None:
    """The same for administrators, who never go by an API server of Tiphys."""

    async def main() -> None:
        async with wiring(call).clusters(cluster_choice(call)) as api:
            await verb(api)

    asyncio.run(main())


def pairs(call: Call, flag: str) -> Mapping[str, str]:
    """`--label key=value`, which may be repeated."""
    return _pairs(call.texts(flag))


def listed_pairs(call: Call, flag: str) -> Mapping[str, str]:
    """The same for a flag that takes several, with commas between them."""
    return _pairs(call.parts(flag))


def _pairs(texts: Sequence[str]) -> Mapping[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise FatalError(f"expected '{name}=<value>', but got: {text}", code=20)
        found[name] = value
    return found


def say(call: Call) -> Callable[[str], None]:
    """Log lines of what was done."""
    return lambda text: log(Level.INFO, text, form=call.text("logformat"))
