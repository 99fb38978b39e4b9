"""When a server is asked again, and when it is left alone; without waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from yarl import URL

from tiphys.adapters.packages.web.pace import Pace, WebTiming
from tiphys.model.errors import RepositoryUnreachableError

URL_ = URL("https://ada:s3cret@registry.test/v2/x")
OTHER = URL("https://registry.test:8443/")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    return Pace(WebTiming(attempts=3, first_wait=1.0, longest_wait=10.0), clock)


@pytest.mark.parametrize("status", [200, 206, 304, 400, 401, 403, 404, 409, 501])
def test_answers_that_stand(pace: Pace, status: int) -> None:
    assert pace.wait_before(0, status, "5", URL_) < 0


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_faults_are_repeated_with_growing_waits(pace: Pace, status: int) -> None:
    assert 0.8 <= pace.wait_before(0, status, None, URL_) <= 1.2
    assert 1.6 <= pace.wait_before(1, status, None, URL_) <= 2.4
    assert pace.wait_before(2, status, None, URL_) < 0


def test_no_wait_is_longer_than_the_longest(pace: Pace) -> None:
    assert pace.backoff(20) <= 12.0


def test_what_a_server_asks_for_is_waited(pace: Pace) -> None:
    assert pace.wait_before(0, 429, "7", URL_) == 7.0
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=8), usegmt=True)
    assert 6.0 <= pace.wait_before(0, 503, soon, URL_) <= 8.0
    past = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    assert pace.wait_before(0, 503, past, URL_) == 0.0


@pytest.mark.parametrize("said", ["soon", "-5", "1.5", "", "Tue, 99 Foo"])
def test_what_cannot_be_read_counts_as_nothing_said(pace: Pace, said: str) -> None:
    assert 0.8 <= pace.wait_before(0, 429, said, URL_) <= 1.2


@pytest.mark.parametrize(("attempt", "said"), [(0, "60"), (2, "5")])
def test_a_server_that_wants_more_is_left_alone(
    pace: Pace, clock: Clock, attempt: int, said: str
) -> None:
    with pytest.raises(RepositoryUnreachableError, match=f"wants none for {said} s") as caught:
        pace.wait_before(attempt, 429, said, URL_)
    assert "s3cret" not in str(caught.value) + caught.value.url
    clock.now += float(said) - 1
    with pytest.raises(RepositoryUnreachableError, match="wants none for 1 s"):
        pace.require_awake(URL_)
    pace.require_awake(OTHER)  # another port is another server
    clock.now += 2
    pace.require_awake(URL_)


def test_nobody_is_left_alone_for_ever(pace: Pace, clock: Clock) -> None:
    with pytest.raises(RepositoryUnreachableError):
        pace.wait_before(0, 429, "999999999999", URL_)
    clock.now += 3601
    pace.require_awake(URL_)
