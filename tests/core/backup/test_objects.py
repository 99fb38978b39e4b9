"""What a backup holds, and what is written when it is restored."""

from typing import Any

import pytest

from tiphys.core.backup import (
    exported,
    is_ours,
    is_restored,
    labelled,
    restored,
    with_tracking_of,
    without_operation,
)

TRACKING = "argocd.argoproj.io/tracking-id"


def application(**changes: Any) -> dict[str, Any]:
    metadata = {
        "name": "web",
        "namespace": "argocd",
        "uid": "1",
        "resourceVersion": "7",
        "labels": {"team": "a"},
        "annotations": {"note": "b"},
        **changes.pop("metadata", {}),
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": metadata,
        "spec": {"project": "default"},
        "status": {"reconciledAt": "now", "sync": {"status": "Synced"}},
        **changes,
    }


def of_kind(kind: str, name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **metadata}}


@pytest.mark.parametrize(
    ("manifest", "belongs"),
    [
        (of_kind("ConfigMap", "argocd-rbac-cm"), True),
        (of_kind("ConfigMap", "argocd-cmd-params-cm"), False),
        (of_kind("Secret", "argocd-secret"), True),
        (of_kind("Secret", "a", labels={"argocd.argoproj.io/secret-type": "cluster"}), True),
        (of_kind("Secret", "a", annotations={"managed-by": "argocd.argoproj.io"}), True),
        (of_kind("Secret", "a", annotations={"managed-by": "somebody"}), False),
        (of_kind("AppProject", "a"), True),
    ],
)
def test_only_what_is_managed_is_exported(manifest: dict[str, Any], belongs: bool) -> None:
    assert is_ours(manifest) is belongs


def test_what_the_api_server_wrote_is_left_out() -> None:
    made = exported(application(), "argocd")
    assert made["metadata"] == {
        "name": "web",
        "labels": {"team": "a"},
        "annotations": {"note": "b"},
    }
    assert made["spec"] == {"project": "default"}
    assert made["status"]["sync"] == {"status": "Synced"}
    assert "operation" not in made


def test_a_foreign_namespace_is_kept() -> None:
    made = exported(application(metadata={"namespace": "team-a"}), "argocd")
    assert made["metadata"]["namespace"] == "team-a"


def test_times_of_a_status_make_no_difference() -> None:
    later = application(status={"reconciledAt": "later", "sync": {"status": "Synced"}})
    assert is_restored(application(), later)
    other = application(status={"sync": {"status": "OutOfSync"}})
    assert not is_restored(application(), other)


@pytest.mark.parametrize(
    "changes",
    [
        {"spec": {"project": "other"}},
        {"metadata": {"labels": {}}},
        {"metadata": {"annotations": {}}},
        {"metadata": {"finalizers": ["a"]}},
    ],
)
def test_every_part_of_a_backup_is_compared(changes: dict[str, Any]) -> None:
    assert not is_restored(application(), application(**changes))


def test_what_kubectl_noted_makes_no_difference() -> None:
    noted = {"note": "b", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    assert is_restored(application(), application(metadata={"annotations": noted}))


def test_sets_are_always_written() -> None:
    one = {**application(), "kind": "ApplicationSet"}
    assert not is_restored(one, one)


def test_projects_and_data_are_compared() -> None:
    project = {**application(), "kind": "AppProject"}
    assert is_restored(project, {**project, "status": {"other": 1}})
    data = {**of_kind("Secret", "a"), "data": {"a": "b"}}
    assert is_restored(data, dict(data))
    assert not is_restored(data, {**data, "data": {}})


def test_what_is_restored_keeps_its_identity() -> None:
    backup = exported(application(spec={"project": "other"}, operation={"sync": {}}), "argocd")
    live = application(metadata={"finalizers": ["a"], "labels": {"x": "y"}})
    made = restored(backup, live)
    assert made["metadata"]["uid"] == "1"
    assert made["metadata"]["labels"] == {"team": "a"}
    assert "finalizers" not in made["metadata"]
    assert made["spec"] == {"project": "other"}
    assert made["operation"] == {"sync": {}}


def test_a_status_stays_where_the_backup_has_none() -> None:
    backup = application()
    del backup["status"]
    made = restored(backup, application(operation={"sync": {}}))
    assert made["status"]["reconciledAt"] == "now"
    assert "operation" not in made


def test_data_and_specs_are_restored() -> None:
    live = {**of_kind("ConfigMap", "argocd-cm", uid="1"), "data": {"a": "b", "c": "d"}}
    assert restored({**live, "data": {"a": "x"}}, live)["data"] == {"a": "x"}
    project = {**application(), "kind": "AppProject"}
    assert restored({**project, "spec": {"a": 1}}, project)["spec"] == {"a": 1}


def test_tracking_may_stay_as_it_is() -> None:
    backup = application(metadata={"annotations": {TRACKING: "old", "note": "b"}})
    kept = with_tracking_of(backup, application(metadata={"annotations": {TRACKING: "new"}}))
    assert kept["metadata"]["annotations"] == {TRACKING: "new", "note": "b"}
    gone = with_tracking_of(
        application(metadata={"annotations": {TRACKING: "old"}}),
        application(metadata={"annotations": {}}),
    )
    assert "annotations" not in gone["metadata"]


def test_operations_are_left_out_and_labels_found() -> None:
    assert "operation" not in without_operation(application(operation={}))
    assert labelled(application(), "team=a")
    assert not labelled(application(), "team=b")
