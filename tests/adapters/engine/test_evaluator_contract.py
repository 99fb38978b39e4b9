"""What services rely on of an evaluator, held by the engine's and by the fake."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from tests.fakes.evaluator import FakeEvaluator, Judgement
from tiphys.adapters.engine import EngineEvaluator
from tiphys.core.settings.overrides import HealthScript
from tiphys.model.evaluation import Pruned
from tiphys.model.status import HealthCode, HealthStatus
from tiphys.services.evaluate.ports import Evaluator

PHASE = "return {status = obj.status.phase, message = 'it is ' .. obj.status.phase}"
SILENT = "return nil"
SCRIPTS: Mapping[str, Judgement] = {
    PHASE: lambda manifest: HealthStatus(
        HealthCode(manifest["status"]["phase"]), f"it is {manifest['status']['phase']}"
    ),
    SILENT: lambda _manifest: None,
}


@pytest.fixture(scope="module", params=["engine", "fake"])
async def evaluator(request: pytest.FixtureRequest) -> AsyncIterator[Evaluator]:
    if request.param == "fake":
        yield FakeEvaluator(SCRIPTS)
        return
    real = EngineEvaluator()
    yield real
    await real.close()


def script(text: str) -> HealthScript:
    return HealthScript(group="example.com", kind="Widget", script=text)


def widget(phase: str) -> dict[str, object]:
    return {"kind": "Widget", "status": {"phase": phase}}


async def test_answers_come_in_the_order_of_the_questions(evaluator: Evaluator) -> None:
    found = await evaluator.health(
        script(PHASE), [widget("Healthy"), widget("Degraded"), widget("Healthy")]
    )
    assert found == [
        HealthStatus(HealthCode.HEALTHY, "it is Healthy"),
        HealthStatus(HealthCode.DEGRADED, "it is Degraded"),
        HealthStatus(HealthCode.HEALTHY, "it is Healthy"),
    ]


async def test_a_script_may_say_nothing(evaluator: Evaluator) -> None:
    assert await evaluator.health(script(SILENT), [widget("Healthy")]) == [None]
    assert await evaluator.health(script(SILENT), []) == []


async def test_a_script_that_cannot_be_read_is_unknown_with_a_reason(evaluator: Evaluator) -> None:
    (found,) = await evaluator.health(script("return {"), [widget("Healthy")])
    assert found is not None
    assert found.status is HealthCode.UNKNOWN
    assert "syntax error" in found.message


async def test_paths_are_taken_away(evaluator: Evaluator) -> None:
    manifests: list[dict[str, Any]] = [
        {"spec": {"a": 1, "b": 2}},
        {"spec": {"b": 2}},
        {"other": 1.0},
    ]
    before = [dict(manifest) for manifest in manifests]
    found = await evaluator.without_paths(manifests, [".spec.a", ".none"], within=1.0)
    assert found == [Pruned({"spec": {"b": 2}}), Pruned(manifests[1]), Pruned(manifests[2])]
    assert manifests == before
    assert await evaluator.without_paths(manifests[:1], [], within=1.0) == [Pruned(manifests[0])]


async def test_an_expression_that_cannot_be_used_leaves_the_rest(evaluator: Evaluator) -> None:
    (found,) = await evaluator.without_paths(
        [{"a": 1, "b": "s3cret"}], [".a |", ".b.c", ".a"], within=1.0
    )
    assert found.manifest == {"b": "s3cret"}
    assert [text for text, _ in found.skipped] == [".a |", ".b.c"]
    assert all(reason and "s3cret" not in reason for _, reason in found.skipped)
