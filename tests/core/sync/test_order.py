"""What holds of every plan's order, whatever is in it."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.core.sync.test_plan import HOOK, OPTIONS, WAVE, live, manifest, request
from tiphys.core.manifest.order import apply_order
from tiphys.core.sync.plan import plan
from tiphys.core.sync.request import HookTarget, SyncPair
from tiphys.core.sync.task import Plan, SyncTask
from tiphys.model.resource import ApiResource, GroupVersionKind, Manifest
from tiphys.model.status import SyncPhase

KINDS = {
    "ConfigMap": "v1",
    "Service": "v1",
    "Deployment": "apps/v1",
    "Widget": "example.com/v1",
    "Namespace": "v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
}
GIVERS = ("Namespace", "CustomResourceDefinition")
PHASES = list(SyncPhase)
SERVED = {
    gvk: ApiResource(*gvk, gvk.kind.lower() + "s", gvk.kind not in GIVERS, frozenset())
    for kind, version in KINDS.items()
    for gvk in [GroupVersionKind(*version.rpartition("/")[::2], kind)]
}


@st.composite
def objects(draw: st.DrawFn, kinds: tuple[str, ...] = tuple(KINDS)) -> Manifest:
    kind = draw(st.sampled_from(kinds))
    notes = {WAVE: str(draw(st.integers(-3, 3)))}
    if draw(st.booleans()):
        notes[OPTIONS] = "PruneLast=true"
    if kind == "Namespace":
        # Its users are in the namespaces demo and other.
        name = draw(st.sampled_from(["demo", "other"]))
        return manifest(kind, name, namespace="", annotations=notes)
    name = f"n{draw(st.integers(0, 99))}"
    if kind == "CustomResourceDefinition":
        spec = {"group": "example.com", "names": {"kind": "Widget"}}
        return manifest(kind, name, namespace="", api=KINDS[kind], annotations=notes, spec=spec)
    place = draw(st.sampled_from(["demo", "other"]))
    return manifest(kind, name, namespace=place, api=KINDS[kind], annotations=notes)


def plain() -> st.SearchStrategy[Manifest]:
    """Objects that nothing else needs."""
    return objects(tuple(kind for kind in KINDS if kind not in GIVERS))


Wanted = tuple[list[Manifest], list[Manifest], list[tuple[SyncPhase, Manifest]]]


def wanted(of: st.SearchStrategy[Manifest]) -> st.SearchStrategy[Wanted]:
    """Targets, prunes and hooks."""
    hooks = st.tuples(st.sampled_from(PHASES), plain())
    return st.tuples(
        st.lists(of, max_size=8, unique_by=_identity),
        st.lists(of, max_size=8, unique_by=_identity),
        st.lists(hooks, max_size=4, unique_by=lambda one: (one[0], _identity(one[1]))),
    )


def _identity(item: Manifest) -> tuple[str, str, str]:
    meta = item["metadata"]
    return item["kind"], meta.get("namespace", ""), meta["name"]


def made(asked: Wanted) -> Plan:
    targets, prunes, hooks = asked
    known = {_identity(one) for one in targets}
    pairs = [SyncPair(one) for one in targets]
    pairs += [SyncPair(None, live(one)) for one in prunes if _identity(one) not in known]
    named = [
        HookTarget(phase, {**one, "metadata": {**one["metadata"], "annotations": {
            **one["metadata"]["annotations"], HOOK: phase.value}}})
        for phase, one in hooks
    ]  # fmt: skip
    return plan(request(prune=True, kinds=SERVED), pairs, named)


def turn(task: SyncTask) -> tuple[int, int]:
    return PHASES.index(task.phase), task.wave


@given(wanted(plain()))
def test_phase_wave_kind_and_name_decide(asked: Wanted) -> None:
    tasks = made(asked).tasks
    order = [apply_order(task.phase, task.wave, task.key.kind, task.key.name) for task in tasks]
    assert order == sorted(order)


@given(wanted(objects()))
def test_no_task_is_lost_or_won(asked: Wanted) -> None:
    targets, prunes, hooks = asked
    ids = [task.id for task in made(asked).tasks]
    assert len(ids) == len(set(ids))
    known = {_identity(one) for one in targets}
    pruned = sum(_identity(one) not in known for one in prunes)
    # A hook that is an object as well takes its place in its phase.
    alike = sum(
        phase is SyncPhase.SYNC and _identity(one) in known | {_identity(p) for p in prunes}
        for phase, one in hooks
    )
    assert len(ids) == len(targets) + pruned + len(hooks) - alike


@given(wanted(objects()))
def test_turns_only_rise(asked: Wanted) -> None:
    turns = [turn(task) for task in made(asked).tasks]
    assert turns == sorted(turns)


@given(wanted(objects()), st.randoms(use_true_random=False))
def test_the_order_of_what_is_given_means_nothing(asked: Wanted, chance: random.Random) -> None:
    targets, prunes, hooks = ([*some] for some in asked)
    for some in (targets, prunes, hooks):
        chance.shuffle(some)
    shuffled = made((targets, prunes, hooks)).tasks
    assert [turn(task) for task in shuffled] == [turn(task) for task in made(asked).tasks]
    assert {task.id for task in shuffled} == {task.id for task in made(asked).tasks}


@given(wanted(plain()))
def test_what_was_applied_first_is_pruned_last(asked: Wanted) -> None:
    prunes = [task for task in made(asked).tasks if task.prune and not task.last]
    was = {_identity(one): int(one["metadata"]["annotations"][WAVE]) for one in asked[1]}
    before = [was[(task.key.kind, task.key.namespace, task.key.name)] for task in prunes]
    assert before == sorted(before, reverse=True)


@given(wanted(plain()))
def test_prune_last_is_the_end_of_the_sync_phase(asked: Wanted) -> None:
    tasks = made(asked).tasks
    lasts = [task for task in tasks if task.prune and task.last]
    others = [task for task in tasks if task not in lasts and task.phase is SyncPhase.SYNC]
    for task in lasts:
        assert task.phase is SyncPhase.SYNC
        assert all(turn(other) < turn(task) for other in others)
        assert task.wave > 0


@given(wanted(objects()))
def test_what_is_needed_comes_first(asked: Wanted) -> None:
    tasks = made(asked).tasks
    for place, task in enumerate(tasks):
        if task.prune or task.hook:
            continue
        earlier = tasks[:place]
        if task.key.kind == "Namespace":
            assert all((one.key.namespace or "demo") != task.key.name for one in _users(earlier))
        if task.key.kind == "CustomResourceDefinition":
            assert all(one.key.kind != "Widget" for one in earlier)


def _users(tasks: tuple[SyncTask, ...]) -> list[SyncTask]:
    """What counts as a user of a namespace; definitions and namespaces may be pulled as well."""
    return [one for one in tasks if one.key.kind not in GIVERS]


@given(wanted(plain()))
def test_what_has_a_turn_keeps_it(asked: Wanted) -> None:
    targets = {_identity(one): one for one in asked[0]}
    tasks = [task for task in made(asked).tasks if not task.prune and not task.hook]
    for task in tasks:
        item = targets[(task.key.kind, task.key.namespace, task.key.name)]
        assert task.wave == int(item["metadata"]["annotations"][WAVE])
    assert all(turn(one) <= turn(other) for one, other in pairwise(tasks))
