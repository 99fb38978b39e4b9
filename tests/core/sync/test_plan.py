"""From pairs and hooks to a plan: tasks, their turns, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.core.sync.world import record
from tiphys.core.sync.manner import Manner, Write
from tiphys.core.sync.plan import plan
from tiphys.core.sync.request import HookTarget, SyncPair, SyncRequest, request_for
from tiphys.core.sync.task import LiveFacts, Plan, SyncTask
from tiphys.core.sync.tasks import hook_targets
from tiphys.model.live import Propagation
from tiphys.model.operation import (
    ManagedNamespaceMetadata,
    Operation,
    SyncOperation,
    SyncOperationResource,
    SyncStrategy,
    SyncStrategyApply,
    SyncStrategyHook,
)
from tiphys.model.resource import ApiResource, GroupVersionKind, Manifest, ResourceKey
from tiphys.model.status import HealthCode, HookDeletePolicy, SyncPhase

HOOK = "argocd.argoproj.io/hook"
OPTIONS = "argocd.argoproj.io/sync-options"
WAVE = "argocd.argoproj.io/sync-wave"
START = "2026-11-23T10:00:00Z"

SERVED = {
    GroupVersionKind(group, version, kind): ApiResource(
        group,
        version,
        kind,
        kind.lower() + "s",
        kind not in ("Namespace", "ClusterRole"),
        frozenset(),
    )
    for group, version, kind in (
        ("", "v1", "ConfigMap"),
        ("", "v1", "Namespace"),
        ("apps", "v1", "Deployment"),
        ("batch", "v1", "Job"),
        ("rbac.authorization.k8s.io", "v1", "ClusterRole"),
        ("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
    )
}


def request(**changes: Any) -> SyncRequest:
    base = SyncRequest(namespace="demo", revision="0123456789", started_at=START, kinds=SERVED)
    return replace(base, **changes)


def manifest(
    kind: str = "ConfigMap",
    name: str = "a",
    *,
    namespace: str = "demo",
    api: str = "v1",
    annotations: Mapping[str, str] | None = None,
    **rest: Any,
) -> Manifest:
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


def live(item: Manifest, uid: str = "u1") -> Manifest:
    return {**item, "metadata": {**item["metadata"], "uid": uid}}


def pairs(*targets: Manifest) -> list[SyncPair]:
    return [SyncPair(target) for target in targets]


def order(made: Plan) -> list[tuple[str, str, int]]:
    return [(task.key.name, str(task.phase), task.wave) for task in made.tasks]


def job(name: str = "migrate", types: str = "PreSync", **rest: Any) -> Manifest:
    return manifest("Job", name, api="batch/v1", annotations={HOOK: types}, **rest)


def test_an_object_is_a_task_of_the_sync_phase() -> None:
    image = {"template": {"spec": {"containers": [{"image": "web:1"}]}}}
    web = manifest("Deployment", "web", api="apps/v1", spec=image)
    (task,) = plan(request(), [SyncPair(web, live(web), modified=False)]).tasks
    assert task.id.phase is SyncPhase.SYNC
    assert task.id.shown == task.key
    assert task.live
    assert task.live.uid == "u1"
    assert not task.changed
    assert task.validate
    assert task.images == ("web:1",)
    assert task.target is web


def test_cluster_scoped_targets_show_the_destination_namespace() -> None:
    role = manifest("ClusterRole", "r", namespace="", api="rbac.authorization.k8s.io/v1")
    (task,) = plan(request(), pairs(role)).tasks
    assert task.key.namespace == ""
    assert task.id.shown.namespace == "demo"
    (pruned,) = plan(request(prune=True), [SyncPair(None, live(role))]).tasks
    assert pruned.id.shown.namespace == ""


@pytest.mark.parametrize(
    "pair",
    [
        SyncPair(None, None),
        SyncPair(manifest(annotations={HOOK: "Skip"})),
        SyncPair(job()),
        SyncPair(None, live(job())),
        SyncPair(manifest(), live(manifest()), own=False),
    ],
)
def test_what_no_sync_touches(pair: SyncPair) -> None:
    assert plan(request(prune=True), [pair]).tasks == ()


def test_selective_sync_takes_what_is_named() -> None:
    items = pairs(manifest(name="a"), manifest(name="b"), manifest(name="c"))
    chosen = (
        SyncOperationResource(kind="ConfigMap", name="a"),
        SyncOperationResource(kind="ConfigMap", name="b", namespace="other"),
        SyncOperationResource(kind="ConfigMap", name="c", namespace="demo"),
        SyncOperationResource(group="apps", kind="ConfigMap", name="b"),
    )
    made = plan(request(resources=chosen), items)
    assert [task.key.name for task in made.tasks] == ["a", "c"]
    assert hook_targets(request(resources=chosen), [job()]) == ()


def test_phase_then_wave_then_kind_then_name() -> None:
    hooks = [
        HookTarget(SyncPhase.SYNC_FAIL, job("f", "SyncFail")),
        HookTarget(SyncPhase.POST_SYNC, job("q", "PostSync")),
        HookTarget(SyncPhase.PRE_SYNC, job("p")),
    ]
    items = pairs(
        manifest("Deployment", "web", api="apps/v1"),
        manifest(name="b"),
        manifest(name="a"),
        manifest(name="early", annotations={WAVE: "-1"}),
    )
    names = [task.key.name for task in plan(request(), items, hooks).tasks]
    assert names == ["p", "early", "a", "b", "web", "q", "f"]


# Prunes


def old(name: str, wave: int = 0, option: str = "") -> SyncPair:
    notes = {WAVE: str(wave), **({OPTIONS: option} if option else {})}
    return SyncPair(None, live(manifest(name=name, annotations=notes)))


def test_prune_waves_are_mirrored() -> None:
    made = plan(request(prune=True), [old("a", 1), old("b", 2), old("c", 5)])
    assert order(made) == [("c", "Sync", 1), ("b", "Sync", 2), ("a", "Sync", 5)]


def test_prune_last_goes_behind_the_highest_wave() -> None:
    items = [old("first"), old("last", option="PruneLast=true")]
    made = plan(request(prune=True), [*items, *pairs(manifest(annotations={WAVE: "3"}))])
    assert order(made) == [("first", "Sync", 0), ("a", "Sync", 3), ("last", "Sync", 4)]
    below = pairs(manifest(annotations={WAVE: "-3"}))
    every = plan(request(prune=True, options=frozenset({"PruneLast=true"})), [*below, old("x", -3)])
    assert order(every) == [("a", "Sync", -3), ("x", "Sync", 1)]


@pytest.mark.parametrize(
    ("prune", "own", "application", "keep"),
    [
        (True, "", "", ""),
        (False, "", "", "ignored (requires pruning)"),
        (False, "Prune=false", "", "ignored (requires pruning)"),
        (True, "Prune=false", "", "ignored (no prune)"),
        (True, "", "Prune=false", "ignored (no prune)"),
        (True, "Prune=true", "Prune=false", ""),
    ],
)
def test_what_is_not_pruned(*, prune: bool, own: str, application: str, keep: str) -> None:
    asked = request(prune=prune, options=frozenset({application} - {""}))
    (task,) = plan(asked, [old("x", option=own)]).tasks
    assert task.keep == keep


@pytest.mark.parametrize(
    ("options", "how"),
    [
        ((), Propagation.FOREGROUND),
        (("PrunePropagationPolicy=orphan",), Propagation.ORPHAN),
        (
            ("PrunePropagationPolicy=background", "PrunePropagationPolicy=orphan"),
            Propagation.BACKGROUND,
        ),
    ],
)
def test_propagation(options: tuple[str, ...], how: Propagation) -> None:
    assert plan(request(options=frozenset(options)), []).propagation is how


# Hooks


def test_a_hook_is_named_held_and_stamped() -> None:
    bare = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "generateName": "migrate-",
            "namespace": "demo",
            "annotations": {HOOK: "PreSync,PostSync"},
        },
    }
    asked = request(attempt=2)
    first, second = hook_targets(asked, [bare])
    assert (first.phase, second.phase) == (SyncPhase.PRE_SYNC, SyncPhase.POST_SYNC)
    name = "migrate-0123456-presync-1795428000"
    assert first.manifest["metadata"]["name"] == name
    pre, post = plan(asked, [], [first, second]).tasks
    assert pre.hook
    assert pre.target
    assert pre.target["metadata"]["finalizers"] == ["argocd.argoproj.io/hook-finalizer"]
    stamp = f"{START}/2/PreSync"
    assert pre.stamp == stamp
    assert pre.target["metadata"]["annotations"]["tiphys.dev/operation"] == stamp
    assert post.stamp == f"{START}/2/PostSync"
    assert pre.policies == frozenset({HookDeletePolicy.BEFORE_HOOK_CREATION})
    # A stamp of ours is found again on what is live.
    assert pre.target is not None
    seen = HookTarget(SyncPhase.PRE_SYNC, first.manifest, live(pre.target))
    (again,) = plan(asked, [], [seen]).tasks
    assert again.live
    assert again.live.health
    assert again.live.health.status is HealthCode.PROGRESSING
    assert replace(again.live, health=None) == LiveFacts("u1", stamp=stamp, finalizer=True)


def test_a_finalizer_that_is_there_is_not_doubled() -> None:
    held = job()
    held = {
        **held,
        "metadata": {
            **held["metadata"],
            "finalizers": ["argocd.argoproj.io/hook-finalizer", "x/y"],
        },
    }
    (task,) = plan(request(), [], [HookTarget(SyncPhase.PRE_SYNC, held)]).tasks
    assert task.target
    assert task.target["metadata"]["finalizers"] == ["argocd.argoproj.io/hook-finalizer", "x/y"]


def test_hooks_of_one_name_are_one_task() -> None:
    twice = [HookTarget(SyncPhase.PRE_SYNC, job()), HookTarget(SyncPhase.PRE_SYNC, job(spec={}))]
    (task,) = plan(request(), [], twice).tasks
    assert task.target
    assert "spec" in task.target


def test_strategy_apply_has_no_hooks() -> None:
    assert hook_targets(request(skip_hooks=True), [job()]) == ()
    assert len(hook_targets(request(), [job(), job("never", "Unknown")])) == 1


# The destination namespace


CREATE = frozenset({"CreateNamespace=true"})


def test_create_namespace_adds_a_task() -> None:
    made = plan(request(options=CREATE, namespace_live=False), pairs(manifest()))
    space = made.tasks[0]
    assert order(made) == [("demo", "PreSync", 0), ("a", "Sync", 0)]
    assert space.target == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}}
    assert space.id.shown.namespace == ""
    assert made.namespace == space.id


@pytest.mark.parametrize(
    "asked",
    [
        request(namespace_live=False),
        request(options=CREATE),
        request(options=CREATE, namespace_live=False, namespace=""),
    ],
)
def test_without_need_there_is_no_namespace_task(asked: SyncRequest) -> None:
    made = plan(asked, pairs(manifest()))
    assert [task.key.name for task in made.tasks] == ["a"]
    assert made.namespace is None


def test_a_namespace_from_git_wins() -> None:
    space = manifest("Namespace", "demo", namespace="")
    made = plan(request(options=CREATE, namespace_live=False), pairs(manifest(), space))
    assert order(made) == [("demo", "Sync", 0), ("a", "Sync", 0)]
    assert made.namespace == made.tasks[0].id
    existing = plan(request(options=CREATE), [SyncPair(space, live(space))])
    assert existing.namespace is None


# Dependencies


def test_a_namespace_moves_before_its_first_user() -> None:
    late = manifest("Namespace", "other", namespace="", annotations={WAVE: "5"})
    hook = HookTarget(SyncPhase.PRE_SYNC, job(namespace="other"))
    made = plan(request(), pairs(late, manifest()), [hook])
    assert order(made) == [
        ("other", "PreSync", 0),
        ("migrate", "PreSync", 0),
        ("a", "Sync", 0),
    ]
    assert made.tasks[0].id.phase is SyncPhase.PRE_SYNC


def crd(name: str = "widgets.example.com", wave: str = "0", **spec: Any) -> Manifest:
    body = {"group": "example.com", "names": {"kind": "Widget"}, **spec}
    return manifest(
        "CustomResourceDefinition",
        name,
        namespace="",
        api="apiextensions.k8s.io/v1",
        annotations={WAVE: wave},
        spec=body,
    )


def test_a_crd_moves_before_its_first_user_and_lets_its_dry_run_be_skipped() -> None:
    widget = manifest("Widget", "w", api="example.com/v1", annotations={WAVE: "-2"})
    made = plan(request(), pairs(crd(wave="3"), widget))
    assert order(made) == [("widgets.example.com", "Sync", -2), ("w", "Sync", -2)]
    assert made.problems == ()
    assert [task.skip_dry_run for task in made.tasks] == [False, True]


@pytest.mark.parametrize("spec", [{"names": None}, {"names": {"kind": "Other"}}])
def test_a_crd_of_another_kind_does_not_help(spec: Mapping[str, Any]) -> None:
    widget = manifest("Widget", "w", api="example.com/v1")
    made = plan(request(), pairs(crd(**spec), widget))
    assert [problem.text for problem in made.problems] == [
        "The Kubernetes API could not find example.com/Widget for requested resource demo/w. "
        'Make sure the "Widget" CRD is installed on the destination cluster.'
    ]


def test_a_version_that_is_not_served_is_named() -> None:
    newer = manifest("Deployment", "web", api="apps/v9")
    kinds = {
        **SERVED,
        GroupVersionKind("apps", "v9", "Deployment"): SERVED[
            GroupVersionKind("apps", "v1", "Deployment")
        ],
    }
    (problem,) = plan(request(kinds=kinds), pairs(newer)).problems
    assert problem.text == (
        'The Kubernetes API could not find version "v9" of apps/Deployment for requested '
        'resource demo/web. Version "v1" of apps/Deployment is installed on the destination '
        "cluster."
    )


def test_a_missing_kind_may_be_announced() -> None:
    widget = manifest(
        "Widget",
        "w",
        api="example.com/v1",
        annotations={OPTIONS: "SkipDryRunOnMissingResource=true"},
    )
    assert plan(request(), pairs(widget)).problems == ()
    everywhere = request(options=frozenset({"SkipDryRunOnMissingResource=true"}))
    plain = manifest("Widget", "w", api="example.com/v1")
    assert plan(everywhere, pairs(plain)).problems == ()


# Options


def test_what_is_asked_for_reaches_the_task() -> None:
    target = manifest(annotations={OPTIONS: "Validate=false, ServerSideApply=true"})
    made = plan(request(), [SyncPair(target, live(target))], [])
    assert made.tasks[0].manner == Manner(write=Write.APPLY, migrate="kubectl-client-side-apply")
    hooks = [HookTarget(SyncPhase.PRE_SYNC, job(), live(job()))]
    made = plan(request(forced=True, options=frozenset({"Replace=true"})), [], hooks)
    assert made.tasks[0].manner == Manner(write=Write.REPLACE, force=True)


@pytest.mark.parametrize(
    ("own", "application", "asks"),
    [
        ("", "", False),
        ("Prune=confirm", "", True),
        ("", "Prune=confirm", True),
        ("Prune=true", "Prune=confirm", False),
        ("Prune=confirm", "Prune=false", True),
        ("Prune=false", "Prune=confirm", False),
    ],
)
@pytest.mark.parametrize("prune", [True, False])
def test_prunes_that_somebody_has_to_agree_to(
    own: str, application: str, *, asks: bool, prune: bool
) -> None:
    asked = request(prune=prune, options=frozenset({application}))
    (task,) = plan(asked, [old("x", option=own)]).tasks
    assert task.confirm is asks


# What may be touched


def refusing(key: ResourceKey, namespaced: bool) -> str:
    return f"no {key.kind} {key.namespace} {namespaced}"


def test_every_task_is_asked_whether_it_may() -> None:
    role = manifest("ClusterRole", "r", namespace="", api="rbac.authorization.k8s.io/v1")
    asked = request(
        permits=refusing,
        options=frozenset({"CreateNamespace=true"}),
        namespace_live=False,
        prune=True,
    )
    made = plan(
        asked, [*pairs(manifest(), role), old("gone")], [HookTarget(SyncPhase.PRE_SYNC, job())]
    )
    assert [(problem.task, problem.text) for problem in made.problems] == [
        (made.tasks[0].id, "no Namespace  False"),
        (made.tasks[1].id, "no Job demo True"),
        (made.tasks[2].id, "no ConfigMap demo True"),
        (made.tasks[3].id, "no ConfigMap demo True"),
        (made.tasks[4].id, "no ClusterRole  False"),
    ]


def test_a_kind_that_is_to_come_is_not_asked_for() -> None:
    widget = manifest("Widget", "w", api="example.com/v1")
    skip = frozenset({"SkipDryRunOnMissingResource=true"})
    assert plan(request(permits=refusing, options=skip), pairs(widget)).problems == ()


# The namespace


CREATE = frozenset({"CreateNamespace=true"})
METADATA = ManagedNamespaceMetadata(labels={"team": "a"}, annotations={"note": "b"})


def test_the_metadata_of_a_namespace_is_applied_by_the_server() -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo", "uid": "u"}}
    asked = request(options=CREATE, namespace_metadata=METADATA, namespace_object=space)
    (task,) = plan(asked, []).tasks
    assert task.target == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "demo",
            "labels": {"team": "a"},
            "annotations": {"note": "b", OPTIONS: "ServerSideApply=true"},
        },
    }
    assert task.manner.write is Write.APPLY
    assert (task.phase, task.live) == (SyncPhase.PRE_SYNC, LiveFacts("u"))
    # It is there, so nothing has to come before the dry run.
    assert plan(asked, []).namespace is None
    missing = request(options=CREATE, namespace_metadata=METADATA, namespace_live=False)
    made = plan(missing, [])
    assert made.namespace == made.tasks[0].id


def test_options_of_a_managed_namespace_stay() -> None:
    metadata = ManagedNamespaceMetadata(annotations={OPTIONS: "Validate=false"})
    (task,) = plan(
        request(options=CREATE, namespace_metadata=metadata, namespace_live=False), []
    ).tasks
    assert task.target
    wishes = task.target["metadata"]["annotations"][OPTIONS]
    assert wishes == "Validate=false,ServerSideApply=true"


@pytest.mark.parametrize(
    "asked",
    [
        request(options=CREATE),
        request(options=CREATE, namespace_metadata=METADATA),
        request(namespace_metadata=METADATA, namespace_live=False),
        request(options=CREATE, namespace="", namespace_live=False),
    ],
)
def test_a_namespace_that_is_left_alone(asked: SyncRequest) -> None:
    assert plan(asked, []).tasks == ()


def test_a_namespace_that_could_not_be_read() -> None:
    (problem,) = plan(request(namespace_error="forbidden"), []).problems
    assert (problem.task, problem.text) == (None, "namespace auto creation failed: forbidden")


def test_options_reach_the_plan() -> None:
    asked = request(options=frozenset({"ApplyOutOfSyncOnly=true", "Validate=false"}), dry_run=True)
    made = plan(asked, pairs(manifest()))
    assert made.out_of_sync_only
    assert made.dry_run
    assert not made.tasks[0].validate


@pytest.mark.parametrize(
    ("strategy", "forced", "skipped"),
    [
        (None, False, False),
        (SyncStrategy(hook=SyncStrategyHook()), False, False),
        (SyncStrategy(hook=SyncStrategyHook(force=True)), True, False),
        (SyncStrategy(apply=SyncStrategyApply()), False, True),
        (SyncStrategy(apply=SyncStrategyApply(force=True)), True, True),
    ],
)
def test_a_request_is_read_from_the_record(
    strategy: SyncStrategy | None, *, forced: bool, skipped: bool
) -> None:
    sync = SyncOperation(
        prune=True, dry_run=True, sync_strategy=strategy, sync_options=("Prune=false",)
    )
    made = request_for(
        record(operation=Operation(sync=sync), retry_count=3),
        namespace="demo",
        revision="abc",
        namespace_live=True,
        kinds=SERVED,
        annotations={"argocd.argoproj.io/client-side-apply-migration-manager": "mine"},
        confirmed=True,
        permits=refusing,
    )
    assert (made.migrate, made.confirmed, made.permits) == ("mine", True, refusing)
    assert (made.forced, made.skip_hooks) == (forced, skipped)
    assert (made.prune, made.dry_run, made.attempt) == (True, True, 3)
    assert made.options == frozenset({"Prune=false"})
    assert made.started_at == START
    bare = request_for(
        record(operation=Operation()), namespace="", revision="", namespace_live=True, kinds={}
    )
    assert bare.options == frozenset()
    assert bare.migrate == "kubectl-client-side-apply"


def test_live_facts_are_read_with_care() -> None:
    odd: Manifest = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}}
    (task,) = plan(request(), [SyncPair(odd, {**odd, "metadata": None})]).tasks
    assert task.live == LiveFacts("")
    assert isinstance(task, SyncTask)
