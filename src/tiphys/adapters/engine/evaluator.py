"""The Evaluator that asks the engine: jq and Lua in lanes of their own, so that neither a slow
render nor what users wrote in jq delays a health script.

Documents go in batches. One that ends a process is found and answered by itself, and the others
are asked again; an expression or script that does so too often is given up for a while. Answers
are remembered by the script and the hash of the document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import orjson

from tiphys.adapters.engine.asking import Asker
from tiphys.adapters.engine.binary import EngineLimits
from tiphys.adapters.engine.lane import Lane, LaneOptions
from tiphys.adapters.engine.linking import LinkQuestion
from tiphys.adapters.engine.questions import Document, Health, Paths, in_batches
from tiphys.adapters.engine.remembered import Remembered
from tiphys.core.links import DeepLink, Made
from tiphys.core.settings.overrides import HealthScript
from tiphys.model.evaluation import Pruned
from tiphys.model.resource import Manifest
from tiphys.model.status import HealthStatus

# What a health script says is small; a pruned manifest is as large as the manifest.
_MOST_VERDICTS, _MOST_PRUNED = 20_000, 4_000
_VERDICT_BYTES, _PRUNED_BYTES = 4 << 20, 16 << 20

T = TypeVar("T")


def eval_lane() -> LaneOptions:
    """Small processes, two at most: a script is no render."""
    return LaneOptions(size=2, limits=EngineLimits(memory=256 << 20, input=32 << 20))


class EngineEvaluator:
    """Belongs to one event loop. Close it to end its processes at once."""

    def __init__(self, binary: Path | None = None, options: LaneOptions | None = None) -> None:
        self._asker = Asker(binary, options or eval_lane())
        self._pruned = Remembered[bytes](entries=_MOST_PRUNED, size=_PRUNED_BYTES)
        self._verdicts = Remembered[tuple[HealthStatus | None]](
            entries=_MOST_VERDICTS, size=_VERDICT_BYTES
        )

    def lane(self, language: str) -> Lane:
        """`jq` or `lua`. Raises EvaluationError where there is no engine."""
        return self._asker.lane(language)

    async def close(self) -> None:
        await self._asker.close()

    async def without_paths(
        self, manifests: Sequence[Manifest], expressions: Sequence[str], *, within: float
    ) -> Sequence[Pruned]:
        """Each manifest after `del(expression)` for each expression."""
        question = Paths(self._asker, tuple(expressions), within)

        async def run(documents: Sequence[Document]) -> Sequence[Pruned]:
            found = await question.run(documents)
            for document, (pruned, limited) in zip(documents, found, strict=True):
                if not limited:
                    self._remember_pruned(document, pruned)
            return [pruned for pruned, _ in found]

        return await _answered(manifests, question.key, self._pruned_before, run)

    async def health(
        self, script: HealthScript, manifests: Sequence[Manifest]
    ) -> Sequence[HealthStatus | None]:
        """What the script says of each."""
        question = Health(self._asker, script)

        async def run(documents: Sequence[Document]) -> Sequence[tuple[HealthStatus | None]]:
            found = await question.run(documents)
            for document, (verdict, limited) in zip(documents, found, strict=True):
                if not limited:
                    self._remember_verdict(document, verdict)
            return [(verdict,) for verdict, _ in found]

        answers = await _answered(manifests, question.key, self._judged_before, run)
        return [verdict for (verdict,) in answers]

    async def links(self, links: Sequence[DeepLink], data: Mapping[str, Any]) -> Made:
        """What comes of deep links with this data. Each has its time."""
        return await LinkQuestion(self._asker, links).run(data)

    def _pruned_before(self, document: Document) -> Pruned | None:
        held = self._pruned.get(document.key)
        if held is None:
            return None
        manifest, skipped = orjson.loads(held)
        return Pruned(
            document.manifest if manifest is None else manifest,
            tuple((text, reason) for text, reason in skipped),
        )

    def _judged_before(self, document: Document) -> tuple[HealthStatus | None] | None:
        return self._verdicts.get(document.key)

    def _remember_pruned(self, document: Document, pruned: Pruned) -> None:
        changed = pruned.manifest is not document.manifest
        held = orjson.dumps((pruned.manifest if changed else None, pruned.skipped))
        self._pruned.put(document.key, held, size=len(held))

    def _remember_verdict(self, document: Document, verdict: HealthStatus | None) -> None:
        size = len(verdict.message) + 64 if verdict else 64
        self._verdicts.put(document.key, (verdict,), size=size)


async def _answered(
    manifests: Sequence[Manifest],
    question: str,
    before: Callable[[Document], T | None],
    run: Callable[[Sequence[Document]], Awaitable[Sequence[T]]],
) -> list[T]:
    """From memory where possible; the rest in batches."""
    documents = [Document(manifest, question) for manifest in manifests]
    found = {
        document.key: answer for document in documents if (answer := before(document)) is not None
    }
    asked = {document.key: document for document in documents if document.key not in found}
    for batch in in_batches(list(asked.values())):
        answers = await run(batch)
        found |= dict(zip((document.key for document in batch), answers, strict=True))
    return [found[document.key] for document in documents]
