"""Tracking ids: written, read, and believed only on the object that they name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.core.manifest.tracking import (
    TrackingId,
    application_of,
    instance_name,
    names_itself,
    parse_tracking_id,
    stamp,
    tracking_id,
    tracking_key,
)
from tiphys.model.names import ANNOTATION_TRACKING_ID
from tiphys.model.resource import ResourceKey

WEB = ResourceKey("apps", "Deployment", "prod", "web")
ROLE = ResourceKey("rbac.authorization.k8s.io", "ClusterRole", "", "reader")


def test_instance_names_are_qualified_outside_the_control_plane() -> None:
    assert instance_name("argocd", "shop", "argocd") == "shop"
    assert instance_name("", "shop", "argocd") == "shop"
    assert instance_name("team", "shop", "argocd") == "team_shop"
    assert application_of("shop", "argocd") == ("argocd", "shop")
    assert application_of("team_shop", "argocd") == ("team", "shop")


def test_ids() -> None:
    assert tracking_id("shop", WEB) == "shop:apps/Deployment:prod/web"
    assert (
        tracking_id("shop", ResourceKey("", "Service", "prod", "web")) == "shop:/Service:prod/web"
    )


def test_a_name_may_contain_a_colon() -> None:
    assert parse_tracking_id("a:rbac.authorization.k8s.io/Role:ns/system:x") == TrackingId(
        "a", ResourceKey("rbac.authorization.k8s.io", "Role", "ns", "system:x")
    )


@pytest.mark.parametrize("value", ["", "a", "a:b", "a:g/k", "a:k:ns/n", "a:g/k:n", "a:g/k/x:ns/n"])
def test_unreadable_ids(value: str) -> None:
    assert parse_tracking_id(value) is None


name = st.text("abz019.-", min_size=1)


@given(name, name, name, name, st.text("ab:.-", min_size=1))
def test_ids_are_read_back(instance: str, group: str, kind: str, namespace: str, own: str) -> None:
    key = ResourceKey(group, kind, namespace, own)
    assert parse_tracking_id(tracking_id(instance, key)) == TrackingId(instance, key)


def test_the_key_falls_back_to_the_destination_namespace() -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "reader"}}  # fmt: skip
    assert tracking_key(role, "prod") == ROLE._replace(namespace="prod")
    placed = {**role, "metadata": {"name": "reader", "namespace": "own"}}
    assert tracking_key(placed, "prod") == ROLE._replace(namespace="own")


def test_stamping() -> None:
    manifest = {"kind": "Deployment", "metadata": {"name": "web", "annotations": {"a": "b"}}}
    stamped = stamp(manifest, "shop", WEB)
    assert stamped["metadata"]["annotations"] == {
        "a": "b",
        ANNOTATION_TRACKING_ID: "shop:apps/Deployment:prod/web",
    }


@pytest.mark.parametrize(
    ("live", "target", "tracking", "expected"),
    [
        (WEB, WEB, "", True),
        (WEB, WEB._replace(name="other"), "", False),
        (WEB, WEB._replace(namespace="other"), "", False),
        (ROLE, ROLE._replace(namespace="prod"), "", True),
        (WEB, None, "shop:apps/Deployment:prod/web", True),
        (WEB, None, "shop:apps/Deployment:prod/other", False),
        (WEB, None, "shop:apps/Deployment:test/web", False),
        (WEB, None, "other:apps/Deployment:prod/web", True),
        (ROLE, None, "shop:rbac.authorization.k8s.io/ClusterRole:prod/reader", True),
        (ROLE, None, "shop:rbac.authorization.k8s.io/ClusterRole:prod/writer", False),
        (WEB, None, "nonsense", True),
        (WEB, None, "", True),
    ],
)
def test_self_check(
    live: ResourceKey, target: ResourceKey | None, tracking: str, expected: bool
) -> None:
    assert names_itself(live, target=target, tracking=tracking) is expected
