"""Which events are wanted, and which labels they carry."""

from __future__ import annotations

import pytest

from tiphys.core.app.events import EventReason, event_labels, is_enabled

APP = {"team": "blue", "cost/centre": "7"}
PROJECT = {"team": "red", "unit": "shop"}


@pytest.mark.parametrize(
    ("include", "exclude", "labels"),
    [
        ((), (), {}),
        (("*",), (), {"team": "blue", "cost/centre": "7", "unit": "shop"}),
        (("team",), (), {"team": "blue"}),
        (("*",), ("cost/*", "unit"), {"team": "blue"}),
    ],
)
def test_labels_of_the_application_win_and_settings_choose(
    include: tuple[str, ...], exclude: tuple[str, ...], labels: dict[str, str]
) -> None:
    assert event_labels(APP, PROJECT, include, exclude) == labels


@pytest.mark.parametrize(
    ("enabled", "wanted"),
    [
        (("all",), True),
        (("none",), False),
        (("none", "OperationStarted"), False),
        (("OperationStarted",), True),
        (("StatusRefreshed",), False),
        ((), False),
    ],
)
def test_events_are_wanted_by_their_reasons(enabled: tuple[str, ...], wanted: bool) -> None:
    assert is_enabled(EventReason.OPERATION_STARTED, enabled) is wanted
