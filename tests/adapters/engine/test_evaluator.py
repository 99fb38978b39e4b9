"""The eval lane: bounded, remembered, and one bad script ends nobody else's work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tiphys.adapters.engine import EngineEvaluator
from tiphys.adapters.engine.evaluator import eval_lane
from tiphys.adapters.engine.remembered import Remembered
from tiphys.core.settings.overrides import HealthScript
from tiphys.model.errors import EvaluationError
from tiphys.model.status import HealthCode, HealthStatus

HEALTHY = 'return {status = "Healthy"}'
# Backtracks for ever inside one call of the interpreter, where nothing can ask it to end.
BACKTRACKING = """
local a = string.rep("a", 28)
if obj.bad then string.find(a, string.rep("a?", 28) .. a .. "b") end
return {status = "Healthy"}
"""
DOUBLING = """
local s = "x"
if obj.bad then while true do s = s .. s end end
return {status = "Healthy"}
"""
COLLECTING = """
local t = {}
while obj.bad do t[#t + 1] = {{}, {}, {}} end
return {status = "Healthy"}
"""


@pytest.fixture
async def evaluator() -> AsyncIterator[EngineEvaluator]:
    made = EngineEvaluator()
    yield made
    await made.close()


def script(text: str, *, open_libs: bool = True) -> HealthScript:
    return HealthScript(group="", kind="Widget", script=text, open_libs=open_libs)


def objects(count: int, *bad: int) -> list[dict[str, object]]:
    return [{"number": number, "bad": number in bad} for number in range(count)]


@pytest.mark.parametrize("text", [BACKTRACKING, DOUBLING, COLLECTING])
async def test_one_object_s_trouble_is_its_own(evaluator: EngineEvaluator, text: str) -> None:
    found = await evaluator.health(script(text), objects(5, 2))
    statuses = [verdict.status for verdict in found if verdict]
    assert statuses == [
        HealthCode.UNKNOWN if number == 2 else HealthCode.HEALTHY for number in range(5)
    ]
    assert found[2] is not None
    assert "over its limit of" in found[2].message
    assert await evaluator.health(script(HEALTHY), objects(1)) == [HealthStatus(HealthCode.HEALTHY)]


@pytest.mark.parametrize(
    "expression",
    [
        "until(true==false; [.] + [1])",
        "def f: f; f",
        '[limit(400; repeat("x" * 1000000))] | length | select(. > 0) | empty',
        "[range(1000000000)] | empty",
        'setpath(["l", 500000000]; 1) | .l',
    ],
)
async def test_an_expression_ends_within_its_limits(
    evaluator: EngineEvaluator, expression: str
) -> None:
    start = time.monotonic()
    (found,) = await evaluator.without_paths([{"a": 1, "b": 2}], [expression, ".a"], within=0.5)
    assert time.monotonic() - start < 10
    assert found.manifest == {"b": 2}
    assert [text for text, _ in found.skipped] in ([expression], [])


async def test_an_endless_script_is_given_up_and_others_go_on(evaluator: EngineEvaluator) -> None:
    endless = script("while true do end")

    async def others() -> list[float]:
        times = []
        for number in range(10):
            start = time.monotonic()
            assert await evaluator.health(script(HEALTHY), [{"number": number}]) != [None]
            times.append(time.monotonic() - start)
        return times

    start = time.monotonic()
    found, times = await asyncio.gather(evaluator.health(endless, objects(600)), others())
    assert time.monotonic() - start < 15
    assert all(verdict and verdict.status is HealthCode.UNKNOWN for verdict in found)
    assert "limit of 1s" in str(found[0])
    assert "not tried" in str(found[599])
    # The second process of the lane was theirs.
    assert sum(times) < 3


async def test_what_was_not_tried_for_others_is_tried_again(evaluator: EngineEvaluator) -> None:
    endless = [f"def f{number}: f{number}; f{number}" for number in range(6)]
    start = time.monotonic()
    (*_, last) = await evaluator.without_paths(objects(4), [*endless, ".bad"], within=0.2)
    assert time.monotonic() - start < 5
    assert "others went over" in dict(last.skipped)[".bad"]
    (fine,) = await evaluator.without_paths(objects(1), [".bad"], within=0.2)
    assert fine.manifest == {"number": 0}


async def test_what_was_said_is_remembered(evaluator: EngineEvaluator, tmp_path: Path) -> None:
    await evaluator.health(script(HEALTHY), objects(3))
    await evaluator.without_paths(objects(3), [".bad"], within=1.0)
    for language in ("jq", "lua"):
        (process,) = evaluator.lane(language).processes
        await process.kill()
    # Nothing is started for what was asked before.
    again = await evaluator.health(script(HEALTHY), objects(3))
    assert [verdict and verdict.status for verdict in again] == [HealthCode.HEALTHY] * 3
    (first, *_) = await evaluator.without_paths(objects(3), [".bad"], within=1.0)
    assert first.manifest == {"number": 0}
    assert [evaluator.lane(language).started for language in ("jq", "lua")] == [1, 1]
    await evaluator.health(script(HEALTHY), objects(4))
    assert [evaluator.lane(language).started for language in ("jq", "lua")] == [1, 2]


async def test_processes_leave_when_there_is_no_work() -> None:
    options = eval_lane()
    evaluator = EngineEvaluator(options=type(options)(size=1, idle_seconds=0.2))
    await evaluator.health(script(HEALTHY), objects(1))
    assert len(evaluator.lane("lua").idle) == 1
    async with asyncio.timeout(5):
        while evaluator.lane("lua").idle:  # noqa: ASYNC110 - nothing tells that a process left
            await asyncio.sleep(0.05)
    await evaluator.close()


async def test_large_batches_are_asked_in_parts(evaluator: EngineEvaluator) -> None:
    found = await evaluator.health(script(HEALTHY), objects(1000))
    assert len(found) == 1000
    assert {verdict.status for verdict in found if verdict} == {HealthCode.HEALTHY}
    large = [{"number": number, "text": "x" * 400_000} for number in range(6)]
    pruned = await evaluator.without_paths(large, [".text"], within=1.0)
    assert [one.manifest for one in pruned] == [{"number": number} for number in range(6)]


async def test_an_engine_that_is_not_there_is_no_answer(tmp_path: Path) -> None:
    missing = EngineEvaluator(binary=tmp_path / "none")
    with pytest.raises(EvaluationError):
        await missing.health(script(HEALTHY), objects(1))
    await missing.close()


def test_memory_is_bounded_by_number_and_bytes() -> None:
    held = Remembered[str](entries=3, size=10)
    for name in "abcd":
        held.put(name, name, size=1)
    assert held.get("a") is None
    assert held.get("b") == "b"
    held.put("e", "e", size=1)
    assert (held.get("c"), held.get("b")) == (None, "b")
    held.put("f", "f", size=9)
    assert (len(held), held.get("f")) == (2, "f")
    held.put("f", "g", size=10)
    assert (len(held), held.get("f")) == (1, "g")
