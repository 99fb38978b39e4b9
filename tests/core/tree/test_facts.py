"""What is kept of every live object."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.manifest.tracking import Tracking
from tiphys.core.settings.settings import TrackingMethod
from tiphys.core.tree.facts import live_object
from tiphys.model.live import LiveObject
from tiphys.model.names import ANNOTATION_TRACKING_ID
from tiphys.model.resource import OwnerReference, key_of
from tiphys.model.status import HealthCode, HealthStatus

OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u1"}
TRACKING = "guestbook:apps/Deployment:shop/web"


def deployment(**metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "uid": "u7",
            "resourceVersion": "12",
            "creationTimestamp": "2026-01-02T03:04:05Z",
            **metadata,
        },
    }


def facts(manifest: dict[str, Any], health: HealthStatus | None = None) -> LiveObject:
    return live_object(key_of(manifest), manifest, health)


def test_the_facts_of_a_tracked_object() -> None:
    health = HealthStatus(HealthCode.HEALTHY)
    found = facts(deployment(annotations={ANNOTATION_TRACKING_ID: TRACKING}), health)
    assert found == LiveObject(
        key=key_of(deployment()),
        version="v1",
        uid="u7",
        resource_version="12",
        created_at="2026-01-02T03:04:05Z",
        tracking_id=TRACKING,
        instance="guestbook",
        health=health,
    )


def test_an_owned_object_belongs_to_no_application_by_itself() -> None:
    found = facts(
        deployment(annotations={ANNOTATION_TRACKING_ID: TRACKING}, ownerReferences=[OWNER])
    )
    assert found.instance == ""
    assert found.tracking_id == TRACKING
    assert found.owners == (OwnerReference("apps", "ReplicaSet", "web", "u1"),)


def test_deletion_is_noted() -> None:
    assert facts(deployment(deletionTimestamp="2026-01-02T03:04:05Z")).deleting


def test_a_cluster_scoped_object_has_no_namespace() -> None:
    found = facts({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    assert (found.key.namespace, found.uid, found.resource_version) == ("", "", "")


def test_a_pod_shows_images_and_status() -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": {
            "nodeName": "n1",
            "initContainers": [{"name": "i", "image": "init:1"}],
            "containers": [{"name": "a", "image": "app:2"}, {"name": "b", "image": "init:1"}],
        },
        "status": {"phase": "Pending"},
    }
    found = facts(pod)
    assert found.images == ("init:1", "app:2")
    assert found.info == (
        ("Status Reason", "Pending"),
        ("Node", "n1"),
        ("Containers", "0/2"),
        ("cpu", "0"),
        ("memory", "0"),
    )


def test_a_pod_of_another_group_is_no_pod() -> None:
    found = facts({"apiVersion": "example.com/v1", "kind": "Pod", "metadata": {"name": "p"}})
    assert (found.images, found.info) == ((), ())


@pytest.mark.parametrize(
    "name", ["deployment.kubernetes.io/revision", "rollout.argoproj.io/revision"]
)
def test_the_revision_of_a_workload(name: str) -> None:
    assert facts(deployment(annotations={name: "3"})).info == (("Revision", "Rev:3"),)


@pytest.mark.parametrize(
    ("revision", "info"),
    [(4, (("Revision", "Rev:4"),)), (0, ()), (True, ()), ("4", ()), (None, ())],
)
def test_the_revision_of_a_controller_revision(revision: Any, info: tuple[Any, ...]) -> None:
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {"name": "r", "namespace": "shop"},
        "revision": revision,
    }
    assert facts(manifest).info == info


def test_the_instance_follows_the_tracking_method() -> None:
    labelled = deployment(labels={"example.com/app": "shop"})
    by_label = Tracking(TrackingMethod.LABEL, "example.com/app")
    found = live_object(key_of(labelled), labelled, None, by_label)
    assert (found.tracking_id, found.instance) == ("", "shop")
    assert facts(labelled).instance == ""


def test_a_value_that_is_no_tracking_id_names_no_instance() -> None:
    found = facts(deployment(annotations={ANNOTATION_TRACKING_ID: "just-a-name"}))
    assert (found.tracking_id, found.instance) == ("just-a-name", "")


def test_a_node_says_what_it_has() -> None:
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n1"},
        "status": {"capacity": {"cpu": "2"}},
    }
    found = facts(node)
    assert found.host is not None
    assert found.host.capacity == (("cpu", 2000),)


def test_labels_are_shown_where_somebody_wants_them() -> None:
    manifest = deployment(labels={"team": "a", "other": "b"})
    found = live_object(key_of(manifest), manifest, None, labels=("team", "absent"))
    assert found.info == (("team", "a"),)


def test_a_pod_that_runs_counts_on_its_node() -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "shop", "labels": {"team": "a"}},
        "spec": {
            "nodeName": "n1",
            "containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}],
        },
        "status": {"phase": "Running"},
    }
    found = live_object(key_of(pod), pod, None, labels=("team",))
    assert (found.node, found.requests) == ("n1", (("cpu", 1000), ("memory", 0)))
    assert found.info[-3:] == (("cpu", "1000"), ("memory", "0"), ("team", "a"))
    done = {**pod, "status": {"phase": "Succeeded"}}
    assert facts(done).node == ""
    assert "cpu" not in dict(facts(done).info)
