"""Tracking ids: written, read, and believed only on the object that they name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.core.manifest.tracking import (
    Claim,
    Tracking,
    TrackingId,
    application_of,
    claim_of,
    instance_name,
    names_itself,
    parse_tracking_id,
    renamed,
    stamp,
    tracking_id,
    tracking_key,
)
from tiphys.core.settings.settings import Settings, TrackingMethod
from tiphys.model.names import (
    ANNOTATION_INSTALLATION_ID,
    ANNOTATION_TRACKING_ID,
    LABEL_APP_NAME_LEGACY,
)
from tiphys.model.resource import Manifest, ResourceKey, key_of

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


LABEL = "app.kubernetes.io/instance"
LONG = "team-of-the-north_" + "x" * 44 + "-.web"


def bare(api_version: str = "v1", kind: str = "ConfigMap", **parts: Any) -> dict[str, Any]:
    metadata = {"name": "a", **parts.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **parts}


def stamped(
    method: TrackingMethod, instance: str = "shop", manifest: Manifest | None = None, **how: str
) -> Manifest:
    manifest = manifest or bare()
    return stamp(manifest, instance, key_of(manifest), Tracking(method, **how))


@pytest.mark.parametrize(
    ("method", "annotation", "label"),
    [
        (TrackingMethod.ANNOTATION, True, False),
        (TrackingMethod.LABEL, False, True),
        (TrackingMethod.ANNOTATION_AND_LABEL, True, True),
    ],
)
def test_each_method_has_its_marks(method: TrackingMethod, annotation: bool, label: bool) -> None:
    found = stamped(method)["metadata"]
    assert (ANNOTATION_TRACKING_ID in found.get("annotations", {})) is annotation
    assert found.get("labels", {}) == ({LABEL: "shop"} if label else {})
    claimed = claim_of(stamped(method), Tracking(method))
    assert claimed == Claim("shop:/ConfigMap:/a" if annotation else "", "shop")


def test_other_labels_stay() -> None:
    manifest = bare(metadata={"labels": {"tier": "web", LABEL: "mine"}})
    found = stamped(TrackingMethod.LABEL, manifest=manifest)
    assert found["metadata"]["labels"] == {"tier": "web", LABEL: "shop"}
    assert manifest["metadata"]["labels"][LABEL] == "mine"


def test_a_label_of_two_marks_is_cut_and_one_alone_is_not() -> None:
    assert len(LONG) > 63
    both = stamped(TrackingMethod.ANNOTATION_AND_LABEL, LONG)["metadata"]
    assert both["labels"] == {LABEL: "team-of-the-north_" + "x" * 44}
    assert both["annotations"][ANNOTATION_TRACKING_ID].startswith(f"{LONG}:")
    assert stamped(TrackingMethod.LABEL, LONG)["metadata"]["labels"] == {LABEL: LONG}
    short = stamped(TrackingMethod.ANNOTATION_AND_LABEL, "odd-")["metadata"]["labels"]
    assert short == {LABEL: "odd-"}


@pytest.mark.parametrize(
    ("api_version", "kind", "on_pods"),
    [
        ("apps/v1", "Deployment", True),
        ("apps/v1", "StatefulSet", True),
        ("apps/v1", "DaemonSet", True),
        ("extensions/v1beta1", "ReplicaSet", True),
        ("batch/v1", "Job", True),
        ("batch/v1", "CronJob", False),
        ("argoproj.io/v1alpha1", "Rollout", False),
    ],
)
def test_the_old_label_goes_on_pods_too(api_version: str, kind: str, on_pods: bool) -> None:
    manifest = bare(api_version, kind, spec={"template": {"metadata": {"labels": {"a": "b"}}}})
    for label in (LABEL, LABEL_APP_NAME_LEGACY):
        found = stamped(TrackingMethod.LABEL, manifest=manifest, label=label)
        expected = {"a": "b"}
        if on_pods and label == LABEL_APP_NAME_LEGACY:
            expected[label] = "shop"
        assert found["spec"]["template"]["metadata"]["labels"] == expected
        assert found["metadata"]["labels"] == {label: "shop"}


def test_a_template_may_be_bare_and_an_odd_shape_stays() -> None:
    job = bare("batch/v1", "Job")
    found = stamped(TrackingMethod.LABEL, manifest=job, label=LABEL_APP_NAME_LEGACY)
    template = found["spec"]["template"]
    assert template == {"metadata": {"labels": {LABEL_APP_NAME_LEGACY: "shop"}}}
    odd = bare("batch/v1", "Job", spec=[])
    found = stamped(TrackingMethod.LABEL, manifest=odd, label=LABEL_APP_NAME_LEGACY)
    assert found["spec"] == []


@pytest.mark.parametrize("method", list(TrackingMethod))
def test_what_another_installation_marked_counts_for_nothing(method: TrackingMethod) -> None:
    mine = Tracking(method, installation="mine")
    found = stamped(method, installation="mine")
    assert found["metadata"]["annotations"][ANNOTATION_INSTALLATION_ID] == "mine"
    assert claim_of(found, mine).instance == "shop"
    for other in (stamped(method, installation="theirs"), stamped(method)):
        assert claim_of(other, mine) == Claim("", "")
    # Who has no id of its own is another one than those that have.
    assert claim_of(stamped(method, installation="theirs"), Tracking(method)) == Claim("", "")


def test_an_installation_of_git_does_not_stay() -> None:
    manifest = bare(metadata={"annotations": {ANNOTATION_INSTALLATION_ID: "x", "a": "b"}})
    found = stamped(TrackingMethod.LABEL, manifest=manifest)
    assert found["metadata"]["annotations"] == {"a": "b"}


@pytest.mark.parametrize(
    "manifest", [{}, {"metadata": None}, {"metadata": {"labels": {LABEL: 1}}}, {"metadata": []}]
)
def test_an_object_without_a_readable_label_is_nobody_s(manifest: Manifest) -> None:
    assert claim_of(manifest, Tracking(TrackingMethod.LABEL)) == Claim("", "")


def test_tracking_is_what_the_settings_say() -> None:
    settings = Settings(
        tracking=TrackingMethod.LABEL, instance_label_key="l", installation_id="one"
    )
    assert Tracking.of(settings) == Tracking(TrackingMethod.LABEL, "l", "one")
    assert Tracking.of(Settings()) == Tracking()


def test_a_name_that_comes_later_changes_the_id() -> None:
    found = renamed(stamped(TrackingMethod.ANNOTATION), WEB)
    assert claim_of(found) == Claim("shop:apps/Deployment:prod/web", "shop")
    labelled = stamped(TrackingMethod.LABEL)
    assert renamed(labelled, WEB) is labelled
