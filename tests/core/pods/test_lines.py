"""Lines of logs: their times, their parts, and which are wanted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tiphys.core.pods.lines import NO_TIME, ZERO, LineFilter, LogLine, parse, stamp, stamp_of


def test_a_line_has_a_time_and_a_content() -> None:
    (line,) = parse("2026-11-23T10:03:33.120000000Z hello world", "web")
    assert (line.stamp.text, line.content, line.pod) == (
        "2026-11-23T10:03:33.12Z",
        "hello world",
        "web",
    )
    assert line.stamp.order == (1795428213, 120_000_000)


def test_a_return_begins_another_entry() -> None:
    assert [line.content for line in parse("2026-11-23T10:03:33Z 10%\r50%\r", "web")] == [
        "10%",
        "50%",
        "",
    ]


def test_an_empty_line_is_a_line() -> None:
    assert [line.content for line in parse("2026-11-23T10:03:33Z", "web")] == [""]


def test_what_has_no_time_is_told_whole() -> None:
    assert list(parse("failed to open the log", "web")) == [
        LogLine(ZERO, "failed to open the log", "web")
    ]


@pytest.mark.parametrize("text", ["", "now", "2026-11-23", "2026-13-23T10:03:33Z", NO_TIME + "x"])
def test_what_is_no_time(text: str) -> None:
    assert stamp(text) is None


def test_zones_count() -> None:
    there, here = stamp("2026-11-23T12:03:33+02:00"), stamp("2026-11-23T10:03:33Z")
    assert there is not None
    assert here is not None
    assert there.order == here.order
    assert there.text == "2026-11-23T12:03:33+02:00"


def test_a_time_of_ours() -> None:
    whole = datetime(2026, 11, 23, 10, 3, 33, tzinfo=UTC)
    assert stamp_of(whole).text == "2026-11-23T10:03:33Z"
    assert stamp_of(whole.replace(microsecond=120_000)) == stamp("2026-11-23T10:03:33.12Z")


@pytest.mark.parametrize(
    ("text", "match_case", "wanted"),
    [
        ("", False, True),
        ("!", False, True),
        ("error", False, True),
        ("error", True, False),
        ("Error", True, True),
        ("!error", False, False),
        ("!error", True, True),
        ("calm", False, False),
    ],
)
def test_filters(text: str, match_case: bool, wanted: bool) -> None:
    assert LineFilter(text, match_case=match_case).wants("an Error") is wanted
