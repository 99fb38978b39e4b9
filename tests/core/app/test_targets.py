"""From rendered manifests to targets: placed, tracked, told apart, hooks aside."""

from typing import Any

from tiphys.core.app.conditions import Condition
from tiphys.core.app.targets import Place, Targets, prepare
from tiphys.core.settings import ResourceFilter, ResourceRule
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


def test_hooks_of_deletion_are_refused() -> None:
    hook = {"argocd.argoproj.io/hook": "PreDelete"}
    targets = prepared(manifest("Job", "bye", api_version="batch/v1", annotations=hook))
    assert targets.keys == ()
    assert targets.conditions == (
        Condition(
            ConditionType.COMPARISON_ERROR,
            "Job/bye: hook PreDelete is not supported by this version of Tiphys",
        ),
    )


def test_annotations_are_read() -> None:
    (target,) = prepared(
        manifest(
            annotations={
                "argocd.argoproj.io/sync-wave": "-3",
                "argocd.argoproj.io/sync-options": "Validate=false, Prune=confirm",
            }
        )
    ).objects
    assert (target.wave, target.confirm, target.version) == (-3, True, "v1")


def test_generated_names() -> None:
    unnamed = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "x-"}}
    targets = prepared(unnamed, unnamed)
    assert [target.name for target in targets.objects] == ["", ""]
    assert len({target.key for target in targets.objects}) == 2
