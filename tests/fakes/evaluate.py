"""An evaluator that understands paths such as `.spec.replicas`, and nothing else of jq."""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.core.diff.pointer import without_pointers
from tiphys.core.settings.overrides import HealthScript
from tiphys.model.errors import EvaluationError
from tiphys.model.resource import Manifest
from tiphys.model.status import HealthStatus
from tiphys.services.evaluate.ports import Pruned


class FakeEvaluator:
    """`asked` are the questions; an expression with a space is not understood; `broken` fails."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, tuple[str, ...]]] = []
        self.broken = False
        self.judged: HealthStatus | None = None

    async def without_paths(
        self, manifests: Sequence[Manifest], expressions: Sequence[str], *, within: float
    ) -> Sequence[Pruned]:
        self.asked.append((len(manifests), tuple(expressions)))
        if self.broken:
            raise EvaluationError("the evaluator ended")
        known = [one.replace(".", "/") for one in expressions if " " not in one]
        skipped = tuple((one, "is not understood") for one in expressions if " " in one)
        return [Pruned(without_pointers(manifest, known), skipped) for manifest in manifests]

    async def health(
        self, script: HealthScript, manifests: Sequence[Manifest]
    ) -> Sequence[HealthStatus | None]:
        return [self.judged for _ in manifests]
