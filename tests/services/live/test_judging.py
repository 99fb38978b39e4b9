"""Objects of kinds with a health script: pending, judged behind the watch, told as a change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from tests.fakes.evaluator import FakeEvaluator
from tests.fakes.kube import FakeCluster
from tests.services.live.build import KEY, Heard, config_map, deployment, owned, settle, until
from tiphys.core.manifest.tracking import Tracking
from tiphys.core.settings.overrides import HealthScript, ResourceOverrides
from tiphys.core.settings.settings import TrackingMethod
from tiphys.model.resource import GroupKind, Manifest, key_of
from tiphys.model.status import HealthCode, HealthStatus
from tiphys.services.live.index import ClusterIndex
from tiphys.services.live.judging import PENDING, HealthScripts

FIRST = HealthScript(group="", kind="ConfigMap", script="first")
OTHER = replace(FIRST, script="other")


def said(manifest: Manifest) -> HealthStatus:
    return HealthStatus(HealthCode.DEGRADED, manifest["data"]["value"])


class SlowEvaluator(FakeEvaluator):
    """Answers when it is let go."""

    def __init__(self) -> None:
        super().__init__({"first": said, "other": lambda _: HealthStatus(HealthCode.HEALTHY)})
        self.free = asyncio.Event()
        self.free.set()

    async def health(
        self, script: HealthScript, manifests: Sequence[Manifest]
    ) -> Sequence[HealthStatus | None]:
        await self.free.wait()
        return await super().health(script, manifests)


class World:
    def __init__(self, *scripts: HealthScript) -> None:
        self.cluster = FakeCluster()
        self.evaluator = SlowEvaluator()
        self.overrides = ResourceOverrides(health=scripts)
        self.scripts = HealthScripts(self.evaluator, lambda: self.overrides)

    @asynccontextmanager
    async def indexed(self, tracking: Tracking | None = None) -> AsyncIterator[ClusterIndex]:
        index = ClusterIndex(
            self.cluster,
            self.cluster,
            judge=self.scripts.now,
            scripts=self.scripts,
            tracking=tracking or Tracking(),
        )
        await index.start()
        try:
            await asyncio.wait_for(index.ready(), 5)
            yield index
        finally:
            await index.close()

    def set(self, *scripts: HealthScript) -> None:
        self.overrides = ResourceOverrides(health=scripts)


def health(index: ClusterIndex) -> HealthStatus | None:
    found = index.get(KEY)
    assert found is not None
    return found.health


async def test_a_version_is_pending_until_it_is_judged_and_then_told() -> None:
    world = World(FIRST)
    world.cluster.seed(config_map("web", app="guestbook"))
    world.evaluator.free.clear()
    async with world.indexed() as index:
        heard = Heard(index)
        assert health(index) is PENDING
        world.evaluator.free.set()
        await index.judged([KEY])
        assert health(index) == HealthStatus(HealthCode.DEGRADED, "1")
        await until(lambda: heard.of(KEY))
        last = heard.of(KEY)[-1].new
        assert last is not None
        assert last.health == HealthStatus(HealthCode.DEGRADED, "1")
        assert await index.manifest(KEY) is not None


async def test_a_list_is_judged_as_one_batch() -> None:
    world = World(FIRST)
    world.cluster.seed(*(config_map(f"c{number}", app="guestbook") for number in range(20)))
    async with world.indexed() as index:
        await index.judged(one.key for one in index.tracked("guestbook"))
        assert world.evaluator.judged == [("first", 20)]


async def test_many_are_judged_in_parts() -> None:
    world = World(FIRST)
    world.cluster.seed(*(config_map(f"c{number}", app="guestbook") for number in range(300)))
    async with world.indexed() as index:
        await index.judged(one.key for one in index.tracked("guestbook"))
        assert world.evaluator.judged == [("first", 256), ("first", 44)]


async def test_what_is_said_of_an_old_version_is_not_believed_of_a_new_one() -> None:
    world = World(FIRST)
    world.cluster.seed(config_map("web", app="guestbook"))
    world.evaluator.free.clear()
    async with world.indexed() as index:
        await settle()
        world.cluster.change(config_map("web", app="guestbook", data="2"))
        await settle()
        assert health(index) is PENDING
        world.evaluator.free.set()
        await index.judged([KEY])
        assert health(index) == HealthStatus(HealthCode.DEGRADED, "2")


async def test_a_change_is_told_once_when_it_is_judged() -> None:
    world = World(FIRST)
    world.cluster.seed(config_map("web", app="guestbook"))
    async with world.indexed() as index:
        await index.judged([KEY])
        await settle()
        heard = Heard(index)
        world.evaluator.free.clear()
        world.cluster.change(config_map("web", app="guestbook", data="2"))
        await settle()
        world.cluster.change(config_map("web", app="guestbook", data="3"))
        await settle()
        assert heard.changes == []
        world.evaluator.free.set()
        await until(lambda: heard.changes)
        await settle()
        (change,) = heard.changes
        assert [one and one.health for one in (change.old, change.new)] == [
            HealthStatus(HealthCode.DEGRADED, "1"),
            HealthStatus(HealthCode.DEGRADED, "3"),
        ]


async def test_what_goes_before_it_is_judged_is_told_as_gone() -> None:
    world = World(FIRST)
    world.cluster.seed(config_map("web", app="guestbook"))
    async with world.indexed() as index:
        await index.judged([KEY])
        await settle()
        heard = Heard(index)
        world.evaluator.free.clear()
        world.cluster.change(config_map("web", app="guestbook", data="2"))
        await settle()
        world.cluster.vanish(KEY)
        await until(lambda: heard.changes)
        world.evaluator.free.set()
        await settle()
        (change,) = heard.changes
        assert (change.old and change.old.health, change.new) == (
            HealthStatus(HealthCode.DEGRADED, "1"),
            None,
        )


async def test_whoever_waits_does_not_wait_for_ever() -> None:
    world = World(FIRST)
    world.cluster.seed(config_map("web", app="guestbook"))
    world.evaluator.free.clear()
    async with world.indexed() as index:
        waiting = asyncio.create_task(index.judged([KEY]))
        await settle()
        assert not waiting.done()
        await asyncio.wait_for(waiting, 10)
        assert health(index) is PENDING


async def test_an_evaluator_that_is_away_is_asked_again() -> None:
    world = World(FIRST)
    world.evaluator.broken = True
    world.cluster.seed(config_map("web", app="guestbook"))
    with capture_logs() as logs:
        async with world.indexed() as index:
            await index.judged([KEY])
            unknown = health(index)
            assert unknown is not None
            assert unknown.status is HealthCode.UNKNOWN
            assert "the evaluator is broken" in unknown.message
            assert await index.health(await _manifest(index)) == unknown
            world.evaluator.broken = False
            await until(lambda: health(index) == HealthStatus(HealthCode.DEGRADED, "1"))
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [
        "health scripts cannot be run"
    ]


async def _manifest(index: ClusterIndex) -> Manifest:
    found = await index.manifest(KEY)
    assert found is not None
    return found


async def test_a_new_script_judges_the_objects_of_its_kinds_only() -> None:
    world = World(FIRST)
    web = deployment("web", app="guestbook")
    world.cluster.seed(web, config_map("web", app="guestbook"))
    async with world.indexed() as index:
        await index.judged([KEY])
        before = index.get(key_of(web))
        heard = Heard(index)
        world.set(OTHER)
        index.judge_again(lambda kind: kind == GroupKind("", "ConfigMap"))
        # Until the new script has spoken, what the old one said stays.
        assert health(index) == HealthStatus(HealthCode.DEGRADED, "1")
        await until(lambda: health(index) == HealthStatus(HealthCode.HEALTHY))
        await settle()
        assert [change.key for change in heard.changes] == [KEY]
        assert index.get(key_of(web)) is before
        world.set()
        index.judge_again(lambda kind: kind == GroupKind("", "ConfigMap"))
        await until(lambda: health(index) is None)


async def test_judging_again_survives_a_failing_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiphys.services.live.index._BEFORE_JUDGING_AGAIN", 0.02)
    world = World()
    world.cluster.seed(config_map("web", app="guestbook"))
    async with world.indexed() as index:
        assert health(index) is None
        world.set(FIRST)
        world.cluster.forbidden.add(GroupKind("", "ConfigMap"))
        with capture_logs() as logs:
            for _ in range(2):
                index.judge_again(lambda kind: kind == GroupKind("", "ConfigMap"))
            await until(lambda: logs)
            world.cluster.forbidden.clear()
            await until(lambda: health(index) == HealthStatus(HealthCode.DEGRADED, "1"))


async def test_an_object_that_goes_is_pending_deletion_whatever_the_script_says() -> None:
    world = World(FIRST)
    going = config_map(
        "web", app="guestbook", deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["a/b"]
    )
    world.cluster.seed(going)
    async with world.indexed() as index:
        assert health(index) == HealthStatus(HealthCode.PROGRESSING, "Pending deletion")
        assert world.evaluator.judged == []


async def test_what_was_just_read_is_judged_as_well() -> None:
    world = World(FIRST)
    async with world.indexed() as index:
        loose = config_map("loose", data="7")
        assert await index.health(loose) == HealthStatus(HealthCode.DEGRADED, "7")
        facts = await index.facts(key_of(loose), loose)
        assert facts.health == HealthStatus(HealthCode.DEGRADED, "7")
        world.evaluator.broken = True
        assert await index.health(config_map("other")) is PENDING


async def test_a_kind_without_script_is_judged_by_our_rules_and_owned_ones_too() -> None:
    world = World(FIRST)
    owner = deployment("web", app="guestbook")
    pod = owned("v1", "Pod", "web-1", owner)
    world.cluster.seed(owner, pod)
    async with world.indexed() as index:
        found = index.get(key_of(pod))
        assert found is not None
        assert found.health is not None
        assert found.health.status is HealthCode.UNKNOWN
        await index.judged([key_of(pod)])
        assert world.evaluator.judged == []


async def test_whose_an_object_is_follows_the_method() -> None:
    world = World()
    world.cluster.seed(config_map("web", labels={"example.com/app": "shop"}))
    by_label = Tracking(TrackingMethod.LABEL, "example.com/app")
    async with world.indexed(by_label) as index:
        assert [one.key for one in index.tracked("shop")] == [KEY]
        assert (await index.facts(KEY, await _manifest(index))).instance == "shop"
