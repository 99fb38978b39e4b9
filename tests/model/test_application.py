"""The Application's typed views: what is read, what is written, and how failures are named."""

from __future__ import annotations

import json

import pytest

from tiphys.model.application import (
    Application,
    ApplicationDestination,
    ApplicationSource,
    ApplicationSourceDirectory,
    ApplicationSpec,
    ApplicationStatus,
    Operation,
    SyncOperation,
    SyncPolicy,
    SyncPolicyAutomated,
    SyncStrategy,
    SyncStrategyHook,
    encode,
)
from tiphys.model.errors import ManifestDecodeError
from tiphys.model.metadata import Metadata

SPEC = {
    "project": "default",
    "destination": {"server": "https://kubernetes.default.svc", "namespace": "demo"},
    "source": {"repoURL": "https://git.example.com/a.git", "path": "web"},
}


def app(**parts: object) -> Application:
    return Application.from_manifest({"metadata": {"name": "web"}, "spec": SPEC, **parts})


def test_fields_are_read_under_pythons_names() -> None:
    spec = app().spec
    assert spec.source == ApplicationSource(repo_url="https://git.example.com/a.git", path="web")
    assert spec.destination.namespace == "demo"
    assert spec.sync_policy is None


def test_unknown_fields_survive() -> None:
    manifest = {"spec": {**SPEC, "fromTheFuture": {"a": [1]}}, "more": True}
    application = Application.from_manifest(manifest)
    assert application.spec.project == "default"
    assert application.to_manifest() == manifest


def test_a_bad_status_does_not_hide_the_spec() -> None:
    application = app(status={"sync": {"status": 3}})
    assert application.spec.project == "default"
    with pytest.raises(ManifestDecodeError) as caught:
        _ = application.status
    assert caught.value.field == "status.sync.status"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"destination": {}}, "spec.project"),
        ({**SPEC, "source": {"path": "web"}}, "spec.source.repoURL"),
        ({**SPEC, "source": {"repoURL": 1}}, "spec.source.repoURL"),
        (
            {**SPEC, "source": {"repoURL": "x", "helm": {"parameters": [{}, {"name": 1}]}}},
            "spec.source.helm.parameters[1].name",
        ),
        ({**SPEC, "syncPolicy": {"retry": {"limit": "two"}}}, "spec.syncPolicy.retry.limit"),
        (["not", "an", "object"], "spec"),
    ],
)
def test_what_cannot_be_read_is_named(spec: object, field: str) -> None:
    with pytest.raises(ManifestDecodeError) as caught:
        _ = app(spec=spec).spec
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


def test_null_is_absent_except_in_values() -> None:
    source = {"repoURL": "x", "path": None, "helm": {"valuesObject": {"drop": None}}}
    spec = app(spec={**SPEC, "source": source, "syncPolicy": None}).spec
    assert spec.source is not None
    assert spec.source.path == ""
    assert spec.source.helm is not None
    assert spec.source.helm.values_object == {"drop": None}


def test_an_absent_operation_is_none_and_an_absent_status_empty() -> None:
    assert app(operation=None).operation is None
    assert app().operation is None
    assert app().status == ApplicationStatus()


def test_zero_values_are_left_out() -> None:
    spec = ApplicationSpec(
        project="default",
        destination=ApplicationDestination(server="s"),
        source=ApplicationSource(
            repo_url="r", directory=ApplicationSourceDirectory(recurse=True, exclude="")
        ),
        sync_policy=SyncPolicy(automated=SyncPolicyAutomated(prune=True)),
    )
    assert encode(spec) == {
        "source": {"repoURL": "r", "directory": {"recurse": True, "jsonnet": {}}},
        "destination": {"server": "s"},
        "project": "default",
        "syncPolicy": {"automated": {"prune": True}},
    }


def test_a_false_that_is_not_the_default_is_written() -> None:
    assert encode(SyncPolicyAutomated(enabled=False)) == {"enabled": False}


def test_structs_by_value_are_always_there() -> None:
    operation = Operation(sync=SyncOperation(sync_strategy=SyncStrategy(hook=SyncStrategyHook())))
    assert encode(operation) == {
        "sync": {"syncStrategy": {"hook": {}}},
        "initiatedBy": {},
        "retry": {},
    }
    assert encode(ApplicationStatus()) == {
        "sync": {"status": "", "comparedTo": {"source": {"repoURL": ""}, "destination": {}}},
        "health": {},
        "summary": {},
        "sourceHydrator": {},
    }


def test_build_writes_a_whole_object() -> None:
    built = Application.build(
        Metadata(name="web", namespace="argocd", finalizers=("f",)), app().spec
    )
    assert built.to_manifest() == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": "argocd", "finalizers": ["f"]},
        "spec": SPEC,
    }
    assert built.qualified_name == "argocd/web"


def test_the_printed_form_has_the_contracts_order_and_parts() -> None:
    printed = app(
        apiVersion="argoproj.io/v1alpha1",
        kind="Application",
        operation={"sync": {}},
        metadata={"annotations": {"b": "1", "a": "2"}, "uid": "u", "name": "web"},
    ).to_json()
    assert list(printed) == ["metadata", "spec", "status", "operation"]
    assert json.dumps(printed["metadata"]) == (
        '{"name": "web", "uid": "u", "annotations": {"b": "1", "a": "2"}}'
    )
    assert list(printed["spec"]) == ["source", "destination", "project"]
