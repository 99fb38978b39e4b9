"""The default project, and the end of projects."""

import asyncio
from typing import Any

import pytest

from tests.fakes.kube import FakeCluster
from tiphys.model.appproject import AppProject
from tiphys.model.errors import ForbiddenError, KubeUnreachableError
from tiphys.model.names import API_GROUP
from tiphys.model.resource import ResourceKey
from tiphys.services.projects.surroundings import PROJECTS
from tiphys.services.projects.upkeep import ProjectUpkeep

FINALIZER = "resources-finalizer.argocd.argoproj.io"


def key(name: str) -> ResourceKey:
    return ResourceKey(API_GROUP, "AppProject", "argocd", name)


class World:
    def __init__(self) -> None:
        self.cluster = FakeCluster([PROJECTS])
        self.users: list[str] = []
        self.upkeep = ProjectUpkeep(
            self.cluster, self.find, lambda _name: self.users, namespace="argocd", retry=0.001
        )

    def find(self, name: str) -> AppProject | None:
        found = self.cluster.objects.get(key(name))
        return None if found is None else AppProject(found)

    def seed(self, **meta: Any) -> None:
        self.cluster.seed(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "AppProject",
                "metadata": {"name": "team", "namespace": "argocd", "uid": "u", **meta},
                "spec": {},
            }
        )

    def finalizers(self) -> list[str]:
        found = self.cluster.objects.get(key("team"))
        return list(found["metadata"].get("finalizers") or ()) if found else []

    async def look(self) -> None:
        self.upkeep.look("team")
        for _ in range(50):
            await asyncio.sleep(0.001)


async def test_the_default_project_is_made_once() -> None:
    here = World()
    await here.upkeep.ensure_default()
    made = here.find("default")
    assert made is not None
    assert made.to_manifest()["spec"] == {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    }
    latest = here.cluster.latest
    await here.upkeep.ensure_default()
    assert here.cluster.latest == latest


async def test_without_the_right_to_make_it_all_else_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuses(*_: object, **__: object) -> None:
        raise ForbiddenError("no")

    here = World()
    monkeypatch.setattr(here.cluster, "create", refuses)
    await here.upkeep.ensure_default()
    assert here.find("default") is None


async def test_a_project_goes_when_nobody_uses_it() -> None:
    here = World()
    here.seed(finalizers=["other", FINALIZER], deletionTimestamp="2026-01-01T00:00:00Z")
    here.users = ["web"]
    await here.look()
    assert FINALIZER in here.finalizers()
    here.users = []
    await here.look()
    assert here.finalizers() == ["other"]


async def test_a_project_that_is_not_deleted_keeps_its_finalizer() -> None:
    here = World()
    here.seed(finalizers=[FINALIZER])
    await here.look()
    assert here.finalizers() == [FINALIZER]


async def test_it_is_tried_again_when_the_server_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    here = World()
    here.seed(finalizers=[FINALIZER, "other"], deletionTimestamp="2026-01-01T00:00:00Z")
    patch = here.cluster.patch
    calls = 0

    async def fails_once(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise KubeUnreachableError("away")
        return await patch(*args, **more)

    monkeypatch.setattr(here.cluster, "patch", fails_once)
    await here.look()
    assert calls == 2
    assert here.finalizers() == ["other"]
    await here.upkeep.close()
