"""What holds of every KubeReader, KubeWriter and Discovery: on the fake and on the real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.adapters.kube.backends import OURS, Backend, appears, definition, disappears
from tiphys.model.errors import (
    ConflictError,
    ForbiddenError,
    InvalidObjectError,
    ObjectExistsError,
    ObjectNotFoundError,
    ResourceGoneError,
)
from tiphys.model.live import PatchKind, Propagation, WatchEvent, WatchVerb
from tiphys.model.resource import ApiResource, GroupKind, GroupVersionKind, Manifest


@pytest.fixture
def config_maps(backend: Backend) -> ApiResource:
    return backend.resource("v1", "ConfigMap")


async def next_event(events: AsyncIterator[WatchEvent], *verbs: WatchVerb) -> WatchEvent:
    async with asyncio.timeout(10):
        async for event in events:
            if event.verb in (verbs or tuple(WatchVerb)):
                return event
    raise AssertionError("the watch ended")


async def test_what_is_created_can_be_read(backend: Backend, config_maps: ApiResource) -> None:
    created = await backend.client.create(config_maps, backend.config_map("a", key="1"))
    read = await backend.client.get(config_maps, backend.namespace, "a")
    assert read == created
    assert read["data"] == {"key": "1"}
    assert read["metadata"]["uid"]
    assert read["metadata"]["resourceVersion"].isdecimal()


async def test_what_exists_cannot_be_created(backend: Backend, config_maps: ApiResource) -> None:
    await backend.client.create(config_maps, backend.config_map("a"))
    with pytest.raises(ObjectExistsError) as caught:
        await backend.client.create(config_maps, backend.config_map("a"))
    assert (caught.value.status, caught.value.reason) == (409, "AlreadyExists")


async def test_what_is_absent_is_not_found(backend: Backend, config_maps: ApiResource) -> None:
    with pytest.raises(ObjectNotFoundError) as caught:
        await backend.client.get(config_maps, backend.namespace, "absent")
    assert (caught.value.status, caught.value.reason) == (404, "NotFound")
    with pytest.raises(ObjectNotFoundError):
        await backend.client.delete(config_maps, backend.namespace, "absent", uid="u")


async def test_what_is_invalid_is_refused(backend: Backend, config_maps: ApiResource) -> None:
    with pytest.raises(InvalidObjectError) as caught:
        await backend.client.create(config_maps, backend.config_map("Not_A_Name"))
    assert (caught.value.status, caught.value.reason) == (422, "Invalid")


async def test_a_merge_patch_sets_and_removes(backend: Backend, config_maps: ApiResource) -> None:
    await backend.client.create(config_maps, backend.config_map("a", old="1", kept="1"))
    body = {"data": {"old": None, "new": "2"}}
    answer = await backend.client.patch(config_maps, backend.namespace, "a", PatchKind.MERGE, body)
    assert answer["data"] == {"kept": "1", "new": "2"}


async def test_a_merge_patch_of_another_object_of_the_name_is_refused(
    backend: Backend, config_maps: ApiResource
) -> None:
    await backend.client.create(config_maps, backend.config_map("a", key="1"))
    body = {"metadata": {"uid": "another"}, "data": {"key": "2"}}
    with pytest.raises(InvalidObjectError, match=r"metadata\.uid") as caught:
        await backend.client.patch(config_maps, backend.namespace, "a", PatchKind.MERGE, body)
    assert caught.value.status == 422


async def test_a_json_patch_acts_only_where_its_test_holds(
    backend: Backend, config_maps: ApiResource
) -> None:
    created = await backend.client.create(config_maps, backend.config_map("a", key="1"))
    uid = {"op": "test", "path": "/metadata/uid", "value": created["metadata"]["uid"]}
    change = {"op": "replace", "path": "/data/key", "value": "2"}
    answer = await backend.client.patch(
        config_maps, backend.namespace, "a", PatchKind.JSON, [uid, change]
    )
    assert answer["data"] == {"key": "2"}
    with pytest.raises(InvalidObjectError) as caught:
        await backend.client.patch(
            config_maps, backend.namespace, "a", PatchKind.JSON, [uid | {"value": "x"}, change]
        )
    assert caught.value.status == 422


async def test_a_dry_run_stores_nothing(backend: Backend, config_maps: ApiResource) -> None:
    created = await backend.client.create(config_maps, backend.config_map("a", k="v"), dry_run=True)
    assert created["data"] == {"k": "v"}
    with pytest.raises(ObjectNotFoundError):
        await backend.client.get(config_maps, backend.namespace, "a")
    stored = await backend.client.create(config_maps, backend.config_map("a", k="v"))
    place = (config_maps, backend.namespace, "a")
    change = {"data": {"k": "w"}}
    patched = await backend.client.patch(*place, PatchKind.MERGE, change, dry_run=True)
    replaced = await backend.client.replace(config_maps, {**stored, **change}, dry_run=True)
    applied = await backend.client.patch(
        *place, PatchKind.APPLY, backend.config_map("a", k="w"), dry_run=True, force=True
    )
    assert patched["data"] == replaced["data"] == applied["data"] == {"k": "w"}
    assert (await backend.client.get(*place))["data"] == {"k": "v"}


async def test_an_apply_creates_what_is_absent(backend: Backend, config_maps: ApiResource) -> None:
    place = (config_maps, backend.namespace, "a")
    body = backend.config_map("a", k="v")
    await backend.client.patch(*place, PatchKind.APPLY, body, dry_run=True)
    with pytest.raises(ObjectNotFoundError):
        await backend.client.get(*place)
    await backend.client.patch(*place, PatchKind.APPLY, body)
    assert (await backend.client.get(*place))["data"] == {"k": "v"}


async def test_a_strategic_patch_merges_containers_by_name(backend: Backend) -> None:
    deployments = backend.resource("apps/v1", "Deployment")
    containers = [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]
    await backend.client.create(deployments, deployment(backend.namespace, containers))
    template = {"spec": {"containers": [{"name": "b", "image": "b:2"}]}}
    answer = await backend.client.patch(
        deployments,
        backend.namespace,
        "web",
        PatchKind.STRATEGIC,
        {"spec": {"template": template}},
    )
    found = answer["spec"]["template"]["spec"]["containers"]
    assert [(one["name"], one["image"]) for one in found] == [("a", "a:1"), ("b", "b:2")]


def deployment(namespace: str, containers: list[dict[str, Any]]) -> Manifest:
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }


async def test_a_replacement_holds_only_for_the_version_it_was_made_from(
    backend: Backend, config_maps: ApiResource
) -> None:
    created = await backend.client.create(config_maps, backend.config_map("a", key="1"))
    answer = await backend.client.replace(config_maps, {**created, "data": {"key": "2"}})
    assert answer["data"] == {"key": "2"}
    with pytest.raises(ConflictError) as caught:
        await backend.client.replace(config_maps, {**created, "data": {"key": "3"}})
    assert caught.value.status == 409


async def test_a_patch_with_an_old_version_conflicts(
    backend: Backend, config_maps: ApiResource
) -> None:
    created = await backend.client.create(config_maps, backend.config_map("a", key="1"))
    await backend.client.replace(config_maps, {**created, "data": {"key": "2"}})
    version = {"resourceVersion": created["metadata"]["resourceVersion"]}
    with pytest.raises(ConflictError):
        await backend.client.patch(
            config_maps,
            backend.namespace,
            "a",
            PatchKind.MERGE,
            {"metadata": version, "data": {"key": "3"}},
        )


async def test_only_the_object_that_is_meant_is_deleted(
    backend: Backend, config_maps: ApiResource
) -> None:
    created = await backend.client.create(config_maps, backend.config_map("a"))
    with pytest.raises(ConflictError):
        await backend.client.delete(config_maps, backend.namespace, "a", uid="another")
    await backend.client.get(config_maps, backend.namespace, "a")
    await backend.client.delete(
        config_maps,
        backend.namespace,
        "a",
        uid=created["metadata"]["uid"],
        propagation=Propagation.BACKGROUND,
    )
    with pytest.raises(ObjectNotFoundError):
        await backend.client.get(config_maps, backend.namespace, "a")


async def test_a_finalizer_holds_what_is_deleted(
    backend: Backend, config_maps: ApiResource
) -> None:
    manifest = backend.config_map("a")
    manifest["metadata"]["finalizers"] = ["example.com/held"]
    created = await backend.client.create(config_maps, manifest)
    await backend.client.delete(
        config_maps,
        backend.namespace,
        "a",
        uid=created["metadata"]["uid"],
        propagation=Propagation.BACKGROUND,
    )
    held = await backend.client.get(config_maps, backend.namespace, "a")
    assert held["metadata"]["deletionTimestamp"]
    body = {"metadata": {"finalizers": None}}
    await backend.client.patch(config_maps, backend.namespace, "a", PatchKind.MERGE, body)
    with pytest.raises(ObjectNotFoundError):
        await backend.client.get(config_maps, backend.namespace, "a")


async def test_a_list_is_whole_and_names_its_kind(
    backend: Backend, config_maps: ApiResource
) -> None:
    """The real client asks for two at a time here."""
    names = [f"m{number}" for number in range(5)]
    for name in names:
        await backend.client.create(config_maps, backend.config_map(name))
    found = await backend.client.list(config_maps, namespace=backend.namespace, label_selector=OURS)
    assert [one["metadata"]["name"] for one in found.items] == names
    assert {(one["apiVersion"], one["kind"]) for one in found.items} == {("v1", "ConfigMap")}
    assert found.resource_version.isdecimal()


async def test_a_list_can_be_of_labels(backend: Backend, config_maps: ApiResource) -> None:
    for name, tier in (("a", "front"), ("b", "back")):
        manifest = backend.config_map(name)
        manifest["metadata"]["labels"] = {"tier": tier}
        await backend.client.create(config_maps, manifest)
    found = await backend.client.list(
        config_maps, namespace=backend.namespace, label_selector="tier=front"
    )
    assert [one["metadata"]["name"] for one in found.items] == ["a"]


async def test_a_list_of_all_namespaces(backend: Backend, config_maps: ApiResource) -> None:
    await backend.client.create(config_maps, backend.config_map("everywhere"))
    found = await backend.client.list(config_maps)
    keys = [(one["metadata"]["namespace"], one["metadata"]["name"]) for one in found.items]
    assert (backend.namespace, "everywhere") in keys


async def test_a_watch_tells_what_follows_a_version(
    backend: Backend, config_maps: ApiResource
) -> None:
    await backend.client.create(config_maps, backend.config_map("before"))
    listed = await backend.client.list(config_maps, namespace=backend.namespace)
    events = backend.client.watch(
        config_maps,
        resource_version=listed.resource_version,
        namespace=backend.namespace,
        label_selector=OURS,
    )
    first = await next_event(events)
    assert first.verb is WatchVerb.BOOKMARK
    assert first.manifest["metadata"]["resourceVersion"] == listed.resource_version
    created = await backend.client.create(config_maps, backend.config_map("a", key="1"))
    changed = await backend.client.replace(config_maps, {**created, "data": {"key": "2"}})
    uid = created["metadata"]["uid"]
    await backend.client.delete(
        config_maps, backend.namespace, "a", uid=uid, propagation=Propagation.BACKGROUND
    )
    told = [await next_event(events, *ABOUT_OBJECTS) for _ in range(3)]
    assert [event.verb for event in told] == [
        WatchVerb.ADDED,
        WatchVerb.MODIFIED,
        WatchVerb.DELETED,
    ]
    assert told[0].manifest == created
    assert told[1].manifest == changed
    assert told[2].manifest["metadata"]["uid"] == uid


ABOUT_OBJECTS = (WatchVerb.ADDED, WatchVerb.MODIFIED, WatchVerb.DELETED)


async def test_a_watch_resumes_after_the_version_seen_last(
    backend: Backend, config_maps: ApiResource
) -> None:
    first = await backend.client.create(config_maps, backend.config_map("a"))
    await backend.client.create(config_maps, backend.config_map("b"))
    events = backend.client.watch(
        config_maps,
        resource_version=first["metadata"]["resourceVersion"],
        namespace=backend.namespace,
        label_selector=OURS,
    )
    event = await next_event(events, *ABOUT_OBJECTS)
    assert event.manifest["metadata"]["name"] == "b"


async def test_a_watch_of_one_label_tells_of_no_other(
    backend: Backend, config_maps: ApiResource
) -> None:
    listed = await backend.client.list(config_maps, namespace=backend.namespace)
    await backend.client.create(config_maps, backend.config_map("plain"))
    marked = backend.config_map("marked")
    marked["metadata"]["labels"] = {"tier": "front"}
    await backend.client.create(config_maps, marked)
    events = backend.client.watch(
        config_maps,
        resource_version=listed.resource_version,
        namespace=backend.namespace,
        label_selector="tier=front",
    )
    event = await next_event(events, *ABOUT_OBJECTS)
    assert event.manifest["metadata"]["name"] == "marked"


async def test_a_version_from_long_ago_is_gone(backend: Backend) -> None:
    resource, version = await backend.forgotten()
    events = backend.client.watch(resource, resource_version=version)
    with pytest.raises(ResourceGoneError):
        await next_event(events, *ABOUT_OBJECTS)


async def test_who_has_no_rights_is_told_so(backend: Backend, config_maps: ApiResource) -> None:
    with pytest.raises(ForbiddenError) as caught:
        await backend.restricted.list(config_maps, namespace=backend.namespace)
    assert (caught.value.status, caught.value.reason) == (403, "Forbidden")
    with pytest.raises(ForbiddenError):
        await backend.restricted.create(config_maps, backend.config_map("a"))
    with pytest.raises(ForbiddenError):
        await next_event(backend.restricted.watch(config_maps, resource_version="1"))


async def test_discovery_knows_the_kinds(backend: Backend) -> None:
    discovery = backend.discovery
    found = discovery.find(GroupVersionKind("apps", "v1", "Deployment"))
    assert found is not None
    assert (found.plural, found.namespaced) == ("deployments", True)
    assert {"list", "watch", "patch"} <= found.verbs
    assert discovery.find(GroupVersionKind("apps", "v0", "Deployment")) is None
    assert discovery.scope(GroupKind("", "Namespace")) is False
    assert discovery.scope(GroupKind("", "ConfigMap")) is True
    assert discovery.scope(GroupKind("example.com", "Nothing")) is None
    assert {"v1", "v1/ConfigMap", "apps/v1", "apps/v1/Deployment"} <= set(discovery.versions())
    assert list(discovery.versions()) == sorted(discovery.versions())
    assert discovery.server_version == "v1.36.3"
    kinds = [resource.group_kind for resource in discovery.preferred()]
    assert len(kinds) == len(set(kinds))


async def test_a_kind_comes_and_goes_with_its_definition(backend: Backend) -> None:
    definitions = backend.resource("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    group = f"{backend.namespace}.example.com"
    widget = GroupVersionKind(group, "v1", "Widget")
    created = await backend.client.create(definitions, definition(group))
    assert await appears(backend.client, backend.discovery, widget)
    resource = backend.discovery.find(widget)
    assert resource is not None
    metadata = {"name": "w", "namespace": backend.namespace}
    manifest = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": metadata}
    await backend.client.create(resource, manifest)
    listed = await backend.client.list(resource)
    assert [one["metadata"]["name"] for one in listed.items] == ["w"]
    name, uid = created["metadata"]["name"], created["metadata"]["uid"]
    await backend.client.delete(definitions, "", name, uid=uid)
    assert await disappears(backend.discovery, widget)
    with pytest.raises(ObjectNotFoundError):
        await backend.client.list(resource)
