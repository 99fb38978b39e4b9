"""What a project forbids, and what it wants to know of."""

from __future__ import annotations

from typing import Any

from tests.services.reconcile.world import AUTO, World, application, until, world
from tiphys.model.appproject import AppProject
from tiphys.model.status import CompareLevel

OPEN: dict[str, Any] = {
    "sourceRepos": ["*"],
    "destinations": [{"server": "*", "namespace": "*"}],
    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
}


def allow(here: World, **spec: Any) -> None:
    here.projects["default"] = AppProject({"metadata": {"name": "default"}, "spec": OPEN | spec})


def config_map(name: str, namespace: str = "demo", **meta: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, **meta},
    }


def warnings(here: World) -> list[str]:
    return [
        one["message"]
        for one in here.status().get("conditions", [])
        if one["type"] == "OrphanedResourceWarning"
    ]


def tracked(name: str, app: str) -> dict[str, str]:
    return {"argocd.argoproj.io/tracking-id": f"{app}:/ConfigMap:demo/{name}"}


async def test_orphans_are_told_and_forgotten() -> None:
    async with world(application()) as here:
        allow(
            here, orphanedResources={"warn": True, "ignore": [{"kind": "ConfigMap", "name": "x*"}]}
        )
        here.seed(
            config_map("left"),
            config_map("x-ignored"),
            config_map("kube-root-ca.crt"),
            config_map("elsewhere", "other"),
            config_map("mine", annotations=tracked("mine", "web")),
            # Its application is gone.
            config_map("widow", annotations=tracked("widow", "late")),
        )
        await until(lambda: len(here.index.namespaced("demo")) == 5)
        await here.refresh()
        assert warnings(here) == ["Application has 2 orphaned resources"]
        await here.refresh(CompareLevel.TREE_ONLY)
        assert warnings(here) == ["Application has 2 orphaned resources"]
        allow(here, orphanedResources={"warn": True, "ignore": [{"kind": "ConfigMap"}]})
        await here.refresh(CompareLevel.TREE_ONLY)
        assert warnings(here) == []


async def test_orphans_are_only_told_where_it_is_asked_for() -> None:
    async with world(application()) as here:
        here.seed(config_map("left"))
        await until(lambda: here.index.namespaced("demo"))
        for monitor in (None, {}, {"warn": False}):
            allow(here, **({"orphanedResources": monitor} if monitor is not None else {}))
            await here.refresh(CompareLevel.RECENT)
            assert warnings(here) == []


async def test_what_the_project_does_not_permit_is_not_seen() -> None:
    async with world(application(policy=AUTO | {"automated": {"prune": True}})) as here:
        here.seed(config_map("old", annotations=tracked("old", "web")))
        await until(lambda: here.index.tracked("web"))
        await here.refresh()
        assert any(one["name"] == "old" for one in here.status()["resources"])
        allow(here, namespaceResourceBlacklist=[{"group": "", "kind": "ConfigMap"}])
        await here.refresh(CompareLevel.LATEST)
        assert not any(one["name"] == "old" for one in here.status()["resources"])


async def test_a_kind_that_is_not_permitted_is_unknown() -> None:
    async with world(application()) as here:
        await here.refresh()
        before = {one["status"] for one in here.status()["resources"]}
        assert before == {"OutOfSync"}
        allow(here, namespaceResourceWhitelist=[])
        await here.refresh(CompareLevel.LATEST)
        assert {one["status"] for one in here.status()["resources"]} == {"Unknown"}
        # The application's own status still counts them.
        assert here.status()["sync"]["status"] == "OutOfSync"


async def test_a_destination_that_is_not_permitted_is_a_condition() -> None:
    async with world(application()) as here:
        allow(here, destinations=[{"server": "*", "namespace": "other"}])
        await here.refresh()
        (condition,) = here.status()["conditions"]
        assert condition["type"] == "InvalidSpecError"
        assert condition["message"] == (
            "application destination server 'https://kubernetes.default.svc' and namespace 'demo' "
            "do not match any of the allowed destinations in project 'default'"
        )
        assert here.status()["sync"]["status"] == "Unknown"


async def test_what_is_not_permitted_hides_what_is_below() -> None:
    async with world(application()) as here:
        below = {"apiVersion": "v1", "kind": "ConfigMap", "name": "mine", "uid": "u-mine"}
        here.seed(
            config_map("mine", uid="u-mine", annotations=tracked("mine", "web")),
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "p", "namespace": "demo", "ownerReferences": [below]},
                "spec": {"containers": [{"name": "c", "image": "i:1"}]},
            },
        )
        await until(lambda: here.index.dependants("u-mine"))
        await here.refresh()
        assert here.status()["summary"]["images"] == ["i:1"]
        allow(here, namespaceResourceBlacklist=[{"group": "", "kind": "Pod"}])
        await here.refresh(CompareLevel.TREE_ONLY)
        assert "images" not in here.status()["summary"]
