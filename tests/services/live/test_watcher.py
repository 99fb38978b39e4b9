"""How one kind's watch goes on after each kind of trouble, without waiting in real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.fakes.kube import CONFIG_MAPS, FakeCluster
from tests.services.live.build import config_map
from tiphys.model.errors import (
    ForbiddenError,
    KindNotFoundError,
    KubeError,
    KubeUnreachableError,
    ObjectNotFoundError,
    ResourceGoneError,
)
from tiphys.model.live import ObjectList, WatchEvent, WatchState, WatchVerb
from tiphys.model.resource import ApiResource
from tiphys.services.live.watcher import KindWatcher

Step = KubeError | list[str] | ObjectList


class Script:
    """A reader that goes through laid-out steps: an error, a list, or the names in a watch.

    The last step never ends, so that a test sees where the watcher has come to.
    """

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.asked: list[str] = []
        self.done = asyncio.Event()

    async def list(
        self, resource: ApiResource, *, namespace: str = "", label_selector: str = ""
    ) -> ObjectList:
        self.asked.append("list")
        step = await self._next()
        assert isinstance(step, ObjectList)
        return step

    async def watch(
        self,
        resource: ApiResource,
        *,
        resource_version: str,
        namespace: str = "",
        label_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        self.asked.append(f"watch {resource_version}")
        step = await self._next()
        assert isinstance(step, list)
        for version in step:
            meta = {"name": "a", "resourceVersion": version.strip("b")}
            verb = WatchVerb.BOOKMARK if version.startswith("b") else WatchVerb.MODIFIED
            yield WatchEvent(verb, {"metadata": meta})

    async def _next(self) -> Step:
        if not self.steps:
            self.done.set()
            await asyncio.Event().wait()
        step = self.steps.pop(0)
        if isinstance(step, KubeError):
            raise step
        return step


class Notes:
    """A sink that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def replaced(self, resource: ApiResource, objects: ObjectList) -> None:
        self.heard.append(f"list at {objects.resource_version}")

    def changed(self, resource: ApiResource, event: WatchEvent) -> None:
        self.heard.append(f"{event.verb} {event.manifest['metadata']['resourceVersion']}")

    def fares(self, resource: ApiResource, state: WatchState) -> None:
        self.heard.append(state.value)


async def follow(*steps: Step) -> tuple[Script, Notes, list[float]]:
    script, notes, waits = Script(*steps), Notes(), []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    watcher = KindWatcher(script, CONFIG_MAPS, notes, sleep=sleep, spread=lambda: 1.0)
    task = asyncio.create_task(watcher.run())
    reached = asyncio.create_task(script.done.wait())
    await asyncio.wait({task, reached}, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    for one in (task, reached):
        one.cancel()
    await asyncio.gather(task, reached, return_exceptions=True)
    return script, notes, waits


LIST = ObjectList((), "5")
DOWN = KubeUnreachableError("down")


async def test_a_list_is_followed_by_a_watch_from_its_version() -> None:
    script, notes, waits = await follow(LIST)
    assert script.asked == ["list", "watch 5"]
    assert notes.heard == ["Listing", "list at 5", "Current"]
    assert waits == []


async def test_a_watch_that_ends_goes_on_from_where_it_was() -> None:
    script, notes, _ = await follow(LIST, ["6", "b8"])
    assert script.asked == ["list", "watch 5", "watch 8"]
    assert notes.heard[3:] == ["MODIFIED 6"]


async def test_a_connection_that_breaks_goes_on_from_where_it_was() -> None:
    script, notes, waits = await follow(LIST, DOWN, ["6"])
    assert script.asked == ["list", "watch 5", "watch 5", "watch 6"]
    assert notes.heard[3:] == ["Failing", "Current", "MODIFIED 6"]
    assert waits[0] == 0.5


async def test_a_version_that_is_gone_means_a_new_list() -> None:
    script, notes, waits = await follow(LIST, ResourceGoneError("old", status=410), LIST)
    assert script.asked == ["list", "watch 5", "list", "watch 5"]
    assert notes.heard[3:] == ["Listing", "list at 5", "Current"]
    assert waits == [0.5]


async def test_waits_grow_and_are_bounded() -> None:
    _, _, waits = await follow(LIST, *[DOWN] * 9)
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


async def test_versions_that_are_always_gone_do_not_spin() -> None:
    gone = ResourceGoneError("old", status=410)
    _, _, waits = await follow(LIST, gone, LIST, gone, LIST, gone, LIST)
    assert waits == [0.5, 1.0, 2.0]


async def test_watches_that_end_at_once_do_not_spin() -> None:
    _, _, waits = await follow(LIST, [], [], [])
    assert waits == [0.5, 1.0, 2.0]


async def test_events_end_the_growth_of_waits() -> None:
    _, _, waits = await follow(LIST, DOWN, DOWN, ["6"], DOWN)
    assert waits == [0.5, 1.0, 0.5, 1.0]


async def test_who_has_no_rights_asks_again_after_a_minute() -> None:
    forbidden = ForbiddenError("no", status=403)
    script, notes, waits = await follow(forbidden, LIST)
    assert notes.heard == ["Listing", "Forbidden", "list at 5", "Current"]
    assert waits == [pytest.approx(72.0)]
    assert script.asked == ["list", "list", "watch 5"]


async def test_rights_that_are_taken_away_mean_a_new_list() -> None:
    script, _, _ = await follow(LIST, ForbiddenError("no", status=403), LIST)
    assert script.asked == ["list", "watch 5", "list", "watch 5"]


@pytest.mark.parametrize(
    "error",
    [
        ObjectNotFoundError("no such path", status=404),
        KubeError("no such verb", status=405),
        KindNotFoundError("unknown"),
    ],
)
async def test_a_kind_that_is_not_served_is_left(error: KubeError) -> None:
    script, notes, _ = await follow(LIST, error)
    assert notes.heard[-1] == "Gone"
    assert script.asked == ["list", "watch 5"]


async def test_only_some_lists_go_on_at_once() -> None:
    cluster = FakeCluster()
    cluster.seed(config_map("a"))
    gate = asyncio.Semaphore(1)
    notes = Notes()
    await gate.acquire()
    task = asyncio.create_task(KindWatcher(cluster, CONFIG_MAPS, notes, gate=gate).run())
    await asyncio.sleep(0.02)
    assert notes.heard == ["Listing"]
    gate.release()
    await asyncio.sleep(0.02)
    assert notes.heard[-1] == "Current"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
