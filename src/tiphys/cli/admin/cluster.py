"""`admin cluster`: clusters as files, and how applications and replicas are spread over them."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tiphys.cli.app.session import wiring, write
from tiphys.cli.cluster.flags import DESCRIPTION, described, published
from tiphys.cli.cluster.session import run_directly, say
from tiphys.cli.command import Call, command, group
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import ADMIN_KUBE_FLAGS, Flag, FlagKind, later, text, yes
from tiphys.cli.output import table, to_json, to_yaml
from tiphys.cli.ports import ClusterAdminApi
from tiphys.core.settings.clustersecret import cluster_secret, kubeconfig
from tiphys.core.settings.glob import matches
from tiphys.core.settings.shards import Sharding, shards

if TYPE_CHECKING:
    from tiphys.services.clusters.catalogue import ClusterUse

_HERE = "tiphys.cli.admin.cluster"
_SHOWN = 4
_NO_TOKEN = "bearer-token"  # noqa: S105 - what stands where there is none

cluster = group(
    "cluster",
    {
        "generate-spec": (f"{_HERE}:generate_spec", "Print a cluster's Secret"),
        "kubeconfig": (f"{_HERE}:write_kubeconfig", "Write a kubeconfig for a cluster"),
        "namespaces": (f"{_HERE}:namespaces", "Show or set the namespaces of clusters"),
        "shards": (f"{_HERE}:show_shards", "Show how much falls to each replica"),
        "stats": (f"{_HERE}:stats", "Show how much there is on each cluster"),
    },
    "Work on clusters",
)


@command(
    "generate-spec",
    (
        *DESCRIPTION,
        text("bearer-token", "The token to log in with"),
        yes("generate-bearer-token", "Ask the cluster for the token of --service-account"),
        text("output", "json or yaml", "o", "yaml"),
        text("service-account", "Whose token is asked for", default="argocd-manager"),
    ),
    usage="CONTEXT [flags]",
    summary="Print the Secret of a cluster of the kubeconfig.",
)
def generate_spec(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()
    if call.text("output") not in ("json", "yaml"):
        raise FatalError(f"unknown output format: {call.text('output')}")
    asyncio.run(_generate(call))


async def _generate(call: Call) -> None:
    from tiphys.services.clusters.accounts import ManagerAccount

    context = call.words[0]
    targets = wiring(call).targets(call.text("kubeconfig"))
    if all(one.name != context for one in targets.contexts()):
        raise FatalError(f"context {context} does not exist in kubeconfig")
    async with targets.open(context) as target:
        token = call.text("bearer-token") or _NO_TOKEN
        if call.yes("generate-bearer-token"):
            account = ManagerAccount(target.reader, target.writer, say(call))
            token = await account.token(call.text("system-namespace"), call.text("service-account"))
        found = await published(call, described(call, context, target, token), target)
    secret = dict(cluster_secret(found, ""))
    texts = {key: base64.b64decode(one).decode() for key, one in secret.pop("data").items()}
    metadata = {key: one for key, one in secret["metadata"].items() if key != "namespace"}
    shown = {**secret, "metadata": metadata, "stringData": texts}
    write(to_json(shown) + "\n" if call.text("output") == "json" else to_yaml(shown))


@command(
    "kubeconfig",
    ADMIN_KUBE_FLAGS,
    usage="CLUSTER_URL OUTPUT_PATH [flags]",
    summary="Write a kubeconfig with what Tiphys knows of a cluster.",
)
def write_kubeconfig(call: Call) -> None:
    if len(call.words) != 2:
        call.help_and_fail()
    server, path = call.words

    async def verb(api: ClusterAdminApi) -> None:
        found = (await api.find(server))[0]
        if not found.secret:
            raise FatalError(f"cluster {server} has no Secret: it is reached by the pod's account")
        _write_private(Path(path), to_yaml(kubeconfig(found)))

    run_directly(call, verb)


@command(
    "namespaces",
    (
        yes("cluster-resources", "Manage cluster-scoped kinds all the same"),
        yes("dry-run", "Only say what would be done", default=True),
        Flag("max-namespace-count", FlagKind.INTEGER, "Leave clusters with more alone; 0: none"),
        *ADMIN_KUBE_FLAGS,
    ),
    usage="[enable-namespaced-mode PATTERN | disable-namespaced-mode PATTERN] [flags]",
    summary="Show in which namespaces applications are, or manage only these.",
)
def namespaces(call: Call) -> None:
    match call.words:
        case ():
            run_directly(call, _show_namespaces)
        case ("enable-namespaced-mode", pattern):
            run_directly(call, lambda api: _enable(call, api, pattern))
        case ("disable-namespaced-mode", pattern):
            run_directly(call, lambda api: _disable(call, api, pattern))
        case _:
            call.help_and_fail()


async def _show_namespaces(api: ClusterAdminApi) -> None:
    rows = [("CLUSTER", "NAMESPACES")]
    for use in await api.uses():
        ordered = sorted(use.namespaces, key=lambda one: (len(one), one))
        listed = ",".join(ordered[:_SHOWN])
        if len(ordered) > _SHOWN:
            listed += f" (total {len(ordered)})"
        rows.append((use.cluster.server, listed))
    write(table(rows))


async def _enable(call: Call, api: ClusterAdminApi, pattern: str) -> None:
    most = call.number("max-namespace-count")
    for use in await api.uses():
        too_many = most and len(use.namespaces) > most
        if use.cluster.namespaces or too_many or not matches(pattern, use.cluster.server):
            continue
        await _set_namespaces(call, api, use, use.namespaces)


async def _disable(call: Call, api: ClusterAdminApi, pattern: str) -> None:
    for use in await api.uses():
        if use.cluster.namespaces and matches(pattern, use.cluster.server):
            await _set_namespaces(call, api, use, ())


async def _set_namespaces(
    call: Call, api: ClusterAdminApi, use: ClusterUse, wanted: Sequence[str]
) -> None:
    write(f"Setting cluster {use.cluster.server} namespaces to [{' '.join(wanted)}]...")
    if not call.yes("dry-run"):
        resources = call.yes("cluster-resources") if wanted else False
        await api.store(replace(use.cluster, namespaces=tuple(wanted), cluster_resources=resources))
    write("done (dry run)\n" if call.yes("dry-run") else "done\n")


_SPREAD_FLAGS = (
    *ADMIN_KUBE_FLAGS,
    Flag("replicas", FlagKind.INTEGER, "How many controllers there are; 0: as many as run"),
    Flag("shard", FlagKind.INTEGER, "Only the clusters of this shard; -1: of all", default=-1),
    text("sharding-method", "legacy or round-robin", default=Sharding.LEGACY.value),
    *(
        later(name)
        for name in (
            "app-state-cache-expiration",
            "default-cache-expiration",
            "redis",
            "redis-ca-certificate",
            "redis-client-certificate",
            "redis-client-key",
            "sentinelmaster",
        )
    ),
    later("redisdb", FlagKind.INTEGER),
    later("sentinel", FlagKind.STRINGS),
    *(
        later(name, FlagKind.BOOL)
        for name in ("port-forward-redis", "redis-insecure-skip-tls-verify", "redis-use-tls")
    ),
)


@command("stats", _SPREAD_FLAGS, usage="[flags]", summary="Show how much there is on clusters.")
def stats(call: Call) -> None:
    async def verb(api: ClusterAdminApi) -> None:
        rows: list[tuple[str, ...]] = [
            (
                "SERVER",
                "SHARD",
                "CONNECTION",
                "NAMESPACES COUNT",
                "APPS COUNT",
                "RESOURCES COUNT",
            )
        ]
        _, spread = await _spread(call, api)
        for use, shard in spread:
            status, count = await api.count(use.cluster)
            counts = (len(use.namespaces), use.applications, count)
            rows.append((use.cluster.server, str(shard), status, *map(str, counts)))
        write(table(rows))

    run_directly(call, verb)


@command("shards", _SPREAD_FLAGS, usage="[flags]", summary="Show how much falls to each replica.")
def show_shards(call: Call) -> None:
    async def verb(api: ClusterAdminApi) -> None:
        replicas, spread = await _spread(call, api)
        if replicas == 0 or not spread:
            return
        counts: dict[int, int] = {}
        for use, shard in spread:
            counts[shard] = counts.get(shard, 0) + (await api.count(use.cluster))[1]
        total = sum(counts.values())
        average = total // len(counts)
        rows = [("SHARD", "RESOURCES COUNT", "% OF TOTAL", f"% OF AVG PER SHARD ({average})")]
        for shard, count in sorted(counts.items()):
            rows.append((str(shard), str(count), _percent(count, total), _percent(count, average)))
        write(table(rows))

    run_directly(call, verb)


async def _spread(call: Call, api: ClusterAdminApi) -> tuple[int, list[tuple[ClusterUse, int]]]:
    """The number of replicas, and clusters with their shard."""
    name = call.text("sharding-method")
    if name not in (one.value for one in Sharding):
        raise FatalError(f"--sharding-method {name} is not supported by this version of Tiphys")
    replicas = call.number("replicas") or await api.replicas()
    uses = await api.uses()
    uids = {use.cluster.server: use.uid for use in uses if use.uid}
    found = shards([use.cluster for use in uses], uids, replicas, Sharding(name))
    asked = call.number("shard")
    spread = [(use, found[use.cluster.server]) for use in uses]
    return replicas, [one for one in spread if asked < 0 or one[1] == asked]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%" if whole else "0%"


def _write_private(path: Path, content: str) -> None:
    """Readable by its owner only, from the first byte on, and never half written."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # What somebody has put there before would keep his rights, or lead elsewhere.
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        draft.replace(path)
    except OSError as error:
        raise FatalError(f"write {path}: {error.strerror}") from None
