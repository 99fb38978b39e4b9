"""When applications may be synced."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tiphys.core.project import Verdict, can_sync, is_active, matching_windows
from tiphys.core.project.errors import WindowError
from tiphys.core.project.windows import check_window, window_duration
from tiphys.model.appproject import SyncWindow
from tiphys.model.appspec import ApplicationDestination

NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
ON = {"schedule": "0 12 * * *", "duration": "1h"}
OFF = {"schedule": "0 14 * * *", "duration": "1h"}


def window(kind: str, when: dict[str, str], **more: Any) -> SyncWindow:
    return SyncWindow(kind=kind, schedule=when["schedule"], duration=when["duration"], **more)


def offset(zone: str, at: datetime) -> timedelta:
    assert at == NOW
    return {"Asia/Kolkata": timedelta(hours=5, minutes=30)}.get(zone, timedelta())


def verdict(
    *windows: SyncWindow, manual: bool = False, started_at: datetime | None = None
) -> Verdict:
    return can_sync(
        windows, manual=manual, started_at=started_at, now=NOW, offset=lambda *_: timedelta()
    )


@pytest.mark.parametrize(
    ("windows", "automatic", "manual"),
    [
        ([], True, True),
        ([window("deny", ON)], False, False),
        ([window("deny", ON, manual_sync=True)], False, True),
        ([window("deny", ON, manual_sync=True), window("deny", ON)], False, False),
        # One that is not on has no say.
        ([window("deny", ON, manual_sync=True), window("deny", OFF)], False, True),
        ([window("deny", ON), window("allow", ON)], False, False),
        ([window("allow", ON)], True, True),
        ([window("allow", ON), window("allow", OFF)], True, True),
        ([window("allow", ON), window("deny", OFF)], True, True),
        ([window("allow", OFF)], False, False),
        ([window("allow", OFF, manual_sync=True)], False, True),
        ([window("allow", OFF, manual_sync=True), window("allow", OFF)], False, False),
        ([window("deny", OFF)], True, True),
        ([window("deny", OFF), window("allow", OFF)], False, False),
    ],
)
def test_first_rule_that_holds(
    windows: list[SyncWindow],
    automatic: bool,
    manual: bool,
) -> None:
    assert verdict(*windows).allowed is automatic
    assert verdict(*windows, manual=True).allowed is manual


BEFORE = NOW - timedelta(hours=1)
"""Outside of what is on at noon."""


@pytest.mark.parametrize(
    ("windows", "started_at", "allowed"),
    [
        ([window("deny", ON, sync_overrun=True)], BEFORE, True),
        ([window("deny", ON)], BEFORE, False),
        ([window("deny", ON, sync_overrun=True), window("deny", ON)], BEFORE, False),
        # It was denied when it began.
        ([window("deny", ON, sync_overrun=True)], NOW - timedelta(minutes=1), False),
        ([window("deny", ON, sync_overrun=True)], None, False),
        (
            [window("allow", {"schedule": "0 11 * * *", "duration": "1h"}, sync_overrun=True)],
            BEFORE,
            True,
        ),
        ([window("allow", {"schedule": "0 11 * * *", "duration": "1h"})], BEFORE, False),
        ([window("allow", OFF, sync_overrun=True)], BEFORE, False),
    ],
)
def test_overrun(
    windows: list[SyncWindow],
    started_at: datetime | None,
    allowed: bool,
) -> None:
    assert verdict(*windows, started_at=started_at).allowed is allowed


@pytest.mark.parametrize(
    ("schedule", "duration", "active"),
    [
        ("0 12 * * *", "1h", True),
        ("0 12 * * *", "30m", False),
        ("0 12 * * *", "30m1s", True),
        ("30 12 * * *", "1h", False),
        ("29 12 * * *", "1h", True),
        ("0 0 * * *", "24h", True),
        ("0 0 30 2 *", "1h", False),
        ("0 12 * * *", "0", False),
        ("0 12 1 1 *", "999999h", True),
    ],
)
def test_active(schedule: str, duration: str, active: bool) -> None:
    found = SyncWindow(kind="deny", schedule=schedule, duration=duration)
    assert is_active(found, NOW, offset) is active


def test_time_zones() -> None:
    # 12:30 UTC is 18:00 in India, the very moment at which nothing has begun yet.
    assert is_active(
        window("deny", {"schedule": "59 17 * * *", "duration": "5m"}, time_zone="Asia/Kolkata"),
        NOW,
        offset,
    )
    assert is_active(window("deny", ON, time_zone="Nowhere/Land"), NOW, offset)


def test_when_the_answer_can_change() -> None:
    assert verdict(window("deny", ON)).look_again == NOW.replace(hour=13, minute=0)
    assert verdict(window("allow", OFF)).look_again == NOW.replace(hour=14, minute=0)
    assert verdict(window("allow", OFF), window("deny", ON)).look_again == NOW.replace(
        hour=13, minute=0
    )
    never = {"schedule": "0 0 30 2 *", "duration": "1h"}
    assert verdict(window("allow", never)) == Verdict(allowed=False, look_again=None)


@pytest.mark.parametrize(
    "when",
    [
        {"schedule": "@daily", "duration": "1h"},
        {"schedule": "0 12 * * *", "duration": "1d"},
        {"schedule": "0 12 * * *", "duration": "-1h"},
        {"schedule": "0 12 * * *", "duration": ""},
    ],
)
def test_a_broken_window_blocks(when: dict[str, str]) -> None:
    found = verdict(window("allow", ON), window("deny", when), manual=True)
    assert not found.allowed
    assert "cannot parse" in found.error
    with pytest.raises(WindowError):
        check_window(window("allow", when))


def test_no_window_of_another_kind() -> None:
    check_window(window("allow", ON))
    with pytest.raises(WindowError, match="kind 'maybe'"):
        check_window(window("maybe", ON))


def test_durations() -> None:
    assert window_duration("1h30m") == timedelta(minutes=90)
    assert window_duration(".5h") == timedelta(minutes=30)


def concerns(**fields: Any) -> bool:
    destination = ApplicationDestination(server="https://one", namespace="demo")
    return bool(matching_windows([window("deny", ON, **fields)], "web", destination))


@pytest.mark.parametrize(
    "fields",
    [
        {"applications": ("web",)},
        {"applications": ("other", "w*")},
        {"namespaces": ("demo",)},
        {"clusters": ("https://*",)},
        {"applications": ("other",), "namespaces": ("demo",)},
        {"applications": ("web",), "namespaces": ("demo",), "and_operator": True},
        {"clusters": ("*",), "and_operator": True},
    ],
)
def test_concerned(fields: dict[str, Any]) -> None:
    assert concerns(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"and_operator": True},
        {"applications": ("other",)},
        {"clusters": ("one",)},
        {"applications": ("web",), "namespaces": ("other",), "and_operator": True},
    ],
)
def test_not_concerned(fields: dict[str, Any]) -> None:
    assert not concerns(**fields)


def test_clusters_by_the_name_that_is_written() -> None:
    by_name = ApplicationDestination(name="one", namespace="demo")
    found = [window("deny", ON, clusters=("one",))]
    assert matching_windows(found, "web", by_name) == tuple(found)
