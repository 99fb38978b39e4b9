"""A repository or a cluster that hangs, whoever needs it, is nothing to the others."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.fakes.clusters import FakeConnection
from tests.fakes.git import FakeGit
from tests.fakes.kube import SECRETS, FakeCluster
from tests.services.reconcile.world import (
    AUTO,
    NAMESPACE,
    World,
    application,
    key,
    until,
    world,
)
from tiphys.core.diff.schema import TypeSchema
from tiphys.model.cluster import Cluster
from tiphys.model.live import ObjectList
from tiphys.model.names import LABEL_SECRET_TYPE
from tiphys.model.repository import Repository
from tiphys.model.resource import GroupVersionKind
from tiphys.model.status import CompareLevel

BAD = "https://hangs.example.com/apps"
FAR = "https://far.example.com"
MANY = 60
SLOTS = 4


def synced(here: World, name: str) -> bool:
    return bool(here.status(name).get("sync", {}).get("status") == "Synced")


def patches(here: World, name: str) -> int:
    return sum(verb == "patch" and at == key(name) for verb, at in here.cluster.calls)


def of_repository(name: str, url: str) -> dict[str, Any]:
    made = application(name, policy=AUTO)
    made["spec"]["source"] |= {"repoURL": url}
    return made


def on_cluster(name: str, server: str) -> dict[str, Any]:
    made = application(name, policy=AUTO)
    made["spec"]["destination"] |= {"server": server, "namespace": "demo"}
    return made


def hang(git: FakeGit, answered: asyncio.Event) -> list[str]:
    """Makes listings of the bad repository wait; answers a list of them as they come."""
    asked: list[str] = []
    real = git.refs

    async def refs(repository: Repository) -> Mapping[str, str]:
        if repository.url == BAD:
            asked.append(repository.url)
            await answered.wait()
        return await real(repository)

    git.refs = refs  # type: ignore[method-assign]
    return asked


async def test_a_hanging_repository_delays_nobody_else() -> None:
    bad = [of_repository(f"bad-{number}", BAD) for number in range(MANY)]
    async with world(*bad, application("good", policy=AUTO)) as here:
        here.settings = replace(here.settings, status_processors=SLOTS, operation_processors=2)
        here.git.commit(BAD, {"web/a": "one"})
        answered = asyncio.Event()
        asked = hang(here.git, answered)
        here.controller.start()
        await until(lambda: synced(here, "good"))
        # As many changes as there are applications that hang: each is looked at at once.
        passes = 0
        for number in range(5):
            before = patches(here, "good")
            here.cluster.change({**here.live("a"), "data": {"text": f"drift {number}"}})
            here.pass_time(1000)
            await until(lambda: patches(here, "good") > before)  # noqa: B023
            passes += 1
        assert passes == 5
        assert not any(here.status(f"bad-{number}") for number in range(MANY))
        assert len(asked) == 1
        answered.set()
        names = [f"bad-{number}" for number in range(MANY)]
        await until(lambda: all(here.status(name).get("sync") for name in names))
        await here.controller.close()


async def test_operations_that_wait_for_a_repository_leave_room_for_others() -> None:
    bad = [of_repository(f"bad-{number}", BAD) for number in range(8)]
    for app in bad:
        app["operation"] = {"sync": {}, "initiatedBy": {"username": "admin"}}
    asked_for = application("good")
    asked_for["operation"] = {"sync": {}, "initiatedBy": {"username": "admin"}}
    async with world(*bad, asked_for) as here:
        here.settings = replace(here.settings, operation_processors=2)
        here.git.commit(BAD, {"web/a": "one"})
        hang(here.git, asyncio.Event())
        here.controller.start()
        await until(lambda: here.state("good").get("phase") == "Succeeded")
        assert all(here.state(f"bad-{number}").get("phase") == "Running" for number in range(8))
        await here.controller.close()


class Hanging(FakeCluster):
    """What it is asked for beside its lists never comes."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def schema(self, kind: GroupVersionKind) -> TypeSchema | None:
        self.asked += 1
        await asyncio.Event().wait()
        return None


def secret(server: str, **annotations: str) -> dict[str, Any]:
    data = {"server": server, "name": "far", "config": "{}"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "far",
            "namespace": NAMESPACE,
            "labels": {LABEL_SECRET_TYPE: "cluster"},
            "annotations": annotations,
        },
        "data": {name: base64.b64encode(text.encode()).decode() for name, text in data.items()},
    }


def with_far(here: World, cluster: FakeCluster, **annotations: str) -> None:
    """A second cluster, which the projects of the world know as well."""
    near = here.connection

    def connect(one: Cluster) -> FakeConnection:
        return FakeConnection(cluster) if one.server == FAR else near

    here.clusters._connect = connect
    here.rules._resolve = here.clusters.resolve
    here.clusters.replaced(SECRETS, ObjectList((secret(FAR, **annotations),), "1"))


async def test_a_hanging_cluster_delays_nobody_else() -> None:
    far = [on_cluster(f"far-{number}", FAR) for number in range(MANY)]
    cluster = Hanging()
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}})
    there = {"name": "a", "namespace": "demo"}
    cluster.seed({"apiVersion": "v1", "kind": "ConfigMap", "metadata": there})
    async with world(*far, application("near", policy=AUTO)) as here:
        here.settings = replace(here.settings, status_processors=SLOTS, operation_processors=2)
        with_far(here, cluster)
        here.controller.start()
        await until(lambda: cluster.asked)
        await until(lambda: synced(here, "near"))
        for number in range(5):
            before = patches(here, "near")
            here.cluster.change({**here.live("a"), "data": {"text": f"drift {number}"}})
            here.pass_time(1000)
            await until(lambda: patches(here, "near") > before)  # noqa: B023
        # Those that began before it was known to hang, and a few that tried.
        assert cluster.asked <= SLOTS + 2
        await here.controller.close()


async def test_applications_on_a_cluster_whose_secret_says_so_are_left_alone() -> None:
    skip = {"argocd.argoproj.io/skip-reconcile": "true"}
    async with world(on_cluster("far", FAR), application("near", policy=AUTO)) as here:
        cluster = FakeCluster()
        cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}})
        with_far(here, cluster, **skip)
        here.controller.start()
        await until(lambda: synced(here, "near"))
        here.annotate("far", refresh="normal")
        here.controller.look_again("far", CompareLevel.LATEST)
        await asyncio.sleep(0.1)
        assert here.status("far") == {}
        here.clusters.replaced(SECRETS, ObjectList((secret(FAR),), "2"))
        await until(lambda: synced(here, "far"))
        await here.controller.close()
