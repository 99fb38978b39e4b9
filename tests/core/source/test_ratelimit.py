"""What servers say when they want to be left alone."""

from __future__ import annotations

import pytest

from tiphys.core.source.ratelimit import LONGEST, rest

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"retry-after": "30"}, 30.0),
        (503, {"retry-after": " 5 "}, 5.0),
        (403, {"retry-after": "60"}, 60.0),
        (429, {"retry-after": "Fri, 15 Jan 2027 08:01:00 GMT"}, 60.0),
        (429, {"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        (429, {"retry-after": "99999999"}, LONGEST),
        (429, {"retry-after": "9" * 400}, None),
        (429, {"retry-after": "soon"}, None),
        (429, {"retry-after": "Fri, 99 Jan 2027 07:00:00 GMT"}, None),
        (429, {}, None),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000090"}, 90.0),
        (429, {"ratelimit-remaining": "0", "ratelimit-reset": "12"}, 12.0),
        (403, {"x-ratelimit-remaining": "0"}, None),
        (403, {"x-ratelimit-remaining": "17", "x-ratelimit-reset": "1800000090"}, None),
        (403, {}, None),
        (500, {"retry-after": "30"}, None),
        (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000090"}, None),
    ],
)
def test_how_long_to_rest(status: int, headers: dict[str, str], seconds: float | None) -> None:
    assert rest(status, headers, NOW) == seconds
