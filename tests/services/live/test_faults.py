"""What a fault of ours keeps from being judged is told all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from tiphys.model.live import LiveChange, LiveObject
from tiphys.model.resource import Manifest, ResourceKey
from tiphys.model.status import HealthCode, HealthStatus
from tiphys.services.live.judging import Backlog, HealthScripts
from tiphys.services.live.quiet import QuietChanges

KEY = ResourceKey("", "ConfigMap", "demo", "a")


class Broken:
    """Rules with jq expressions whose evaluation is a fault of ours."""

    def concerns(self, manifest: Manifest, *, tracked: bool) -> bool:
        return bool(manifest) and tracked

    def needs_jq(self, key: ResourceKey) -> bool:
        return key == KEY

    def hash(self, manifest: Manifest) -> str:
        raise AssertionError(manifest)

    async def hashes(self, manifests: Sequence[Manifest]) -> Sequence[str]:
        raise TypeError(len(manifests))


def version(number: str) -> LiveObject:
    return LiveObject(
        key=KEY, version="v1", uid="u", resource_version=number, created_at="", instance="web"
    )


async def test_a_change_that_cannot_be_judged_is_told() -> None:
    told: list[LiveChange] = []
    quiet = QuietChanges(Broken(), told.append)
    change = LiveChange(KEY, version("1"), version("2"))
    quiet.changed(change, {"a": 1}, {"a": 2})
    assert told == []
    async with asyncio.timeout(5):
        while not told:  # noqa: ASYNC110 - a callback tells
            await asyncio.sleep(0.01)
    assert told == [change]
    await quiet.close()


class BrokenScripts:
    async def judge(self, manifests: Sequence[Manifest]) -> list[HealthStatus | None]:
        raise TypeError(len(manifests))


async def test_a_health_that_cannot_be_judged_by_a_fault_is_not_waited_for() -> None:
    taken: list[HealthStatus | None] = []
    backlog = Backlog(
        cast("HealthScripts", BrokenScripts()), lambda _object, health: taken.append(health)
    )
    backlog.add(version("1"), {})
    async with asyncio.timeout(2):
        await backlog.settled([KEY])
    assert [one.status for one in taken if one] == [HealthCode.UNKNOWN]
    await backlog.close()
