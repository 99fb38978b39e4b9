"""What belongs to others, or is out of bounds, stays as it is however it comes within reach."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.fakes.kube import SECRETS
from tests.services.reconcile.test_deletehooks import (
    POST,
    PRE,
    created,
    going,
    hook,
    settled,
    step,
    with_manifests,
)
from tests.services.reconcile.test_deletion import FINALIZER, config_map, deleted
from tests.services.reconcile.test_operation import with_hook
from tests.services.reconcile.world import (
    NAMESPACE,
    PROJECT,
    World,
    application,
    complete,
    job,
    key,
    until,
    world,
)
from tiphys.core.settings.clustersecret import cluster_secret
from tiphys.model.appproject import AppProject
from tiphys.model.cluster import Cluster
from tiphys.model.live import ObjectList
from tiphys.model.resource import ResourceKey
from tiphys.model.status import CompareLevel
from tiphys.services.reconcile.again import Again

TRACKING = "argocd.argoproj.io/tracking-id"


def narrow(here: World, **spec: Any) -> None:
    here.projects["default"] = AppProject({**PROJECT.raw, "spec": {**PROJECT.raw["spec"], **spec}})


def said(here: World) -> str:
    return str(here.status()["conditions"][0]["message"])


async def test_what_another_application_took_over_meanwhile_is_not_pruned() -> None:
    async with world(application(), config_map("old")) as here:
        with_hook(here, job(phase="PreSync"))
        here.ask()
        await until(lambda: here.app().operation is not None)
        begun = here.operator.operate("web")
        running = asyncio.create_task(begun)
        await until(lambda: here.live("migrate", "Job"))
        taken = here.live("old")
        notes = {**taken["metadata"]["annotations"], TRACKING: "other:/ConfigMap:demo/old"}
        here.cluster.change({**taken, "metadata": {**taken["metadata"], "annotations": notes}})
        await until(lambda: here.index.tracked("other"))
        complete(here)
        await running
        assert here.live("old") is not None
        assert deleted(here) == []
        assert "no longer tracked by the application" in here.state()["message"]


async def test_a_copy_of_a_delete_hook_is_not_cleaned_up() -> None:
    async with world(going(POST, POST + "/cleanup")) as here:
        with_manifests(here, hook("bye", "PostDelete", "HookSucceeded"))
        await step(here)
        copy = here.live("bye", "Job")["metadata"]["annotations"]
        here.seed(
            {**job("copy"), "metadata": {"name": "copy", "namespace": "demo", "annotations": copy}}
        )
        await until(lambda: len(here.index.tracked("web")) == 2)
        complete(here, "bye")
        complete(here, "copy")
        await settled(here, "bye")
        await settled(here, "copy")
        while key("web") in here.cluster.objects:
            await step(here)
        assert here.live("bye", "Job") is None
        assert here.live("copy", "Job") is not None


async def test_nothing_is_deleted_on_a_cluster_that_the_project_does_not_permit() -> None:
    """Objects without a namespace are in no destination's namespace, but on its cluster."""
    space = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "space", "annotations": {TRACKING: "web:/Namespace:demo/space"}},
    }
    async with world(going(FINALIZER), space) as here:
        narrow(here, destinations=[{"server": "https://elsewhere", "namespace": "*"}])
        while key("web") in here.cluster.objects:
            await step(here)
        assert deleted(here) == []
        assert ResourceKey("", "Namespace", "", "space") in here.cluster.objects


async def test_no_hook_of_a_source_that_the_project_does_not_permit_is_run() -> None:
    async with world(going(PRE)) as here:
        with_manifests(here, hook("check"))
        narrow(here, sourceRepos=["https://git.example.com/others"])
        assert await step(here) == Again(5.0)
        assert said(here) == (
            "error executing pre-delete hooks: application repo https://git.example.com/apps "
            "is not permitted in project 'default'"
        )
        assert created(here) == []


async def test_no_hook_is_run_in_a_namespace_that_is_not_managed() -> None:
    far = Cluster(server="https://kubernetes.default.svc", name="in-cluster", namespaces=("other",))
    async with world(going(PRE)) as here:
        with_manifests(here, hook("check"))
        here.clusters.replaced(SECRETS, ObjectList((secret_of(far),), "2"))
        await here.clusters.ready(far)
        assert await step(here) == Again(5.0)
        assert said(here) == (
            'error executing pre-delete hooks: namespace "demo" for Job "check" is not managed'
        )
        assert created(here) == []


def secret_of(cluster: Cluster) -> Any:
    made = cluster_secret(cluster, NAMESPACE)
    return {**made, "metadata": {**made["metadata"], "uid": "u-1", "resourceVersion": "1"}}


async def test_a_manifest_of_no_shape_is_told_by_the_application() -> None:
    async with world(application()) as here:
        with_manifests(here, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": 5}})
        await here.refresh()
        assert said(here) == (
            "Failed to load target state: failed to generate manifest for source 1 of 1: "
            "ConfigMap: metadata.name is not a text"
        )
        assert here.status()["sync"]["status"] == "Unknown"
        here.ask(manifests=['{"kind": "ConfigMap", "metadata": {"name": 5}}'])
        await until(lambda: here.app().operation is not None)
        await here.operator.operate("web")
        assert here.state()["message"].endswith("ConfigMap: metadata.name is not a text")


async def test_a_kind_that_nobody_watches_holds_up_no_deletion() -> None:
    """Its objects are compared one by one, and stay: nothing says which others there are."""
    known = {"resources": [{"version": "v1", "kind": "Event", "namespace": "demo", "name": "e"}]}
    async with world(going(FINALIZER, status=known), config_map("a")) as here:
        for _ in range(10):
            if key("web") in here.cluster.objects:
                await step(here)
        assert deleted(here) == ["a"]
        assert key("web") not in here.cluster.objects


async def test_a_fault_of_ours_is_told_by_the_application() -> None:
    async with world(application()) as here:
        await here.refresh()
        assert here.status()["sync"]["status"] == "OutOfSync"
        right = here.comparer.compare

        async def wrong(*_arguments: Any, **_more: Any) -> Any:
            raise TypeError("hunter2")

        here.comparer.compare = wrong  # type: ignore[method-assign]
        with pytest.raises(TypeError):
            await here.refresh(CompareLevel.RECENT)
        assert said(here) == "unexpected fault (TypeError); the log says more"
        assert here.status()["sync"]["status"] == "Unknown"
        here.comparer.compare = right  # type: ignore[method-assign]
        await here.refresh()
        assert "conditions" not in here.status()
        assert here.status()["sync"]["status"] == "OutOfSync"
