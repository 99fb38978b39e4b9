"""Users' rules made to run for ever: jq in ignore rules, Lua in health checks (CVE-2024-32476).

Each attack is tried twice: within its limit, and with a limit so high that there is none. It has
to be noticed the second time.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from tiphys.adapters.engine import EngineEvaluator, questions
from tiphys.core.settings.overrides import HealthScript
from tiphys.model.status import HealthCode

PATIENCE = 4.0
"""Seconds that a victim would notice."""
LIMIT, NONE = 0.5, 8.0
ENDLESS = "while true do end"


@pytest.fixture
async def evaluator() -> AsyncIterator[EngineEvaluator]:
    made = EngineEvaluator()
    yield made
    await made.close()


GROWING = "until(true==false; [.] + [1])"
"""The advisory's own: it ends by the memory that it takes, where time is no limit."""
CIRCLING = "def f: f; f"


async def expression_runs(evaluator: EngineEvaluator, endless: str, within: float) -> None:
    start = time.monotonic()
    (found,) = await evaluator.without_paths([{"a": 1, "b": 2}], [endless, ".a"], within=within)
    assert time.monotonic() - start < PATIENCE, "the attack took the evaluator"
    # The rule is skipped, which is said, and the others hold.
    assert found.manifest == {"b": 2}
    assert [text for text, _ in found.skipped] == [endless]


async def test_an_endless_expression_is_skipped(evaluator: EngineEvaluator) -> None:
    await expression_runs(evaluator, GROWING, LIMIT)
    await expression_runs(evaluator, CIRCLING, LIMIT)
    with pytest.raises(AssertionError, match="the attack"):
        await expression_runs(evaluator, CIRCLING, NONE)


async def script_runs(evaluator: EngineEvaluator) -> None:
    script = HealthScript(group="", kind="Widget", script=ENDLESS, open_libs=True)
    start = time.monotonic()
    (verdict,) = await evaluator.health(script, [{"a": 1}])
    assert time.monotonic() - start < PATIENCE, "the attack took the evaluator"
    assert verdict is not None
    assert verdict.status is HealthCode.UNKNOWN


async def test_an_endless_script_is_given_up(
    evaluator: EngineEvaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    await script_runs(evaluator)
    monkeypatch.setattr(questions, "LUA_SECONDS", NONE)
    patient = EngineEvaluator()
    try:
        with pytest.raises(AssertionError, match="the attack"):
            await script_runs(patient)
    finally:
        await patient.close()
