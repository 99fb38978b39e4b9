"""Charts of one index: whoever asks for one asks for all."""

from __future__ import annotations

from tests.fakes.clock import FakeClock
from tests.fakes.git import FakeGit
from tests.fakes.packages import FakeCharts
from tiphys.model.repository import Asked, Place, Repository, RepositoryKind
from tiphys.services.sources.refs import PollTiming, RefWatcher
from tiphys.services.sources.upstream import UpstreamByKind


async def test_charts_of_one_index_are_asked_for_together() -> None:
    charts, clock = FakeCharts(), FakeClock()
    delays = iter([0.0, 20.0, 40.0, 60.0] * 10)
    watcher = RefWatcher(
        UpstreamByKind(FakeGit(), charts),
        PollTiming(interval=120, jitter=60),
        clock=clock,
        sleep=clock.sleep,
        uniform=lambda low, high: next(delays),
    )
    repository = Repository("https://charts.example.com", kind=RepositoryKind.HELM)
    other = Repository("https://elsewhere.example.com", kind=RepositoryKind.HELM)
    places = [Place(repository, f"chart-{number}") for number in range(3)] + [Place(other, "web")]
    for place in places:
        charts.publish(place.repository.url, place.chart, "1.0.0", {"a": "1"})
        watcher.watch(place)
        await watcher.resolve(place, Asked("1.x"))
    assert charts.requests["versions"] == 4
    await clock.advance(119)
    assert charts.requests["versions"] == 4
    # The first is due, and takes along those beside it; who is elsewhere waits for its own time.
    await clock.advance(1)
    assert charts.requests["versions"] == 7
    await clock.advance(59)
    assert charts.requests["versions"] == 7
    await clock.advance(1)
    assert charts.requests["versions"] == 8
    await watcher.aclose()
