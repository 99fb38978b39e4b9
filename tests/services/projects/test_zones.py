"""Time zones by name."""

from datetime import UTC, datetime, timedelta

import pytest

from tiphys.services.projects.zones import is_zone, utc_offset

WINTER = datetime(2026, 1, 1, tzinfo=UTC)
SUMMER = datetime(2026, 7, 1, tzinfo=UTC)


def test_offsets_follow_the_season() -> None:
    assert utc_offset("Europe/Berlin", WINTER) == timedelta(hours=1)
    assert utc_offset("Europe/Berlin", SUMMER) == timedelta(hours=2)
    assert utc_offset("America/New_York", WINTER) == timedelta(hours=-5)


@pytest.mark.parametrize("name", ["", "Nowhere/Land", "../../etc/passwd", "/etc/passwd", "Europe"])
def test_what_is_no_zone_is_utc(name: str) -> None:
    assert not is_zone(name)
    assert utc_offset(name, WINTER) == timedelta()
