"""Pairs of desired and live objects, and the status that is folded from them."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tiphys.core.app.compare import Folded, Itself, fold
from tiphys.core.app.conditions import Condition
from tiphys.core.app.pairing import Live, Pair, Pairing, Traits, pair, traits_of
from tiphys.core.app.targets import Target, Targets
from tiphys.model.live import LiveObject
from tiphys.model.resource import Manifest, ResourceKey
from tiphys.model.status import (
    ConditionType,
    HealthCode,
    HealthStatus,
    SyncCode,
    SyncPhase,
)

ITSELF = Itself(uid="app-uid", namespace="argocd", name="guestbook")
WEB = ResourceKey("apps", "Deployment", "demo", "web")
SERVICE = ResourceKey("", "Service", "demo", "web")
JOB = ResourceKey("batch", "Job", "demo", "migrate")


def manifest(key: ResourceKey, name: str | None = None) -> Manifest:
    return {"kind": key.kind, "metadata": {"name": key.name if name is None else name}}


def target(
    key: ResourceKey = WEB,
    *,
    wave: int = 0,
    skipped: bool = False,
    removal: str = "",
    namespaced: bool | None = True,
    phases: tuple[SyncPhase, ...] = (),
    name: str | None = None,
) -> Target:
    return Target(
        key=key,
        manifest=manifest(key, name),
        version="v1",
        namespaced=namespaced,
        wave=wave,
        skipped=skipped,
        removal=frozenset([removal] if removal else ()),
        phases=phases,
    )


def live(
    key: ResourceKey = WEB,
    *,
    traits: Traits = Traits(),  # noqa: B008 - a value
    health: HealthCode | None = HealthCode.HEALTHY,
    uid: str = "",
    tracking: str | None = None,
) -> Live:
    own = f"guestbook:{key.group}/{key.kind}:{key.namespace}/{key.name}"
    found = LiveObject(
        key=key,
        version="v1beta1",
        uid=uid or str(key),
        resource_version="1",
        tracking_id=own if tracking is None else tracking,
        health=HealthStatus(health) if health else None,
    )
    return Live(found, traits)


def paired(
    objects: Sequence[Target] = (), found: Sequence[Live] = (), hooks: Sequence[Target] = ()
) -> Pairing:
    targets = Targets(tuple(objects), tuple(hooks))
    return pair(targets, found, instance="guestbook", qualified_name="argocd/guestbook")


def folded(
    objects: Sequence[Target] = (),
    found: Sequence[Live] = (),
    *,
    modified: bool = False,
    load_failed: bool = False,
    health_inline: bool = False,
    hooks: Sequence[Target] = (),
) -> Folded:
    return fold(
        paired(objects, found, hooks).pairs,
        lambda _pair: modified,
        itself=ITSELF,
        load_failed=load_failed,
        health_inline=health_inline,
    )


# Pairs


def test_both_sides_one_side_and_their_order() -> None:
    pairing = paired([target(WEB), target(SERVICE)], [live(JOB), live(WEB)])
    assert [(p.key, p.target is not None, p.live is not None) for p in pairing.pairs] == [
        (SERVICE, True, False),
        (WEB, True, True),
        (JOB, False, True),
    ]
    assert pairing.conditions == ()


def test_unknown_scope_finds_the_cluster_scoped_object() -> None:
    key = ResourceKey("example.com", "Odd", "demo", "a")
    bare = key._replace(namespace="")
    (pair_,) = paired([target(key, namespaced=None)], [live(bare)]).pairs
    assert (pair_.key, pair_.own, pair_.live is not None) == (bare, True, True)
    assert len(paired([target(key, namespaced=True)], [live(bare)]).pairs) == 2


def test_hooks_are_no_pairs_until_they_are_live() -> None:
    hook = target(JOB, phases=(SyncPhase.PRE_SYNC,), wave=4)
    assert paired(hooks=[hook]) == Pairing((), ((hook, None),), ())
    found = live(JOB, traits=Traits(hook=True))
    pairing = paired(hooks=[hook], found=[found])
    assert pairing.pairs == (Pair(JOB, None, found, own=True, wave=4),)
    assert pairing.hooks == ((hook, found.object),)


def test_one_object_under_two_groups_is_one() -> None:
    old = ResourceKey("extensions", "Ingress", "demo", "web")
    new = ResourceKey("networking.k8s.io", "Ingress", "demo", "web")
    twins = [live(old, uid="u"), live(new, uid="u")]
    assert [p.key for p in paired([target(new)], twins).pairs] == [new]
    assert [p.key for p in paired([target(old)], twins).pairs] == [old]
    assert [p.key for p in paired([], twins).pairs] == [old]
    assert [p.key for p in paired([target(old), target(new)], twins).pairs] == [old, new]


def test_an_object_of_another_application() -> None:
    shared = live(WEB, tracking="team_other:apps/Deployment:demo/web")
    unlabelled = live(SERVICE, tracking="")
    pairing = paired([target(WEB), target(SERVICE)], [shared, unlabelled])
    assert pairing.conditions == (
        Condition(
            ConditionType.SHARED_RESOURCE_WARNING,
            "Deployment/web is part of applications argocd/guestbook and team/other",
        ),
    )


def test_copied_annotations_do_not_make_an_object_ours() -> None:
    copy = live(WEB, tracking="guestbook:apps/Deployment:demo/original")
    (pair_,) = paired([], [copy]).pairs
    assert not pair_.own
    assert paired([target(WEB)], [copy]).pairs[0].own


def test_traits() -> None:
    annotations = {
        "argocd.argoproj.io/ignore-healthcheck": "true",
        "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
        "argocd.argoproj.io/sync-options": "Delete=confirm",
    }
    assert traits_of({"metadata": {"annotations": annotations}}) == Traits(
        excused=True, extraneous=True, removal=frozenset(["Delete=confirm"])
    )
    hook = {"metadata": {"annotations": {"argocd.argoproj.io/hook": "Sync"}}}
    assert traits_of(hook) == Traits(hook=True)
    skip = {"metadata": {"annotations": {"argocd.argoproj.io/hook": "Skip"}}}
    assert traits_of(skip) == Traits(skipped=True)


# The fold


def test_nothing_at_all_is_synced() -> None:
    result = folded()
    assert (result.sync, result.resources) == (SyncCode.SYNCED, ())


@pytest.mark.parametrize(
    ("modified", "code"), [(False, SyncCode.SYNCED), (True, SyncCode.OUT_OF_SYNC)]
)
def test_both_sides(modified: bool, code: SyncCode) -> None:
    result = folded([target(wave=2)], [live()], modified=modified)
    (resource,) = result.resources
    assert result.sync is code
    assert resource.status == code
    assert (resource.group, resource.version, resource.kind) == ("apps", "v1", "Deployment")
    assert (resource.namespace, resource.name, resource.sync_wave) == ("demo", "web", 2)
    assert resource.health is None
    assert not resource.requires_pruning


def test_missing() -> None:
    result = folded([target()])
    assert result.sync is SyncCode.OUT_OF_SYNC
    assert result.resources[0].status == "OutOfSync"
    assert result.health.status is HealthCode.MISSING


def test_extra() -> None:
    result = folded([], [live()])
    assert result.sync is SyncCode.OUT_OF_SYNC
    assert result.resources[0].requires_pruning
    assert result.resources[0].version == "v1beta1"


def test_extra_but_tolerated() -> None:
    tolerated = Traits(extraneous=True)
    result = folded([], [live(traits=tolerated)])
    assert result.sync is SyncCode.SYNCED
    assert result.resources[0].status == "OutOfSync"
    assert result.resources[0].requires_pruning
    wanted = folded([target()], [live(traits=tolerated)], modified=True)
    assert wanted.sync is SyncCode.OUT_OF_SYNC


def test_another_s_object_is_not_judged() -> None:
    copy = live(WEB, tracking="guestbook:apps/Deployment:demo/original")
    result = folded([], [copy])
    assert result.sync is SyncCode.SYNCED
    assert (result.resources[0].status, result.resources[0].requires_pruning) == ("", False)


def test_live_hooks_are_shown_and_do_not_count() -> None:
    result = folded([], [live(JOB, traits=Traits(hook=True), health=HealthCode.DEGRADED)])
    (resource,) = result.resources
    assert (resource.status, resource.hook) == ("", True)
    assert resource.requires_pruning
    assert (result.sync, result.health.status) == (SyncCode.SYNCED, HealthCode.HEALTHY)


@pytest.mark.parametrize("found", [[], [live(traits=Traits(skipped=True))], [live()]])
def test_skipped_objects_do_not_count(found: list[Live]) -> None:
    result = folded([target(skipped=True)], found, modified=True)
    assert result.sync is SyncCode.SYNCED
    assert result.resources[0].status == ""
    assert result.health.status is HealthCode.HEALTHY


def test_what_was_not_loaded_is_unknown_and_nothing_is_extra() -> None:
    hook = live(JOB, traits=Traits(hook=True))
    result = folded([target(SERVICE)], [live(), hook, live(SERVICE)], load_failed=True)
    assert result.sync is SyncCode.UNKNOWN
    assert {resource.status for resource in result.resources} == {"Unknown"}
    assert not any(resource.requires_pruning for resource in result.resources)


def test_health_is_stored_where_it_is_asked_for() -> None:
    result = folded(
        [target(), target(SERVICE)],
        [live(health=HealthCode.DEGRADED), live(JOB, health=None)],
        health_inline=True,
    )
    shown = {resource.kind: resource.health for resource in result.resources}
    assert shown["Job"] is None
    assert shown["Service"] is not None
    assert shown["Service"].status == "Missing"
    assert shown["Deployment"] is not None
    assert shown["Deployment"].status == "Degraded"
    assert result.health.message == "Caused by apps/Deployment:demo/web"


def test_the_application_and_its_own_health() -> None:
    key = ResourceKey("argoproj.io", "Application", "argocd", "guestbook")
    itself = live(key, uid="app-uid", health=HealthCode.DEGRADED)
    assert folded([target(key)], [itself]).health.status is HealthCode.HEALTHY
    other = live(key, uid="other", health=HealthCode.DEGRADED)
    assert folded([target(key)], [other]).health.status is HealthCode.DEGRADED


def test_excused_objects_do_not_count_for_health() -> None:
    excused = live(traits=Traits(excused=True), health=HealthCode.DEGRADED)
    assert folded([target()], [excused]).health.status is HealthCode.HEALTHY


ASKS = frozenset(["Delete=confirm"])


def test_confirmation_by_either_side() -> None:
    def asked(left: Target, right: Sequence[Live], *options: str) -> bool:
        pairs = paired([left], right).pairs
        result = fold(pairs, lambda _pair: False, itself=ITSELF, options=options)
        return result.resources[0].requires_deletion_confirmation

    assert asked(target(), [live(traits=Traits(removal=ASKS))])
    assert asked(target(removal="Prune=confirm"), [])
    assert not asked(target(), [live()])
    # What the application says holds where the object is silent.
    assert asked(target(), [], "Prune=confirm")
    assert not asked(target(removal="Prune=false"), [], "Prune=confirm")


def test_what_the_project_does_not_permit_is_unknown() -> None:
    pairs = paired([target(WEB), target(SERVICE)], [live(WEB), live(SERVICE)]).pairs
    result = fold(
        pairs, lambda _pair: False, itself=ITSELF, permitted=lambda entry: entry.key == WEB
    )
    assert [resource.status for resource in result.resources] == ["Unknown", "Synced"]
    assert result.sync is SyncCode.SYNCED


def test_other_metadata_of_the_namespace_makes_the_application_out_of_sync() -> None:
    pairs = paired([target()], [live()]).pairs
    result = fold(pairs, lambda _pair: False, itself=ITSELF, metadata_differs=True)
    assert (result.sync, result.resources[0].status) == (SyncCode.OUT_OF_SYNC, "Synced")


@pytest.mark.parametrize(("instance", "stays"), [("guestbook", True), ("other", False)])
def test_a_managed_namespace_that_is_tracked_is_not_extra(instance: str, stays: bool) -> None:
    key = ResourceKey("", "Namespace", "", "demo")
    found = live(key)
    found = replace(found, object=replace(found.object, instance=instance))
    targets = Targets(namespace=target(key, namespaced=False))
    pairing = pair(targets, [found], instance="guestbook", qualified_name="argocd/guestbook")
    assert [entry.target is not None for entry in pairing.pairs] == [stays]
    # Nothing is wanted of one that is not there.
    assert pair(targets, [], instance="guestbook", qualified_name="argocd/x").pairs == ()


def test_generated_names_are_not_shown_before_they_exist() -> None:
    unnamed = target(WEB._replace(name="web-0"), name="")
    assert folded([unnamed], []).resources[0].name == ""


def test_resources_are_sorted_and_stay_beside_their_pairs() -> None:
    pairing = paired([target(WEB), target(SERVICE)], [live(WEB), live(SERVICE)])
    result = fold(pairing.pairs, lambda entry: entry.key == WEB, itself=ITSELF)
    assert [(resource.kind, resource.status) for resource in result.resources] == [
        ("Service", "Synced"),
        ("Deployment", "OutOfSync"),
    ]
    renamed = replace(ITSELF, name="other")
    assert fold(pairing.pairs, lambda _entry: False, itself=renamed).sync is SyncCode.SYNCED
