"""The status after a pass, in the contract's shape, and the patch that leads there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as replace_struct

from tests.core.app.build import DESTINATION, NOW, OTHER_SHA, SHA, SOURCE
from tiphys.core.app.status import (
    PassResult,
    after_compare,
    after_loss,
    after_refusal,
    after_tree,
    merge_patch,
    revisions_named,
)
from tiphys.core.app.times import parse_rfc3339, rfc3339
from tiphys.core.health import AppHealth
from tiphys.model.appstatus import (
    ApplicationCondition,
    ApplicationSummary,
    ComparedTo,
    ResourceStatus,
)
from tiphys.model.status import CompareLevel, HealthCode, SyncCode

STARTED = NOW - timedelta(seconds=2)
RESULT = PassResult(
    sync=SyncCode.SYNCED,
    compared_to=ComparedTo(source=SOURCE, destination=DESTINATION),
    revision=SHA,
    source_type="Directory",
    resources=(
        ResourceStatus(version="v1", kind="Service", namespace="demo", name="web", status="Synced"),
    ),
    health=AppHealth(HealthCode.HEALTHY, "", (None,)),
    summary=ApplicationSummary(images=("registry.example.com/guestbook:v1",)),
    conditions=(),
    level=CompareLevel.LATEST,
    started=STARTED,
    controller_namespace="argocd",
)
WRITTEN = {
    "resources": [
        {
            "version": "v1",
            "kind": "Service",
            "namespace": "demo",
            "name": "web",
            "status": "Synced",
        }
    ],
    "sync": {
        "status": "Synced",
        "comparedTo": {
            "source": {"repoURL": SOURCE.repo_url, "path": "guestbook"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "demo"},
        },
        "revision": SHA,
    },
    "health": {"status": "Healthy", "lastTransitionTime": "2026-01-01T12:00:00Z"},
    "reconciledAt": "2026-01-01T11:59:58Z",
    "sourceType": "Directory",
    "summary": {"images": ["registry.example.com/guestbook:v1"]},
    "resourceHealthSource": "appTree",
    "controllerNamespace": "argocd",
    "sourceHydrator": {},
}


def test_first_comparison() -> None:
    assert after_compare({}, RESULT, NOW) == WRITTEN


def test_several_sources_take_the_place_of_one() -> None:
    sources = (SOURCE, replace_struct(SOURCE, path="", ref="values"))
    several = replace(
        RESULT,
        compared_to=ComparedTo(destination=DESTINATION, sources=sources),
        revision="",
        source_type="",
        revisions=(SHA, OTHER_SHA),
        source_types=("Helm", ""),
    )
    found = after_compare(WRITTEN, several, NOW)
    assert found["sync"] == {
        "status": "Synced",
        "comparedTo": {
            "source": {"repoURL": ""},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "demo"},
            "sources": [
                {"repoURL": SOURCE.repo_url, "path": "guestbook"},
                {"repoURL": SOURCE.repo_url, "ref": "values"},
            ],
        },
        "revisions": [SHA, OTHER_SHA],
    }
    assert "sourceType" not in found
    assert found["sourceTypes"] == ["Helm", ""]
    back = after_compare(found, RESULT, NOW)
    assert back["sync"] == WRITTEN["sync"]
    assert "sourceTypes" not in back


def test_an_equal_pass_changes_nothing_but_the_clock() -> None:
    later = replace(RESULT, started=NOW)
    new = after_compare(WRITTEN, later, NOW + timedelta(hours=1))
    assert merge_patch(WRITTEN, new) == {"reconciledAt": "2026-01-01T12:00:00Z"}


@pytest.mark.parametrize("level", [CompareLevel.TREE_ONLY, CompareLevel.RECENT])
def test_a_recent_comparison_does_not_restart_the_clock(level: CompareLevel) -> None:
    new = after_compare(WRITTEN, replace(RESULT, started=NOW, level=level), NOW)
    assert new["reconciledAt"] == WRITTEN["reconciledAt"]
    first = after_compare({}, replace(RESULT, started=NOW, level=level), NOW)
    assert first["reconciledAt"] == "2026-01-01T12:00:00Z"


def test_what_others_wrote_is_kept() -> None:
    old = {**WRITTEN, "history": [{"id": 3}], "operationState": {"x": 1}, "unknown": {"y": 2}}
    new = after_compare(old, RESULT, NOW)
    assert new["history"] == [{"id": 3}]
    assert new["operationState"] == {"x": 1}
    assert new["unknown"] == {"y": 2}


def test_conditions_come_and_go() -> None:
    condition = ApplicationCondition(
        type="ComparisonError", message="m", last_transition_time="2026-01-01T12:00:00Z"
    )
    new = after_compare(WRITTEN, replace(RESULT, conditions=(condition,)), NOW)
    assert new["conditions"] == [
        {"type": "ComparisonError", "message": "m", "lastTransitionTime": "2026-01-01T12:00:00Z"}
    ]
    assert merge_patch(new, after_compare(new, RESULT, NOW)) == {"conditions": None}


def test_a_changed_health_is_dated() -> None:
    degraded = AppHealth(HealthCode.DEGRADED, "Caused by Pod:demo/p", (None,))
    later = NOW + timedelta(minutes=1)
    new = after_compare(WRITTEN, replace(RESULT, health=degraded), later)
    assert new["health"] == {
        "status": "Degraded",
        "message": "Caused by Pod:demo/p",
        "lastTransitionTime": "2026-01-01T12:01:00Z",
    }


@pytest.mark.parametrize(
    ("inline", "message"), [(False, "Caused by a"), (True, "Caused by b")], ids=["tree", "inline"]
)
def test_the_message_of_an_unchanged_health(inline: bool, message: str) -> None:
    health = {"status": "Degraded", "message": "Caused by a", "lastTransitionTime": "then"}
    now_b = AppHealth(HealthCode.DEGRADED, "Caused by b", (None,))
    result = replace(RESULT, health=now_b, health_inline=inline)
    new = after_compare({**WRITTEN, "health": health}, result, NOW)
    assert new["health"] == {**health, "message": message}
    assert ("resourceHealthSource" in new) is not inline


def test_refusal_says_unknown_and_keeps_what_was_seen() -> None:
    health = {"status": "Degraded", "message": "Caused by a", "lastTransitionTime": "then"}
    condition = ApplicationCondition(type="InvalidSpecError", message="m")
    new = after_refusal({**WRITTEN, "health": health}, [condition])
    assert merge_patch({**WRITTEN, "health": health}, new) == {
        "sync": {"status": "Unknown"},
        "health": {"status": "Unknown", "message": None},
        "conditions": [{"type": "InvalidSpecError", "message": "m"}],
    }


def test_refusal_of_a_new_application() -> None:
    new = after_refusal({}, [])
    assert new["sync"] == {
        "status": "Unknown",
        "comparedTo": {"source": {"repoURL": ""}, "destination": {}},
    }
    assert new["health"] == {"status": "Unknown"}
    assert "reconciledAt" not in new


def test_loss_says_unknown_of_every_object() -> None:
    condition = ApplicationCondition(type="ComparisonError", message="m")
    resources = [
        {"kind": "ConfigMap", "name": "a", "status": "Synced", "health": {"status": "Healthy"}},
        {"kind": "Job", "name": "hook", "hook": True},
    ]
    new = after_loss({**WRITTEN, "resources": resources}, [condition])
    assert new["resources"] == [
        {"kind": "ConfigMap", "name": "a", "status": "Unknown"},
        {"kind": "Job", "name": "hook", "hook": True},
    ]
    assert new["sync"]["status"] == new["health"]["status"] == "Unknown"
    assert new["conditions"] == [{"type": "ComparisonError", "message": "m"}]
    assert "resources" not in after_loss({}, [])


def test_tree_only_writes_the_summary_and_conditions() -> None:
    new = after_tree(WRITTEN, ApplicationSummary(images=("a", "b")), ())
    assert merge_patch(WRITTEN, new) == {"summary": {"images": ["a", "b"]}}
    warning = ApplicationCondition(type="OrphanedResourceWarning", message="m")
    new = after_tree(WRITTEN, ApplicationSummary(), (warning,))
    assert new["conditions"] == [{"type": "OrphanedResourceWarning", "message": "m"}]


KEYS = st.sampled_from("abc")
LEAVES = st.integers(0, 2) | st.lists(st.integers(0, 1), max_size=2)
INNER = st.dictionaries(KEYS, LEAVES, max_size=3)
OBJECTS = st.dictionaries(KEYS, LEAVES | INNER | st.dictionaries(KEYS, INNER, max_size=2))


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@settings(deadline=None)
@given(OBJECTS, OBJECTS)
def test_the_patch_leads_from_old_to_new(old: dict[str, Any], new: dict[str, Any]) -> None:
    patch = merge_patch(old, new)
    assert merged(old, patch) == new
    assert (not patch) is (old == new)


def test_the_patch_is_minimal() -> None:
    assert merge_patch({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1, "c": 4}, "d": 3}) == {
        "a": {"c": 4}
    }


def test_commits_that_a_status_names() -> None:
    git, other = {"repoURL": "https://git.example.com/a"}, {"repoURL": "https://git.example.com/b"}
    chart = {"repoURL": "https://charts.example.com", "chart": "redis"}
    status = {
        "sync": {
            "comparedTo": {"source": {"repoURL": ""}, "sources": [git, chart, other]},
            "revisions": [SHA, "7.1.2", OTHER_SHA],
        },
        "operationState": {"syncResult": {"source": git, "revision": OTHER_SHA}},
    }
    assert list(revisions_named(status)) == [
        (git["repoURL"], SHA),
        (other["repoURL"], OTHER_SHA),
        (git["repoURL"], OTHER_SHA),
    ]
    # What could not be loaded is named as it was asked for.
    asked = {"sync": {"comparedTo": {"source": git}, "revision": "main"}}
    assert list(revisions_named(asked)) == []
    assert list(revisions_named({})) == []


def test_times() -> None:
    local = datetime(2026, 1, 1, 13, 0, 0, 999, tzinfo=timezone(timedelta(hours=1)))
    assert rfc3339(local) == "2026-01-01T12:00:00Z"
    assert parse_rfc3339("2026-01-01T12:00:00Z") == NOW
    assert parse_rfc3339("2026-01-01T12:00:00.123456789Z") is not None
    assert parse_rfc3339("2026-01-01T12:00:00") == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert parse_rfc3339("yesterday") is None
    assert parse_rfc3339(None) is None
