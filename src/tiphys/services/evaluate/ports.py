"""What services need of the evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tiphys.core.settings.overrides import HealthScript
from tiphys.model.resource import Manifest
from tiphys.model.status import HealthStatus


@dataclass(frozen=True, slots=True)
class Pruned:
    """A manifest without the paths that expressions named.

    `skipped` tells of expressions that could not be used on it: the text and why, such as the
    time limit. They have left the manifest as it was.
    """

    manifest: Manifest
    skipped: tuple[tuple[str, str], ...] = ()


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
