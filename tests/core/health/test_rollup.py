"""From objects to the application: what counts, what wins, and what is named as the cause."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiphys.core.health import HealthEntry, roll_up, worse
from tiphys.model.resource import ResourceKey
from tiphys.model.status import HealthCode, HealthStatus

ORDER = [
    HealthCode.HEALTHY,
    HealthCode.SUSPENDED,
    HealthCode.PROGRESSING,
    HealthCode.MISSING,
    HealthCode.DEGRADED,
    HealthCode.UNKNOWN,
]


def entry(
    name: str,
    code: HealthCode | None = None,
    *,
    kind: str = "Deployment",
    group: str = "apps",
    live: bool = True,
    hook: bool = False,
    excused: bool = False,
    itself: bool = False,
) -> HealthEntry:
    return HealthEntry(
        key=ResourceKey(group, kind, "demo", name),
        live=live,
        health=HealthStatus(code) if code else None,
        hook=hook,
        excused=excused,
        itself=itself,
    )


@pytest.mark.parametrize(("better", "bad"), list(pairwise(ORDER)))
def test_order(better: HealthCode, bad: HealthCode) -> None:
    assert worse(better, bad) is bad
    assert worse(bad, better) is bad


@settings(deadline=None)
@given(st.lists(st.sampled_from(ORDER), min_size=1))
def test_the_worst_object_decides(codes: list[HealthCode]) -> None:
    health = roll_up(entry(f"o{i}", code) for i, code in enumerate(codes))
    assert health.status is max(codes, key=ORDER.index)
    assert bool(health.message) is (health.status is not HealthCode.HEALTHY)


def test_no_objects_is_healthy() -> None:
    health = roll_up([])
    assert (health.status, health.message) == (HealthCode.HEALTHY, "")


def test_objects_without_judgement_are_healthy() -> None:
    health = roll_up([entry("settings", kind="ConfigMap", group="")])
    assert (health.status, health.resources) == (HealthCode.HEALTHY, (None,))


def test_all_missing_is_missing_without_causes() -> None:
    health = roll_up([entry("a", live=False), entry("b", live=False)])
    assert (health.status, health.message) == (HealthCode.MISSING, "")
    assert health.resources == (HealthStatus(HealthCode.MISSING),) * 2


def test_one_missing_object_does_not_count() -> None:
    health = roll_up([entry("a", live=False), entry("b", HealthCode.HEALTHY)])
    assert health.status is HealthCode.HEALTHY


def test_a_live_object_that_counts_for_nothing_is_still_live() -> None:
    health = roll_up([entry("a", live=False), entry("b", HealthCode.DEGRADED, excused=True)])
    assert health.status is HealthCode.HEALTHY
    assert health.resources == (HealthStatus(HealthCode.MISSING), None)


def test_hooks_count_on_neither_side() -> None:
    hooks = [entry("hook", HealthCode.DEGRADED, hook=True)]
    assert roll_up(hooks).status is HealthCode.HEALTHY
    assert roll_up([*hooks, entry("a", live=False)]).status is HealthCode.MISSING


def test_the_application_does_not_judge_itself() -> None:
    itself = entry(
        "root", HealthCode.DEGRADED, kind="Application", group="argoproj.io", itself=True
    )
    assert roll_up([itself]).status is HealthCode.HEALTHY


@pytest.mark.parametrize("code", [HealthCode.MISSING, HealthCode.UNKNOWN])
def test_a_child_application_not_yet_judged_does_not_count(code: HealthCode) -> None:
    child = entry("child", code, kind="Application", group="argoproj.io")
    health = roll_up([child])
    assert (health.status, health.resources) == (HealthCode.HEALTHY, (HealthStatus(code),))


def test_a_degraded_child_application_counts() -> None:
    child = entry("child", HealthCode.DEGRADED, kind="Application", group="argoproj.io")
    assert roll_up([child]).message == "Caused by argoproj.io/Application:demo/child"


def test_causes_are_those_at_the_worst_status_only() -> None:
    health = roll_up(
        [
            entry("slow", HealthCode.PROGRESSING),
            entry("bad", HealthCode.DEGRADED),
            entry("slower", HealthCode.PROGRESSING),
        ]
    )
    assert health.message == "Caused by apps/Deployment:demo/bad"


def test_core_and_cluster_scoped_names() -> None:
    node = HealthEntry(
        key=ResourceKey("", "Pod", "", "p"), live=True, health=HealthStatus(HealthCode.DEGRADED)
    )
    assert roll_up([node]).message == "Caused by Pod:p"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (3, "Caused by apps/Deployment:demo/o0, apps/Deployment:demo/o1, apps/Deployment:demo/o2"),
        (
            5,
            "Caused by apps/Deployment:demo/o0, apps/Deployment:demo/o1, "
            "apps/Deployment:demo/o2 and 2 more",
        ),
    ],
)
def test_three_causes_are_named(count: int, text: str) -> None:
    entries = [entry(f"o{i}", HealthCode.PROGRESSING) for i in range(count)]
    assert roll_up(entries).message == text
