"""The methods on what is live: who may, what is shown, what is told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.api.live import LiveApi, asked, config_map, pod, secret
from tests.cli.world import app
from tiphys.model.errors import ApiCode, ApiError

PATCH = {"patch": '{"data": {"a": "2"}}', "patchType": "application/merge-patch+json"}


async def refused(api: LiveApi, method: str, /, **message: Any) -> tuple[ApiCode, str]:
    with pytest.raises(ApiError) as error:
        await api.run(method, **message)
    return error.value.code, str(error.value)


async def test_the_tree() -> None:
    api = await LiveApi().begin(config_map())
    found = await api.run("ResourceTree", applicationName="a")
    assert [one["name"] for one in found["nodes"]] == ["cm"]
    api.access.deny("*")
    denied = (ApiCode.PERMISSION_DENIED, "permission denied")
    for method, field in (
        ("ResourceTree", "applicationName"),
        ("ManagedResources", "applicationName"),
        ("ListResourceEvents", "name"),
        ("GetResource", "name"),
        ("ServerSideDiff", "appName"),
    ):
        assert await refused(api, method, **{field: "a"}) == denied


async def test_an_application_that_was_never_compared_is_compared_for_this() -> None:
    api = await LiveApi().begin(config_map())
    api.view.known = False
    assert (await api.run("ResourceTree", applicationName="a"))["nodes"]
    assert api.refreshed == ["argocd/a"]
    api.view.known = False
    assert (await api.run("ManagedResources", applicationName="a"))["items"]


async def test_one_that_cannot_be_compared_says_why() -> None:
    api = await LiveApi().begin()
    conditions = [
        {"type": "ComparisonError", "message": "no such branch"},
        {"type": "SyncError", "message": "other"},
        {"type": "InvalidSpecError", "message": "no path"},
    ]
    broken = app("a", status={"conditions": conditions})
    api.cluster.change(broken)
    await api.heard()
    api.view.known = False
    assert await refused(api, "ResourceTree", applicationName="a") == (
        ApiCode.UNKNOWN,
        "error getting cached app resource tree: "
        "ComparisonError: no such branch;InvalidSpecError: no path",
    )
    assert api.refreshed == []


async def test_trees_are_pushed_until_the_application_is_gone() -> None:
    api = await LiveApi().begin(config_map())
    stream = api.stream_of("WatchResourceTree", applicationName="a")
    api.view.pushed.put_nowait({"nodes": [{"name": "one"}]})
    assert await anext(stream) == {"nodes": [{"name": "one"}]}
    api.view.pushed.put_nowait(None)
    with pytest.raises(ApiError, match="error getting cached app resource tree"):
        await anext(stream)


@pytest.mark.parametrize(
    ("which", "names"),
    [
        ({}, ["cm", "token"]),
        ({"kind": "Secret"}, ["token"]),
        ({"name": "cm", "namespace": "demo"}, ["cm"]),
        ({"namespace": "other"}, []),
        ({"group": "apps"}, []),
    ],
)
async def test_managed_resources(which: dict[str, str], names: list[str]) -> None:
    api = await LiveApi().begin(config_map(), secret("YQ=="))
    api.view.diffs.append({"kind": "Job", "namespace": "demo", "name": "hook", "hook": True})
    found = await api.run("ManagedResources", applicationName="a", **which)
    assert [one["name"] for one in found.get("items", ())] == names


async def test_one_object() -> None:
    api = await LiveApi().begin(config_map(), secret("YQ=="))
    found = await api.manifest("GetResource", **asked(config_map()))
    assert found["data"] == {"a": "1"}
    hidden = await api.manifest("GetResource", **asked(secret("")))
    assert hidden["data"] == {"password": "++++++++"}


async def test_objects_elsewhere_are_not_found() -> None:
    other = config_map("other")
    api = await LiveApi().begin(config_map())
    api.cluster.seed(other)
    api.view.orphans.append({"kind": "ConfigMap", "namespace": "demo", "name": "other", "uid": "u"})
    absent = (
        ApiCode.INVALID_ARGUMENT,
        "ConfigMap  other not found as part of application a",
    )
    for method in ("GetResource", "PatchResource", "DeleteResource"):
        assert await refused(api, method, **asked(other, **PATCH)) == absent


async def test_an_object_is_patched_and_it_is_told() -> None:
    api = await LiveApi().begin(config_map(), secret("YQ=="))
    found = await api.manifest("PatchResource", **asked(config_map(), **PATCH))
    assert found["data"] == {"a": "2"}
    json_patch = json.dumps([{"op": "replace", "path": "/data/a", "value": "3"}])
    more = {"patch": json_patch, "patchType": "application/json-patch+json"}
    found = await api.manifest("PatchResource", **asked(config_map(), **more))
    assert found["data"] == {"a": "3"}
    hidden = await api.manifest("PatchResource", **asked(secret(""), **PATCH))
    assert set(hidden["data"]["a"]) == {"+"}
    assert api.audit.told == [
        ("a", "ResourceUpdated", "alice patched resource /ConfigMap 'cm'"),
        ("a", "ResourceUpdated", "alice patched resource /ConfigMap 'cm'"),
        ("a", "ResourceUpdated", "alice patched resource /Secret 'token'"),
    ]


async def test_patches_that_are_none() -> None:
    api = await LiveApi().begin(config_map())
    odd = {"patch": "{}", "patchType": "text/plain"}
    assert await refused(api, "PatchResource", **asked(config_map(), **odd)) == (
        ApiCode.INVALID_ARGUMENT,
        "Patch type 'text/plain' is not supported",
    )
    bad = {**PATCH, "patch": "{"}
    code, _ = await refused(api, "PatchResource", **asked(config_map(), **bad))
    assert code is ApiCode.INVALID_ARGUMENT


async def test_an_object_is_deleted_and_it_is_told() -> None:
    api = await LiveApi().begin(config_map())
    assert await api.run("DeleteResource", **asked(config_map())) == {}
    assert not any(key.name == "cm" for key in api.cluster.objects)
    assert api.audit.told == [("a", "ResourceDeleted", "alice deleted resource /ConfigMap 'cm'")]


@pytest.mark.parametrize(("method", "action"), [("Patch", "update"), ("Delete", "delete")])
async def test_fine_grained_rights(method: str, action: str) -> None:
    api = await LiveApi().begin(config_map())
    api.access.deny("*")
    name = f"{method}Resource"
    request = asked(config_map(), **PATCH)
    # The right on the whole application says nothing of its objects.
    api.access.allow(f"applications {action} default/a")
    code, _ = await refused(api, name, **request)
    assert code is ApiCode.PERMISSION_DENIED
    # Unless settings let it be inherited.
    api.config["server.rbac.disableApplicationFineGrainedRBACInheritance"] = "false"
    await api.run(name, **request)
    if method == "Delete":
        api = await LiveApi().begin(config_map())
        api.access.deny("*")
    api.access.deny(f"applications {action} default/a")
    code, _ = await refused(api, name, **request)
    assert code is ApiCode.PERMISSION_DENIED
    # The right on the object is enough either way.
    api.access.allow(f"applications {action}//ConfigMap/demo/cm default/a")
    await api.run(name, **request)


def event(name: str, uid: str, about: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": about},
        "involvedObject": {"name": name, "namespace": about, "uid": uid},
        "reason": "Pulled",
    }


async def test_events() -> None:
    api = await LiveApi().begin(config_map())
    application = await api.rule.cached(api.caller, "get", "", "a")
    uid = api.view.nodes[0]["uid"]
    api.view.orphans.append({"kind": "Pod", "namespace": "demo", "name": "lonely", "uid": "u9"})
    api.cluster.seed(
        event("a", application.uid, "argocd"),
        event("cm", uid, "demo"),
        event("lonely", "u9", "demo"),
    )

    async def names(**query: str) -> list[str]:
        found = await api.run("ListResourceEvents", name="a", **query)
        assert all("apiVersion" not in item for item in found["items"] or ())
        return [item["metadata"]["name"] for item in found["items"] or ()]

    assert await names() == ["a"]
    where = {"resourceNamespace": "demo"}
    assert await names(resourceName="cm", resourceUID=uid, **where) == ["cm"]
    assert await names(resourceName="lonely", resourceUID="u9", **where) == ["lonely"]
    assert await refused(
        api, "ListResourceEvents", name="a", resourceName="cm", resourceUID="u8", **where
    ) == (ApiCode.INVALID_ARGUMENT, "cm not found as part of application a")


async def test_server_side_diff() -> None:
    live = config_map()
    api = await LiveApi().begin(live)
    await api.include_mutations()
    item = {"kind": "ConfigMap", "namespace": "demo", "name": "cm", "liveState": json.dumps(live)}
    same = await api.run(
        "ServerSideDiff", appName="a", liveResources=[item], targetManifests=[json.dumps(live)]
    )
    assert same["modified"] is False
    target = json.dumps({**live, "data": {"a": "2"}})
    found = await api.run(
        "ServerSideDiff", appName="a", liveResources=[item], targetManifests=[target]
    )
    (one,) = found["items"]
    assert found["modified"] is True
    assert one["modified"] is True
    assert json.loads(one["targetState"])["data"] == {"a": "2"}
    assert json.loads(one["liveState"])["data"] == {"a": "1"}
    assert api.cluster.objects[next(k for k in api.cluster.objects if k.name == "cm")]["data"] == {
        "a": "1"
    }


@pytest.mark.parametrize(("same", "modified"), [(True, False), (False, True)])
async def test_masks_that_callers_send_stand_for_what_they_were_shown(
    same: bool, modified: bool
) -> None:
    live = secret("c2VjcmV0")
    api = await LiveApi().begin(live)
    await api.include_mutations()
    masks = ("++++++++", "++++++++" if same else "++++++++++++")
    shown = [json.dumps({"data": {"password": mask}}) for mask in masks]
    api.view.diffs[0] |= {"targetState": shown[0], "liveState": shown[1]}
    target = {**live, "data": {"password": "++++++++"}}
    found = await api.run(
        "ServerSideDiff",
        appName="a",
        liveResources=[{"kind": "Secret", "namespace": "demo", "name": "token"}],
        targetManifests=[json.dumps(target)],
    )
    assert found["modified"] is modified
    assert "c2VjcmV0" not in json.dumps(found)


@pytest.mark.parametrize(
    ("change", "target", "code", "text"),
    [
        ({"name": "other"}, {}, ApiCode.PERMISSION_DENIED, "/ConfigMap other not found as part"),
        ({}, {"metadata": {"name": "x"}}, ApiCode.INVALID_ARGUMENT, "name mismatch: expected cm"),
        ({}, {"kind": "Secret"}, ApiCode.INVALID_ARGUMENT, "kind mismatch: expected ConfigMap"),
        ({"liveState": "{"}, {}, ApiCode.INVALID_ARGUMENT, "error unmarshaling object"),
        ({"liveState": "[]"}, {}, ApiCode.INVALID_ARGUMENT, "is no object"),
    ],
)
async def test_server_side_diffs_of_what_is_not_there(
    change: dict[str, Any], target: dict[str, Any], code: ApiCode, text: str
) -> None:
    live = config_map()
    api = await LiveApi().begin(live)
    item = {"kind": "ConfigMap", "namespace": "demo", "name": "cm", "liveState": json.dumps(live)}
    said = await refused(
        api,
        "ServerSideDiff",
        appName="a",
        liveResources=[{**item, **change}],
        targetManifests=[json.dumps({**live, **target})],
    )
    assert said[0] is code
    assert text in said[1]


async def test_logs_need_a_right_of_their_own() -> None:
    api = await LiveApi().begin(pod("web-1"))
    api.access.deny("*")
    api.access.allow("applications get *")
    with pytest.raises(ApiError, match="permission denied: logs, get, default/a"):
        await anext(api.stream_of("PodLogs", name="a"))


async def test_frames_of_logs() -> None:
    api = await LiveApi().begin(pod("web-1"))
    api.pods.lines["web-1"] = ["2026-11-23T10:03:33.5Z hello"]
    found = [one async for one in api.stream_of("PodLogs", name="a", podName="web-1")]
    assert found == [
        {
            "content": "hello",
            "timeStamp": "2026-11-23T10:03:33Z",
            "last": False,
            "timeStampStr": "2026-11-23T10:03:33.5Z",
            "podName": "web-1",
        },
        {
            "content": "",
            "timeStamp": "2026-11-23T10:03:33Z",
            "last": True,
            "timeStampStr": "2026-11-23T10:03:33.956243Z",
            "podName": "",
        },
    ]
    assert [one async for one in api.stream_of("PodLogs", name="a", podName="other")] == []


async def test_three_pods_are_followed_at_once() -> None:
    names = ("one", "two", "three")
    api = await LiveApi().begin(*(pod(name) for name in names))
    for name in names:
        api.pods.going[name] = asyncio.Queue()
    stream = api.stream_of("PodLogs", name="a", follow=True)

    async def said(count: int) -> list[tuple[str, str]]:
        async with asyncio.timeout(5):
            return [
                (one["podName"], one["content"])
                for one in [await anext(stream) for _ in range(count)]
            ]

    for second, name in ((3, "one"), (1, "two"), (2, "three")):
        api.pods.going[name].put_nowait(f"2026-11-23T10:03:0{second}Z from {name}")
    assert await said(3) == [
        ("two", "from two"),
        ("three", "from three"),
        ("one", "from one"),
    ]
    # Who is silent holds nobody up.
    api.pods.going["three"].put_nowait("2026-11-23T10:03:09Z alone")
    assert await said(1) == [("three", "alone")]
    for name in names:
        api.pods.going[name].put_nowait(None)
    assert (await anext(stream))["last"] is True
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
