"""What services need of the evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tiphys.core.settings.overrides import HealthScript
from tiphys.model.evaluation import Pruned
from tiphys.model.resource import Manifest
from tiphys.model.status import HealthStatus

__all__ = ["Evaluator", "Pruned"]


class Evaluator(Protocol):
    """Answers in the order of the questions. Raises EvaluationError only where the evaluator
    itself fails; what a script does wrong is part of its answer.
    """

    async def without_paths(
        self, manifests: Sequence[Manifest], expressions: Sequence[str], *, within: float
    ) -> Sequence[Pruned]:
        """Each manifest after `del(expression)` for each expression, `within` seconds for each."""
        ...

    async def health(
        self, script: HealthScript, manifests: Sequence[Manifest]
    ) -> Sequence[HealthStatus | None]:
        """What the script says of each: Unknown with the reason where it fails, None where it
        answers nothing.
        """
        ...
