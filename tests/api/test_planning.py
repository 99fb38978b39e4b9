"""The plan of a sync: what it would do, in order, with reasons, and without doing any of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.applications import Api, value_of
from tests.cli.world import COMMIT, app, project
from tiphys.api.calls import Call
from tiphys.api.handlers.planning import plan_routes
from tiphys.model.errors import ApiCode, ApiError

TRACKING = "argocd.argoproj.io/tracking-id"
WRITES = {"create", "update", "patch", "delete"}


def thing(kind: str, name: str, *, group: str = "", **more: Any) -> dict[str, Any]:
    annotations = more.pop("annotations", {})
    metadata = {"name": name, "namespace": "demo", "annotations": annotations}
    version = "apps/v1" if group == "apps" else "v1"
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def live(manifest: dict[str, Any]) -> dict[str, Any]:
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    annotations = {**manifest["metadata"]["annotations"], TRACKING: f"a:/{kind}:demo/{name}"}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}


@pytest.fixture
async def api() -> Api:
    found = Api()
    found.cluster.seed(
        project(),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}},
        live(thing("ConfigMap", "same", data={"a": "1"})),
        live(thing("ConfigMap", "other", data={"a": "old"})),
        live(thing("ConfigMap", "gone", data={})),
        live(thing("Secret", "secret", data={"password": "b2xk"})),
    )
    resources = [
        {"version": "v1", "kind": kind, "namespace": "demo", "name": name, "status": "Synced"}
        for kind, name in (("ConfigMap", "gone"), ("Secret", "secret"))
    ]
    found.cluster.seed(app("a", status={"resources": resources}))
    found.sources.manifests = [
        thing("ConfigMap", "same", data={"a": "1"}),
        thing("ConfigMap", "other", data={"a": "new"}),
        thing("ConfigMap", "new", annotations={"argocd.argoproj.io/sync-wave": "1"}),
        thing("Secret", "secret", data={"password": "bmV3"}),
        thing("ConfigMap", "before", annotations={"argocd.argoproj.io/hook": "PreSync"}),
    ]
    found.access.allow("applications get default/*")
    await found.heard()
    return found


async def planned(api: Api, **asked: Any) -> Any:
    (route,) = plan_routes(api.calls)
    assert (route.verb, route.template) == ("POST", "/api/v1/applications/{name}/plan")
    call = Call(caller=api.caller, query={})
    return value_of(await route.handler.run(call, {"name": "a", **asked}))


async def test_a_plan_is_what_a_sync_would_do(api: Api) -> None:
    api.cluster.calls.clear()
    found = await planned(api, prune=True)
    steps = [(one["action"], one["phase"], one["wave"], one["name"]) for one in found["steps"]]
    assert steps[0] == ("run", "PreSync", 0, "before")
    assert steps[-1] == ("create", "Sync", 1, "new")
    assert {name: action for action, _, _, name in steps} == {
        "before": "run",
        "same": "unchanged",
        "other": "change",
        "new": "create",
        "secret": "change",
        "gone": "prune",
    }
    assert [one["order"] for one in found["steps"]] == [1, 2, 3, 4, 5, 6]
    assert found["revisions"] == [COMMIT]
    assert found["problems"] == []
    assert found["counts"] == {"run": 1, "unchanged": 1, "change": 2, "create": 1, "prune": 1}
    assert all(one["reason"] for one in found["steps"])
    # Nothing is written, neither there nor to the application.
    assert WRITES.isdisjoint(verb for verb, _ in api.cluster.calls)
    assert not api.audit.told


async def test_each_change_says_which_fields(api: Api) -> None:
    found = await planned(api)
    (change,) = [one for one in found["steps"] if one["name"] == "other"]
    (difference,) = change["differences"]
    assert (difference["field"], difference["live"], difference["desired"]) == (
        "data.a",
        "old",
        "new",
    )
    assert change["liveState"]["data"] == {"a": "old"}
    assert change["targetState"]["data"] == {"a": "new"}


async def test_no_secret_leaves_with_it(api: Api) -> None:
    text = json.dumps(await planned(api))
    assert "secret" in text
    for value in ("b2xk", "bmV3"):
        assert value not in text


async def test_what_is_not_pruned_says_why(api: Api) -> None:
    found = await planned(api)
    (kept,) = [one for one in found["steps"] if one["name"] == "gone"]
    assert kept["action"] == "keep"
    assert "prun" in kept["reason"]


async def test_what_is_asked_for_counts(api: Api) -> None:
    only = [{"kind": "ConfigMap", "name": "other", "namespace": "demo"}]
    found = await planned(api, resources=only)
    assert [one["name"] for one in found["steps"]] == ["other"]
    out_of_sync = await planned(api, syncOptions={"items": ["ApplyOutOfSyncOnly=true"]})
    (same,) = [one for one in out_of_sync["steps"] if one["name"] == "same"]
    assert same["reason"] == "only what differs is applied"
    no_hooks = await planned(api, strategy={"apply": {}})
    assert "run" not in no_hooks["counts"]


async def test_what_would_stop_the_sync_is_told(api: Api) -> None:
    strict = project(namespaceResourceBlacklist=[{"group": "", "kind": "Secret"}])
    api.cluster.seed(strict)
    await api.heard()
    found = await planned(api)
    assert any("Secret" in problem for problem in found["problems"])


async def test_a_namespace_that_the_sync_creates_is_part_of_it(api: Api) -> None:
    from tiphys.model.resource import ResourceKey

    api.cluster.vanish(ResourceKey("", "Namespace", "", "demo"))
    found = await planned(api, syncOptions={"items": ["CreateNamespace=true"]})
    first = next(one for one in found["steps"] if one["kind"] == "Namespace")
    assert (first["action"], first["name"]) == ("create", "demo")
    assert first["reason"] == "the destination namespace is not there yet"


async def test_objects_of_others_are_none_of_it(api: Api) -> None:
    other = thing("ConfigMap", "gone", annotations={TRACKING: "b:/ConfigMap:demo/gone"})
    api.cluster.change(other)
    found = await planned(api, prune=True)
    assert "gone" not in {one["name"] for one in found["steps"]}


async def test_who_may_not_see_it_may_not_plan_it(api: Api) -> None:
    api.access.deny("applications get default/*")
    with pytest.raises(ApiError) as caught:
        await planned(api)
    assert caught.value.code is ApiCode.PERMISSION_DENIED


async def test_what_does_not_count_is_refused(api: Api) -> None:
    with pytest.raises(ApiError) as caught:
        await planned(api, manifests=["{}"])
    assert str(caught.value) == "manifests is nothing that a plan knows"
