"""Nodes of the resource tree as the contract writes them."""

from __future__ import annotations

from tiphys.core.tree.nodes import host, missing, node
from tiphys.model.live import Host, LiveObject
from tiphys.model.resource import GroupVersionKind, OwnerReference, ResourceKey
from tiphys.model.status import HealthCode, HealthStatus

OWNER = LiveObject(ResourceKey("apps", "ReplicaSet", "shop", "web-1"), "v1", "u1", "5")
REFERENCE = OwnerReference("apps", "ReplicaSet", "web-1", "u1")
POD = LiveObject(
    ResourceKey("", "Pod", "shop", "web-1-a"),
    "v1",
    "u2",
    "6",
    created_at="2026-11-23T10:03:33Z",
    owners=(REFERENCE,),
    health=HealthStatus(HealthCode.HEALTHY),
    images=("web:1",),
    info=(("Node", "n1"),),
    network={"labels": {"app": "web"}, "externalURLs": ["https://b", "https://a"]},
    node="n1",
    requests=(("cpu", 100), ("memory", 7)),
)


def test_a_node_of_the_tree() -> None:
    assert node(POD, lambda one, reference: OWNER) == {
        "version": "v1",
        "kind": "Pod",
        "namespace": "shop",
        "name": "web-1-a",
        "uid": "u2",
        "parentRefs": [
            {
                "group": "apps",
                "version": "v1",
                "kind": "ReplicaSet",
                "namespace": "shop",
                "name": "web-1",
                "uid": "u1",
            }
        ],
        "info": [{"name": "Node", "value": "n1"}],
        "networkingInfo": {
            "labels": {"app": "web"},
            "externalURLs": ["https://b", "https://a"],
        },
        "resourceVersion": "6",
        "images": ["web:1"],
        "health": {"status": "Healthy"},
        "createdAt": "2026-11-23T10:03:33Z",
    }


def test_an_owner_that_is_gone_has_no_version() -> None:
    (parent,) = node(POD, lambda one, reference: None)["parentRefs"]
    assert "version" not in parent
    assert parent["uid"] == "u1"


def test_what_is_empty_is_left_out() -> None:
    bare = LiveObject(ResourceKey("", "Namespace", "", "shop"), "v1", "u3", "7")
    assert node(bare, lambda one, reference: None) == {
        "version": "v1",
        "kind": "Namespace",
        "name": "shop",
        "uid": "u3",
        "resourceVersion": "7",
    }


def test_what_is_missing() -> None:
    key = ResourceKey("", "Secret", "shop", "s")
    assert missing(GroupVersionKind("", "v1", "Secret"), key) == {
        "version": "v1",
        "kind": "Secret",
        "namespace": "shop",
        "name": "s",
        "health": {"status": "Missing"},
    }


def test_a_host_tells_what_others_ask_of_it() -> None:
    known = Host((("cpu", 4000), ("memory", 9)), {"osImage": "x"}, {"zone": "a", "other": "b"})
    key = ResourceKey("", "Node", "", "n1")
    found = host(
        "n1",
        LiveObject(key, "v1", "u", "1", host=known),
        [POD],
        {"cpu": 350, "memory": 7},
        ["zone"],
    )
    assert found == {
        "name": "n1",
        "resourcesInfo": [
            {
                "resourceName": "cpu",
                "requestedByApp": 100,
                "requestedByNeighbors": 250,
                "capacity": 4000,
            },
            {
                "resourceName": "memory",
                "requestedByApp": 7,
                "capacity": 9,
            },
        ],
        "systemInfo": {"osImage": "x"},
        "labels": {"zone": "a"},
    }
    plain = host("n1", LiveObject(key, "v1", "u", "1", host=known), [], {}, [])
    assert "labels" not in plain
    assert host("n1", LiveObject(key, "v1", "u", "1"), [], {}, []) == {"name": "n1"}
