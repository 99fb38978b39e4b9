"""An evaluator without an engine: field paths for jq, and for Lua functions by their script."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tiphys.core.settings.overrides import HealthScript
from tiphys.model.errors import EvaluationError
from tiphys.model.evaluation import Pruned
from tiphys.model.resource import Manifest
from tiphys.model.status import HealthCode, HealthStatus

Judgement = Callable[[Manifest], HealthStatus | None]
_PATH = re.compile(r"(\.\w+)+")


class FakeEvaluator:
    """`scripts` are the judgements by the text of their script; `broken` makes every call fail.

    A script that is not among them fails, as one does that cannot be read.
    """

    def __init__(self, scripts: Mapping[str, Judgement] | None = None) -> None:
        self.scripts = dict(scripts or {})
        self.broken = False
        self.judged: list[tuple[str, int]] = []

    async def without_paths(
        self, manifests: Sequence[Manifest], expressions: Sequence[str], *, within: float
    ) -> Sequence[Pruned]:
        self._check()
        return [_pruned(manifest, expressions) for manifest in manifests]

    async def health(
        self, script: HealthScript, manifests: Sequence[Manifest]
    ) -> Sequence[HealthStatus | None]:
        self._check()
        self.judged.append((script.script, len(manifests)))
        judgement = self.scripts.get(script.script, _unreadable)
        return [judgement(manifest) for manifest in manifests]

    def _check(self) -> None:
        if self.broken:
            raise EvaluationError("the evaluator is broken")


def _unreadable(_manifest: Manifest) -> HealthStatus:
    return HealthStatus(HealthCode.UNKNOWN, "the health script failed: syntax error")


def _pruned(manifest: Manifest, expressions: Sequence[str]) -> Pruned:
    left: dict[str, Any] = copy.deepcopy(dict(manifest))
    skipped = []
    for expression in expressions:
        if _PATH.fullmatch(expression) is None:
            skipped.append((expression, "is no jq expression"))
            continue
        *parents, last = expression.removeprefix(".").split(".")
        node: Any = left
        for name in parents:
            node = node.get(name) if isinstance(node, dict) else None
        if node is not None and not isinstance(node, dict):
            skipped.append((expression, "expected an object but got"))
        elif node is not None:
            node.pop(last, None)
    return Pruned(left, tuple(skipped))
