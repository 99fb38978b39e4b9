"""Which kinds the index watches, and when its knowledge of one is complete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.fakes.kube import CONFIG_MAPS, CRDS, FakeCluster, api
from tests.services.live.build import (
    CONFIG_MAP,
    DEPLOYMENT,
    KEY,
    Heard,
    config_map,
    deployment,
    indexed,
    settle,
    until,
)
from tiphys.model.errors import (
    ForbiddenError,
    KubeError,
    KubeUnreachableError,
    ResourceGoneError,
)
from tiphys.model.live import LiveChange, PatchKind, WatchState
from tiphys.model.names import ANNOTATION_TRACKING_ID
from tiphys.model.resource import GroupKind, ResourceKey, key_of


async def test_excluded_kinds_are_not_watched(cluster: FakeCluster) -> None:
    async with indexed(cluster, excluded=lambda kind: kind == DEPLOYMENT):
        watched = {key.kind for verb, key in cluster.calls if verb == "list"}
        assert "ConfigMap" in watched
        assert not watched & {"Event", "Deployment"}


async def test_another_rule_of_exclusion_holds_at_once(cluster: FakeCluster) -> None:
    cluster.seed(config_map("web", app="guestbook"))
    async with indexed(cluster) as index:
        index.exclude(lambda kind: kind == CONFIG_MAP)
        assert index.get(KEY) is None
        assert not index.complete([CONFIG_MAP])
        index.exclude(lambda kind: False)
        await until(lambda: index.complete([CONFIG_MAP]))
        assert index.get(KEY) is not None


async def test_a_kind_is_complete_while_its_watch_stands(cluster: FakeCluster) -> None:
    now = [0.0]
    async with indexed(cluster, clock=lambda: now[0]) as index:
        assert index.complete([CONFIG_MAP, DEPLOYMENT])
        assert not index.complete([CONFIG_MAP, GroupKind("example.com", "Widget")])
        down = KubeUnreachableError("down", status=503)
        cluster.fail = lambda verb, key: down if key.kind == "ConfigMap" else None
        cluster.cut_watches()
        await until(index.troubled)
        assert index.troubled() == {CONFIG_MAP: WatchState.FAILING}
        now[0] = 14.0
        assert index.complete([CONFIG_MAP])
        now[0] = 16.0
        assert not index.complete([CONFIG_MAP])
        assert index.complete([DEPLOYMENT])
        cluster.fail = lambda verb, key: None
        await until(lambda: index.complete([CONFIG_MAP]))


@pytest.mark.parametrize(
    "lost", [ResourceGoneError("expired", status=410), ForbiddenError("no", status=403)]
)
async def test_a_kind_whose_list_was_lost_is_complete_only_after_another(
    cluster: FakeCluster, lost: KubeError
) -> None:
    now = [0.0]
    async with indexed(cluster, clock=lambda: now[0]) as index:
        down = KubeUnreachableError("down", status=503)

        def fail(verb: str, key: ResourceKey) -> KubeError | None:
            if key.kind != "ConfigMap":
                return None
            return lost if verb == "watch" else down

        cluster.fail = fail
        cluster.cut_watches()
        await until(lambda: not index.complete([CONFIG_MAP]))
        if isinstance(lost, ResourceGoneError):
            await until(lambda: index.troubled() == {CONFIG_MAP: WatchState.FAILING})
            assert not index.complete([CONFIG_MAP])
            cluster.fail = lambda verb, key: None
            await until(lambda: index.complete([CONFIG_MAP]))


async def test_a_forbidden_kind_is_not_complete_and_keeps_none_waiting(
    cluster: FakeCluster,
) -> None:
    cluster.forbidden.add(CONFIG_MAP)
    async with indexed(cluster) as index:
        assert index.troubled() == {CONFIG_MAP: WatchState.FORBIDDEN}
        assert not index.complete([CONFIG_MAP])
        with pytest.raises(ForbiddenError):
            await index.manifest(KEY)


def definition(*versions: str) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": version} for version in versions],
        },
        "status": {"conditions": [{"type": "Established", "status": "True"}]},
    }


WIDGET = GroupKind("example.com", "Widget")
WIDGET_KEY = ResourceKey("example.com", "Widget", "shop", "w")


def widget(version: str = "v1") -> dict[str, Any]:
    return {
        "apiVersion": f"example.com/{version}",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": "shop"},
    }


async def test_a_new_kind_is_watched_and_a_gone_one_dropped(cluster: FakeCluster) -> None:
    kinds: list[frozenset[GroupKind]] = []
    async with indexed(cluster) as index:
        index.subscribe_kinds(kinds.append)
        heard = Heard(index)
        cluster.seed(definition("v1"))
        await until(lambda: index.complete([WIDGET]))
        cluster.seed(widget())
        await until(lambda: heard.of(WIDGET_KEY))
        cluster.vanish(key_of(definition()))
        await until(lambda: index.get(WIDGET_KEY) is None)
        assert not index.complete([WIDGET])
        await until(lambda: heard.of(WIDGET_KEY)[-1].new is None)
    assert [WIDGET in batch for batch in kinds] == [True, True]


async def test_a_kind_whose_preferred_version_moves_is_watched_in_it(cluster: FakeCluster) -> None:
    cluster.seed(definition("v1alpha1"), widget("v1alpha1"))
    async with indexed(cluster) as index:
        assert (found := index.get(WIDGET_KEY))
        assert found.version == "v1alpha1"
        crd = definition("v1", "v1alpha1")
        crd["metadata"]["generation"] = 2
        cluster.objects[WIDGET_KEY] = {
            **cluster.objects[WIDGET_KEY],
            "apiVersion": "example.com/v1",
        }
        cluster.change(crd)
        await until(lambda: (found := index.get(WIDGET_KEY)) and found.version == "v1")
        await until(lambda: index.complete([WIDGET]))


async def test_discovery_that_fails_is_asked_again(cluster: FakeCluster) -> None:
    async with indexed(cluster) as index:
        failures = [KubeUnreachableError("down"), KubeUnreachableError("down")]
        cluster.fail = lambda verb, key: failures.pop() if verb == "discover" and failures else None
        cluster.seed(definition("v1"))
        await until(lambda: index.complete([WIDGET]))
        assert failures == []


async def test_a_change_of_a_definition_names_its_kind(cluster: FakeCluster) -> None:
    cluster.seed(definition("v1"))
    kinds: list[frozenset[GroupKind]] = []
    async with indexed(cluster) as index:
        index.subscribe_kinds(kinds.append)
        crd = definition("v1")
        crd["metadata"]["generation"] = 2
        cluster.change(crd)
        await until(lambda: kinds)
    assert kinds == [frozenset({WIDGET})]


async def test_a_failing_listener_keeps_none_from_hearing(cluster: FakeCluster) -> None:
    def fails(batch: Sequence[LiveChange]) -> None:
        raise RuntimeError("a fault")

    async with indexed(cluster) as index:
        await settle()
        index.subscribe(fails)
        heard = Heard(index)
        cluster.seed(config_map("web"))
        await until(lambda: heard.of(KEY))


async def test_another_version_of_a_write_is_left_to_the_watch(cluster: FakeCluster) -> None:
    async with indexed(cluster) as index:
        index.observe({**deployment("web", app="guestbook"), "apiVersion": "apps/v1beta1"})
        assert index.tracked("guestbook") == []


async def test_a_tracked_object_that_loses_its_annotation_leaves_the_application(
    cluster: FakeCluster,
) -> None:
    cluster.seed(config_map("web", app="guestbook"))
    async with indexed(cluster) as index:
        answer = await cluster.patch(
            CONFIG_MAPS,
            "shop",
            "web",
            PatchKind.MERGE,
            {"metadata": {"annotations": {ANNOTATION_TRACKING_ID: None}}},
        )
        index.observe(answer)
        assert index.tracked("guestbook") == []
        assert CRDS.group_kind != CONFIG_MAP


async def test_an_aggregated_service_that_becomes_available_is_asked_about(
    cluster: FakeCluster,
) -> None:
    services = api("apiregistration.k8s.io", "v1", "APIService", "apiservices", namespaced=False)
    cluster.resources.append(services)
    service: dict[str, Any] = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1.things.example.com"},
        "spec": {"service": {"name": "things"}},
    }
    cluster.seed(service)
    things = api("things.example.com", "v1", "Thing", "things")
    async with indexed(cluster) as index:
        cluster.resources.append(things)
        available = {"conditions": [{"type": "Available", "status": "True"}]}
        cluster.change({**service, "status": available})
        await until(lambda: index.complete([things.group_kind]))


async def test_definitions_that_went_while_the_watch_was_down_are_noticed(
    cluster: FakeCluster,
) -> None:
    cluster.seed(definition("v1"))
    async with indexed(cluster) as index:
        assert index.complete([WIDGET])
        cluster.cut_watches()
        cluster.vanish(key_of(definition()))
        cluster.compact()
        await until(lambda: index.troubled().get(WIDGET) is None and not index.complete([WIDGET]))


async def test_a_fault_of_ours_on_one_kind_leaves_the_others(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tiphys.services.live.following._AFTER_A_FAULT", 0.01)
    faults = [RuntimeError("a fault"), RuntimeError("a fault")]

    def failing(verb: str, key: ResourceKey) -> None:
        if verb == "watch" and key.kind == "ConfigMap" and faults:
            raise faults.pop()

    cluster.fail = failing
    async with indexed(cluster) as index:
        await until(lambda: not faults and index.complete([CONFIG_MAP, DEPLOYMENT]))
