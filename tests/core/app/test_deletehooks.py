"""Hooks that run when an application is deleted: never twice, failed ones again."""

from typing import Any

import pytest

from tests.core.app.build import ago, app
from tiphys.core.app.deletehooks import (
    CreateHooks,
    DeleteHook,
    HooksDone,
    HookStep,
    LiveHook,
    RemoveHooks,
    WaitForHooks,
    delete_hooks,
    live_hook,
    next_cleanup,
    next_hooks,
)
from tiphys.model.names import ANNOTATION_OPERATION, ANNOTATION_TRACKING_ID
from tiphys.model.resource import GroupVersionKind, Manifest, ResourceKey
from tiphys.model.status import HealthCode, HealthStatus, HookDeletePolicy, HookType

PRE = HookType.PRE_DELETE
APP = app(deleting=ago(10), finalizers=["x"])
STAMP = f"{ago(10)}/PreDelete"
HELD = "argocd.argoproj.io/hook-finalizer"
TRACKING = "web:batch/Job:demo/"
JOB = GroupVersionKind("batch", "v1", "Job")


def job(name: str = "bye", hook: str = "PreDelete", **meta: Any) -> Manifest:
    annotations = {"argocd.argoproj.io/hook": hook, ANNOTATION_TRACKING_ID: TRACKING}
    metadata = {"name": name, "namespace": "demo", "annotations": annotations, **meta}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}


def test_hooks_of_one_type_are_marked_and_held() -> None:
    hooks = delete_hooks(
        APP, [job(), job("later", "PostDelete"), job("both", "Sync,PreDelete")], PRE
    )
    assert [hook.key.name for hook in hooks] == ["bye", "both"]
    metadata = hooks[0].manifest["metadata"]
    assert metadata["annotations"][ANNOTATION_OPERATION] == STAMP
    assert metadata["annotations"][ANNOTATION_TRACKING_ID] == TRACKING
    assert metadata["finalizers"] == [HELD]


def test_a_generated_name_is_the_same_in_one_deletion() -> None:
    (hook,) = delete_hooks(APP, [job("", generateName="bye-")], PRE)
    assert hook.key.name == "bye-predelete-1767268790"
    tracking = hook.manifest["metadata"]["annotations"][ANNOTATION_TRACKING_ID]
    assert tracking == "web:batch/Job:demo/bye-predelete-1767268790"
    (again,) = delete_hooks(APP, [job("", generateName="bye-")], PRE)
    assert again == hook
    (unnamed,) = delete_hooks(APP, [job("")], PRE)
    assert unnamed.key.name == ""
    (undated,) = delete_hooks(app(), [job("", generateName="bye-")], PRE)
    assert undated.key.name == "bye-predelete-0"


def test_what_a_live_object_says() -> None:
    (hook,) = delete_hooks(APP, [job(uid="1")], PRE)
    found = live_hook(APP, PRE, hook.manifest, HealthStatus(HealthCode.DEGRADED))
    assert (found.ours, found.held, found.deleting) == (True, True, False)
    assert (found.uid, found.health) == ("1", HealthCode.DEGRADED)
    assert found.policies == {HookDeletePolicy.BEFORE_HOOK_CREATION}
    other = live_hook(APP, PRE, job(deletionTimestamp=ago(1)), None)
    assert (other.ours, other.held, other.deleting, other.code) == (
        False,
        False,
        True,
        HealthCode.HEALTHY,
    )


def wanted(*names: str) -> list[DeleteHook]:
    return [DeleteHook(ResourceKey("batch", "Job", "demo", name), job(name)) for name in names]


def live(name: str = "a", health: HealthCode | None = HealthCode.HEALTHY, **facts: Any) -> LiveHook:
    key = ResourceKey("batch", "Job", "demo", name)
    return LiveHook(key=key, gvk=JOB, uid=name, health=health, **facts)


SUCCEEDED = frozenset([HookDeletePolicy.HOOK_SUCCEEDED])
FAILED = frozenset([HookDeletePolicy.HOOK_FAILED])
BEFORE = frozenset([HookDeletePolicy.BEFORE_HOOK_CREATION])


def test_all_are_created_at_once() -> None:
    hooks = wanted("a", "b", "c")
    assert next_hooks(PRE, hooks, [live("b")]) == CreateHooks((hooks[0], hooks[2]))


RUNS = live(health=HealthCode.PROGRESSING)
LEFT = live(ours=False, policies=BEFORE)
KEPT = live(ours=False, policies=SUCCEEDED)
BROKEN = live(health=HealthCode.PROGRESSING, deleting=True, held=True)
BAD = live(health=HealthCode.DEGRADED)
HOLDS = live(held=True)
FAILURE = "PreDelete hook(s) failed: demo/a"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (RUNS, WaitForHooks()),
        (LEFT, RemoveHooks((LEFT,))),
        (KEPT, HooksDone()),
        (BROKEN, RemoveHooks((BROKEN,))),
        (BAD, RemoveHooks((BAD,), FAILURE)),
        (HOLDS, HooksDone((HOLDS,))),
        (live(health=None), HooksDone()),
        (live(health=HealthCode.UNKNOWN), HooksDone()),
        (live(health=HealthCode.MISSING), HooksDone()),
        (live(health=HealthCode.SUSPENDED), HooksDone()),
    ],
)
def test_what_becomes_of_one(found: LiveHook, expected: HookStep) -> None:
    assert next_hooks(PRE, wanted("a"), [found]) == expected


def test_failed_ones_are_named_before_the_others_end() -> None:
    bad = [live("b", HealthCode.DEGRADED), live("a", HealthCode.DEGRADED)]
    step = next_hooks(
        HookType.POST_DELETE, wanted("a", "b", "c"), [*bad, live("c", HealthCode.PROGRESSING)]
    )
    assert step == RemoveHooks(tuple(bad), "PostDelete hook(s) failed: demo/b, demo/a")


def test_without_hooks_it_is_done() -> None:
    assert next_hooks(PRE, [], []) == HooksDone()
    assert next_cleanup([]) == HooksDone()


@pytest.mark.parametrize(
    ("found", "removed"),
    [
        ([live(policies=SUCCEEDED), live("b", policies=BEFORE)], ["a"]),
        ([live(policies=SUCCEEDED), live("b", HealthCode.SUSPENDED)], []),
        ([live(policies=FAILED), live("b", HealthCode.DEGRADED)], ["a"]),
        ([live(policies=FAILED)], []),
        ([live(policies=SUCCEEDED), live("b", HealthCode.DEGRADED)], []),
        ([live("b", HealthCode.PROGRESSING, deleting=True)], ["b"]),
    ],
)
def test_clean_up_by_policy(found: list[LiveHook], removed: list[str]) -> None:
    step = next_cleanup(found)
    assert [hook.key.name for hook in step.hooks] == removed
    assert isinstance(step, RemoveHooks if removed else HooksDone)


def test_what_stays_is_let_go_of() -> None:
    stays = live(policies=BEFORE, held=True)
    assert next_cleanup([stays, live("b")]) == HooksDone((stays,))
