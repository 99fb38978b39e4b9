"""What overrides do to one object: its health, and the fields of it that count for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tiphys.core.diff.pointer import without_pointers
from tiphys.core.settings.overrides import IgnoreRule, ResourceOverrides, rules_for
from tiphys.model.resource import Manifest, key_of
from tiphys.model.status import HealthStatus
from tiphys.services.evaluate.ports import Evaluator
from tiphys.services.live.judging import HealthScripts


async def health_of(
    manifest: Manifest, overrides: ResourceOverrides, evaluator: Evaluator
) -> HealthStatus | None:
    """As the controller judges it. Raises EvaluationError."""
    (found,) = await HealthScripts(evaluator, lambda: overrides).judge([manifest])
    return found


@dataclass(frozen=True, slots=True)
class Left:
    """An object without what rules name, and the expressions that could not be used on it."""

    manifest: Manifest
    skipped: tuple[tuple[str, str], ...] = ()


async def left_of(
    manifest: Manifest, rules: Sequence[IgnoreRule], evaluator: Evaluator, *, within: float
) -> Left | None:
    """None where no pointer and no expression concerns the object. Raises EvaluationError.

    What a field manager owns is told by the live object alone, and is not tried.
    """
    found = rules_for(rules, key_of(manifest))
    pointers = [pointer for rule in found for pointer in rule.json_pointers]
    expressions = [text for rule in found for text in rule.jq_path_expressions]
    if not (pointers or expressions):
        return None
    left = without_pointers(manifest, pointers)
    if not expressions:
        return Left(left)
    (pruned,) = await evaluator.without_paths([left], expressions, within=within)
    return Left(pruned.manifest, pruned.skipped)
