"""The health of objects that the stored status leaves out."""

from __future__ import annotations

from typing import Any

from tests.cli.world import app
from tests.fakes.evaluator import FakeEvaluator
from tests.fakes.kube import FakeCluster
from tiphys.core.settings.overrides import HealthScript, ResourceOverrides
from tiphys.model.application import Application, ResourceHealthStatus
from tiphys.model.errors import KubeUnreachableError
from tiphys.model.resource import GroupKind
from tiphys.model.status import HealthCode, HealthStatus
from tiphys.services.applications.health import with_health
from tiphys.services.applications.tree import live_tree
from tiphys.services.live.judging import HealthScripts


def resource(kind: str, name: str, status: str = "Synced", **parts: Any) -> dict[str, Any]:
    return {"version": "v1", "kind": kind, "namespace": "demo", "name": name,
            "status": status, **parts}  # fmt: skip


def stored(*resources: dict[str, Any], source: str = "appTree") -> Application:
    return Application(
        app("a", status={"resources": list(resources), "resourceHealthSource": source})
    )


def live(kind: str, name: str, **parts: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "demo"}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **parts}


async def shown(cluster: FakeCluster, application: Application) -> list[str | None]:
    filled = await with_health(application, cluster, cluster)
    return [item.health.status if item.health else None for item in filled.status.resources]


async def test_health_is_judged_from_what_is_live() -> None:
    cluster = FakeCluster()
    cluster.seed(live("Service", "ui"), live("ConfigMap", "new"))
    application = stored(
        resource("Service", "ui"),
        resource("Service", "gone"),
        resource("ConfigMap", "same"),
        resource("ConfigMap", "new", "OutOfSync"),
        resource("Secret", "missing", "OutOfSync"),
        resource("Widget", "unknown", "OutOfSync"),
    )
    assert await shown(cluster, application) == [
        "Healthy", "Missing", None, None, "Missing", "Missing",
    ]  # fmt: skip
    asked = [key.name for verb, key in cluster.calls if verb == "get"]
    assert asked == ["ui", "gone", "new", "missing"]


async def test_what_is_stored_inline_is_not_asked_for() -> None:
    cluster = FakeCluster()
    inline = stored(resource("Service", "ui"), source="")
    assert await with_health(inline, cluster, cluster) is inline
    known = stored(resource("Service", "ui", health={"status": "Degraded"}))
    assert await shown(cluster, known) == ["Degraded"]
    assert cluster.calls == []


async def test_without_the_right_to_read_there_is_no_health() -> None:
    cluster = FakeCluster()
    cluster.forbidden.add(GroupKind("", "Service"))
    assert await shown(cluster, stored(resource("Service", "ui"))) == [None]


async def test_the_reason_comes_along_and_the_stored_object_stays() -> None:
    cluster = FakeCluster()
    cluster.seed(live("Service", "ui", spec={"type": "LoadBalancer"}))
    application = stored(resource("Service", "ui"))
    filled = await with_health(application, cluster, cluster)
    (item,) = filled.status.resources
    assert isinstance(item.health, ResourceHealthStatus)
    assert item.health.status == "Progressing"
    assert application.status.resources[0].health is None


async def test_of_a_cluster_that_is_away_there_is_no_health() -> None:
    cluster = FakeCluster([])
    cluster.fail = lambda _verb, _key: KubeUnreachableError("nobody is there")
    assert await shown(cluster, stored(resource("Service", "ui"))) == [None]


def scripts(evaluator: FakeEvaluator) -> HealthScripts:
    script = HealthScript(group="", kind="ConfigMap", script="it is bad")
    overrides = ResourceOverrides(health=(script,))
    evaluator.scripts = {"it is bad": lambda _: HealthStatus(HealthCode.DEGRADED, "bad")}
    return HealthScripts(evaluator, lambda: overrides)


async def test_kinds_with_a_script_are_judged_by_it() -> None:
    cluster, evaluator = FakeCluster(), FakeEvaluator()
    cluster.seed(live("Service", "ui"), live("ConfigMap", "bad"))
    application = stored(resource("Service", "ui"), resource("ConfigMap", "bad"))
    filled = await with_health(application, cluster, cluster, scripts(evaluator))
    assert [item.health for item in filled.status.resources] == [
        ResourceHealthStatus(status="Healthy"),
        ResourceHealthStatus(status="Degraded", message="bad"),
    ]
    evaluator.broken = True
    filled = await with_health(application, cluster, cluster, scripts(evaluator))
    shown = [item.health for item in filled.status.resources]
    assert [one and one.status for one in shown] == ["Healthy", "Unknown"]


async def test_the_tree_is_judged_by_scripts_too() -> None:
    cluster = FakeCluster()
    cluster.seed(live("ConfigMap", "bad"))
    application = stored(resource("ConfigMap", "bad"))
    (node,) = await live_tree(application, cluster, cluster, scripts(FakeEvaluator()))
    assert node.health == HealthStatus(HealthCode.DEGRADED, "bad")
