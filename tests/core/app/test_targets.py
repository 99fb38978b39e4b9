"""From rendered manifests to targets: placed, tracked, told apart, hooks aside."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from tests.core.app.build import SPEC
from tiphys.core.app.conditions import Condition
from tiphys.core.app.targets import Place, Targets, local_manifests, managed_namespace, prepare
from tiphys.core.settings import ResourceFilter, ResourceRule
from tiphys.model.application import (
    ApplicationDestination,
    ManagedNamespaceMetadata,
    SyncPolicy,
)
from tiphys.model.errors import RenderError
from tiphys.model.names import ANNOTATION_TRACKING_ID
from tiphys.model.resource import GroupKind, Manifest, ResourceKey
from tiphys.model.status import ConditionType, SyncPhase

WHERE = Place(instance="guestbook", namespace="demo", cluster="https://kubernetes.default.svc")
CLUSTER_SCOPED = {
    GroupKind("", "Namespace"),
    GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"),
}


def scope(kind: GroupKind) -> bool | None:
    return None if kind.group == "unknown.example.com" else kind not in CLUSTER_SCOPED


def manifest(
    kind: str = "ConfigMap",
    name: str = "a",
    *,
    api_version: str = "v1",
    namespace: str = "",
    annotations: dict[str, str] | None = None,
) -> Manifest:
    meta: dict[str, Any] = {"name": name}
    if namespace:
        meta["namespace"] = namespace
    if annotations:
        meta["annotations"] = annotations
    return {"apiVersion": api_version, "kind": kind, "metadata": meta}


def prepared(*manifests: Manifest, where: Place = WHERE) -> Targets:
    return prepare(manifests, where, scope, ResourceFilter())


def tracking(targets: Targets) -> list[str | None]:
    return [
        target.manifest["metadata"].get("annotations", {}).get(ANNOTATION_TRACKING_ID)
        for target in targets.objects
    ]


def test_namespaces_and_tracking() -> None:
    targets = prepared(
        manifest(),
        manifest(namespace="other"),
        manifest("Namespace", "team", namespace="wrong"),
        manifest("Odd", api_version="unknown.example.com/v1"),
    )
    assert targets.keys == (
        ResourceKey("", "ConfigMap", "demo", "a"),
        ResourceKey("", "ConfigMap", "other", "a"),
        ResourceKey("", "Namespace", "", "team"),
        ResourceKey("unknown.example.com", "Odd", "demo", "a"),
    )
    assert tracking(targets) == [
        "guestbook:/ConfigMap:demo/a",
        "guestbook:/ConfigMap:other/a",
        "guestbook:/Namespace:demo/team",
        "guestbook:unknown.example.com/Odd:demo/a",
    ]
    assert [target.namespaced for target in targets.objects] == [True, True, False, None]
    assert targets.conditions == ()


def test_definitions_belong_to_nobody() -> None:
    crd = manifest(
        "CustomResourceDefinition", "x.example.com", api_version="apiextensions.k8s.io/v1"
    )
    assert tracking(prepared(crd)) == [None]


def test_repeated_objects() -> None:
    targets = prepared(manifest(), manifest(annotations={"x": "second"}))
    (target,) = targets.objects
    assert target.manifest["metadata"]["annotations"]["x"] == "second"
    assert targets.conditions == (
        Condition(
            ConditionType.REPEATED_RESOURCE_WARNING,
            "Resource /ConfigMap/demo/a appeared 2 times among application resources.",
        ),
    )


def test_excluded_kinds() -> None:
    excluding = ResourceFilter(exclusions=(ResourceRule(kinds=("Config*",)),))
    targets = prepare([manifest(), manifest("Secret")], WHERE, scope, excluding)
    assert [target.key.kind for target in targets.objects] == ["Secret"]
    assert targets.conditions == (
        Condition(
            ConditionType.EXCLUDED_RESOURCE_WARNING,
            "Resource /ConfigMap a is excluded in the settings",
        ),
    )


def test_namespace_is_missing() -> None:
    nowhere = Place(instance="guestbook", namespace="", cluster="c")
    targets = prepared(
        manifest("Deployment", "web", api_version="apps/v1"),
        manifest("Namespace"),
        manifest("Odd", api_version="unknown.example.com/v1"),
        where=nowhere,
    )
    assert targets.conditions == (
        Condition(
            ConditionType.INVALID_SPEC_ERROR,
            "Namespace for web apps/v1, Kind=Deployment is missing.",
        ),
    )


def test_hooks_stand_aside() -> None:
    hook = "argocd.argoproj.io/hook"
    targets = prepared(
        manifest("Job", "both", api_version="batch/v1", annotations={hook: "PreSync,PostSync"}),
        manifest("Job", "never", api_version="batch/v1", annotations={hook: "Never"}),
        manifest(
            "Job", "helm", api_version="batch/v1", annotations={"helm.sh/hook": "post-install"}
        ),
        manifest(name="skipped", annotations={hook: "Skip"}),
    )
    assert [(target.name, target.skipped) for target in targets.objects] == [("skipped", True)]
    assert [(target.name, target.phases) for target in targets.hooks] == [
        ("both", (SyncPhase.PRE_SYNC, SyncPhase.POST_SYNC)),
        ("helm", (SyncPhase.POST_SYNC,)),
    ]
    assert len(targets.keys) == 3


def test_hooks_of_deletion_stand_apart() -> None:
    hook = "argocd.argoproj.io/hook"
    targets = prepared(
        manifest("Job", "bye", api_version="batch/v1", annotations={hook: "PreDelete"}),
        manifest("Job", "both", api_version="batch/v1", annotations={hook: "Sync,PostDelete"}),
        manifest("Job", "helm", api_version="batch/v1", annotations={"helm.sh/hook": "pre-delete"}),
        manifest("Job", "odd", api_version="batch/v1", annotations={hook: "Skip,PreDelete"}),
    )
    assert [target.name for target in targets.delete_hooks] == ["bye", "both", "helm", "odd"]
    assert [target.name for target in targets.hooks] == ["both"]
    assert targets.objects == ()
    # They belong to the application, as everything that it makes.
    assert targets.delete_hooks[0].manifest["metadata"]["annotations"][ANNOTATION_TRACKING_ID]


def test_the_managed_namespace() -> None:
    metadata = ManagedNamespaceMetadata(labels={"team": "a"}, annotations={"x": "y"})
    policy = SyncPolicy(managed_namespace_metadata=metadata)
    found = managed_namespace(replace(SPEC, sync_policy=policy))
    assert found is not None
    assert found.key == ResourceKey("", "Namespace", "", "demo")
    assert found.manifest["metadata"] == {
        "name": "demo",
        "labels": {"team": "a"},
        "annotations": {"x": "y", "argocd.argoproj.io/sync-options": "ServerSideApply=true"},
    }
    bare = SyncPolicy(managed_namespace_metadata=ManagedNamespaceMetadata())
    found = managed_namespace(replace(SPEC, sync_policy=bare))
    assert found is not None
    assert "labels" not in found.manifest["metadata"]
    assert managed_namespace(SPEC) is None
    nowhere = ApplicationDestination(server="https://kubernetes.default.svc")
    assert managed_namespace(replace(SPEC, sync_policy=policy, destination=nowhere)) is None


def test_local_manifests() -> None:
    one, two = manifest(), manifest("Secret")
    listed = {"apiVersion": "v1", "kind": "List", "items": [one, two]}
    assert local_manifests([json.dumps(one), json.dumps(listed)]) == (one, one, two)
    odd = {"apiVersion": "x/v1", "kind": "Shelf", "items": [1]}
    assert local_manifests([json.dumps(odd)]) == (odd,)
    for text, said in [
        ("kind: x", "manifest 2 of 2 is no JSON"),
        ("[" * 100_000, "manifest 2 of 2 is no JSON"),
        ("[]", "manifest 2 of 2 is no object with a kind"),
        ("{}", "manifest 2 of 2 is no object with a kind"),
        ('{"kind": "List", "items": ["x"]}', "manifest 2 of 2 is or lists what is no object"),
        ('{"kind": "List", "items": [{}]}', "manifest 2 of 2 is or lists what is no object"),
        ('{"kind": "Pod", "metadata": ["x"]}', "manifest 2 of 2 is or lists what is no object"),
    ]:
        with pytest.raises(ValueError, match=said):
            local_manifests([json.dumps(one), text])


def test_annotations_are_read() -> None:
    (target,) = prepared(
        manifest(
            annotations={
                "argocd.argoproj.io/sync-wave": "-3",
                "argocd.argoproj.io/sync-options": "Validate=false, Prune=confirm",
            }
        )
    ).objects
    assert (target.wave, target.version) == (-3, "v1")
    assert target.removal == {"Prune=confirm"}


def test_generated_names() -> None:
    unnamed = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "x-"}}
    targets = prepared(unnamed, unnamed)
    assert [target.name for target in targets.objects] == ["", ""]
    assert len({target.key for target in targets.objects}) == 2


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ("hello", "ConfigMap: metadata is not an object"),
        ({"name": 5}, "ConfigMap: metadata.name is not a text"),
        ({"name": "a", "namespace": ["b"]}, "ConfigMap: metadata.namespace is not a text"),
        ({"generateName": True}, "ConfigMap: metadata.generateName is not a text"),
    ],
)
def test_what_cannot_be_told_from_others_is_refused(metadata: object, said: str) -> None:
    with pytest.raises(RenderError) as caught:
        prepared({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    assert str(caught.value) == said
