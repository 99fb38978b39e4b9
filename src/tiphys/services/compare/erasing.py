"""Take what jq expressions name out of manifests: one question for all that share expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from tiphys.model.resource import Manifest
from tiphys.services.evaluate.ports import Evaluator

log = structlog.get_logger()

_TOLD = 256
"""So many different problems are said once each; after that they are said anew."""

Expressions = tuple[str, ...]


class Eraser:
    """What an expression cannot be used on stays as it was, and that is said once."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._told: set[tuple[str, str]] = set()

    async def erase(
        self, asked: Mapping[Expressions, Sequence[Manifest]], *, within: float
    ) -> dict[Expressions, Sequence[Manifest]]:
        """The manifests by the expressions that they are to lose. Raises EvaluationError."""
        answer: dict[Expressions, Sequence[Manifest]] = {}
        for expressions, manifests in asked.items():
            if not (expressions and manifests):
                answer[expressions] = manifests
                continue
            pruned = await self._evaluator.without_paths(manifests, expressions, within=within)
            for one in pruned:
                self._tell(one.skipped)
            answer[expressions] = [one.manifest for one in pruned]
        return answer

    def _tell(self, skipped: Sequence[tuple[str, str]]) -> None:
        for expression, reason in skipped:
            if (expression, reason) in self._told:
                continue
            if len(self._told) >= _TOLD:
                self._told.clear()
            self._told.add((expression, reason))
            log.warning("ignore rule skipped", jq=expression, reason=reason)
