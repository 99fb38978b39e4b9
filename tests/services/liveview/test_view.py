"""What the controller shows of its index."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.services.liveview.world import config_map, pod, view_of
from tests.services.reconcile.world import PROJECT, application, until, world
from tiphys.model.appproject import AppProject
from tiphys.model.resource import ResourceKey

ROOT = config_map("root")


def names(tree: Any, part: str = "nodes") -> list[str]:
    return [one["name"] for one in tree.get(part, ())]


async def test_nothing_is_shown_before_a_comparison() -> None:
    async with world(application()) as here:
        view = view_of(here)
        assert await view.tree("argocd", "web") is None
        assert await view.managed("argocd", "web") is None
        assert view.managed_version("argocd", "web") == ""
        assert await view.tree("argocd", "other") is None
        assert view.managed_version("argocd", "other") == ""


async def test_a_tree_with_what_is_below_and_what_is_missing() -> None:
    neighbour = pod("neighbour", config_map("other"))
    async with world(application(), ROOT, pod("p", ROOT), neighbour) as here:
        await here.refresh()
        view = view_of(here)
        tree = await view.tree("", "web")
        assert tree is not None
        shown = {one["name"]: one for one in tree["nodes"]}
        assert set(shown) >= {"root", "p"}
        assert shown["p"]["parentRefs"][0]["uid"] == "uid-root"
        missing = [one for one in tree["nodes"] if "uid" not in one]
        assert all(one["health"] == {"status": "Missing"} for one in missing)
        assert missing
        # Nodes are not served here: there is nothing to be told of hosts.
        assert "hosts" not in tree
        assert here.index.requested("n1") == {"cpu": 2000, "memory": 0}


async def test_who_only_claims_an_owner_is_not_below_it() -> None:
    elsewhere = pod("elsewhere", ROOT, namespace="other")
    liar = pod("liar", {"kind": "ConfigMap", "metadata": {"name": "else", "uid": "uid-root"}})
    async with world(application(), ROOT, pod("p", ROOT), elsewhere, liar) as here:
        await here.refresh()
        tree = await view_of(here).tree("", "web")
        assert tree is not None
        assert "p" in names(tree)
        assert not {"elsewhere", "liar"} & set(names(tree))


async def test_what_the_project_forbids_hides_what_is_below() -> None:
    async with world(application(), ROOT, pod("p", ROOT)) as here:
        await here.refresh()
        spec = {**PROJECT.raw["spec"], "namespaceResourceBlacklist": [{"group": "", "kind": "Pod"}]}
        here.projects["default"] = AppProject({**PROJECT.raw, "spec": spec})
        tree = await view_of(here).tree("", "web")
        assert "p" not in names(tree)
        here.projects.clear()
        here.rules.forget()
        assert await view_of(here).tree("", "web") == {}


async def test_orphans_are_shown_where_the_project_asks() -> None:
    lonely = config_map("lonely", tracked=False)
    async with world(application(), ROOT, lonely, pod("below", lonely)) as here:
        await here.refresh()
        assert "orphanedNodes" not in (await view_of(here).tree("", "web") or {})
        spec = {**PROJECT.raw["spec"], "orphanedResources": {"warn": False}}
        here.projects["default"] = AppProject({**PROJECT.raw, "spec": spec})
        here.rules.forget()
        tree = await view_of(here).tree("", "web")
        assert {"lonely", "below"} <= set(names(tree, "orphanedNodes"))


async def test_managed_objects_with_both_sides() -> None:
    async with world(application(), ROOT) as here:
        await here.refresh()
        view = view_of(here)
        found = {one["name"]: one for one in await view.managed("", "web") or ()}
        root = found.pop("root")
        assert json.loads(root["liveState"])["data"] == {"a": "1"}
        assert root["targetState"] == "null"
        assert root["modified"] is True
        assert root["resourceVersion"]
        (missing,) = found.values()
        assert missing["liveState"] == "null"
        assert json.loads(missing["targetState"])["kind"] == missing["kind"]
        version = view.managed_version("", "web")
        assert version == view.managed_version("", "web")
        here.cluster.change({**here.live("root"), "data": {"a": "2"}})
        await until(lambda: view.managed_version("", "web") != version)


async def test_secrets_leave_masked() -> None:
    secret = {**config_map("root"), "kind": "Secret", "data": {"p": "c2VjcmV0"}}
    secret["metadata"] = {
        **secret["metadata"],
        "annotations": {"argocd.argoproj.io/tracking-id": "web:/Secret:demo/root"},
    }
    async with world(application(), secret) as here:
        await here.refresh()
        text = json.dumps(await view_of(here).managed("", "web"))
        assert "root" in text
        assert "c2VjcmV0" not in text


async def test_a_cluster_that_nobody_uses_is_not_connected_for_this() -> None:
    async with world(application()) as here:
        view = view_of(here)
        info = await view.cluster_info("https://kubernetes.default.svc")
        assert info is not None
        assert info["connectionState"]["status"] == "Successful"
        assert info["cacheInfo"]["resourcesCount"] > 0
        assert await view.cluster_info("https://elsewhere") is None


async def test_trees_are_pushed_to_who_listens() -> None:
    async with world(application(), ROOT) as here:
        await here.refresh()
        view = view_of(here)
        assert view.pushes.listened == 0
        one, two = view.trees("", "web"), view.trees("argocd", "web")
        first = asyncio.ensure_future(anext(one))
        second = asyncio.ensure_future(anext(two))
        await until(lambda: view.pushes.listened == 1)
        await asyncio.sleep(0)
        here.cluster.seed(pod("p", ROOT))
        async with asyncio.timeout(5):
            assert "p" in names(await first)
            assert await second == await first
        # What changes nothing is not told again; what does, is.
        view.pushes.touched("web")
        third = asyncio.ensure_future(anext(one))
        await asyncio.sleep(0.3)
        assert not third.done()
        here.cluster.vanish(ResourceKey("", "Pod", "demo", "p"))
        async with asyncio.timeout(5):
            assert "p" not in names(await third)
        await one.aclose()  # type: ignore[attr-defined]
        await two.aclose()  # type: ignore[attr-defined]
        assert view.pushes.listened == 0


async def test_trees_end_with_the_application() -> None:
    async with world(application(), ROOT) as here:
        await here.refresh()
        view = view_of(here)
        listening = asyncio.ensure_future(anext(view.trees("", "web"), None))
        await until(lambda: view.pushes.listened == 1)
        await asyncio.sleep(0)
        here.cluster.vanish(ResourceKey("argoproj.io", "Application", "argocd", "web"))
        await until(lambda: here.store.get("web") is None)
        view.pushes.touched("web")
        async with asyncio.timeout(5):
            assert await listening is None
