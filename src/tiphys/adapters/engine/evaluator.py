"""The Evaluator that asks the engine: jq and Lua in lanes of their own, so that neither a slow
render nor what users wrote in jq delays a health script.

Documents go in batches. One that ends a process is found and answered by itself, and the others
are asked again; an expression or script that does so too often is given up for a while. Answers
are remembered by the script and the hash of the document.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import orjson
import xxhash

from tiphys.adapters.engine.binary import EngineLimits, locate
from tiphys.adapters.engine.errors import EngineNotBuiltError, ItemLimitError
from tiphys.adapters.engine.lane import Lane, LaneOptions
from tiphys.adapters.engine.remembered import Remembered
from tiphys.core.settings.overrides import HealthScript
from tiphys.model.errors import EvaluationError, RenderError, RenderLimitError
from tiphys.model.evaluation import Pruned
from tiphys.model.resource import Manifest
from tiphys.model.status import HealthCode, HealthStatus

LUA_SECONDS = 1.0
_BATCH_BYTES = 1 << 20
_BATCH_DOCUMENTS = 256
_STRIKES = 3
_GIVEN_UP_SECONDS = 60.0
_SLACK_SECONDS = 10.0
# What a health script says is small; a pruned manifest is as large as the manifest.
_MOST_VERDICTS, _MOST_PRUNED = 20_000, 4_000
_VERDICT_BYTES, _PRUNED_BYTES = 4 << 20, 16 << 20

Skip = tuple[int, str, bool]
"""The number of an expression, why it was not used, and whether a limit was the reason."""
T = TypeVar("T")
Verdict = tuple[HealthStatus | None, bool]
"""What a script says, and whether that is only that a limit ended it."""


def eval_lane() -> LaneOptions:
    """Small processes, two at most: a script is no render."""
    return LaneOptions(size=2, limits=EngineLimits(memory=256 << 20, input=32 << 20))


class EngineEvaluator:
    """Belongs to one event loop. Close it to end its processes at once."""

    def __init__(self, binary: Path | None = None, options: LaneOptions | None = None) -> None:
        self._binary = binary
        self._options = options or eval_lane()
        self._lanes: dict[str, Lane] = {}
        self._strikes: dict[str, tuple[int, float]] = {}
        self._pruned = Remembered[bytes](entries=_MOST_PRUNED, size=_PRUNED_BYTES)
        self._verdicts = Remembered[tuple[HealthStatus | None]](
            entries=_MOST_VERDICTS, size=_VERDICT_BYTES
        )

    def lane(self, language: str) -> Lane:
        """`jq` or `lua`. Raises EvaluationError where there is no engine."""
        if language not in self._lanes:
            try:
                self._lanes[language] = Lane(self._binary or locate(), self._options)
            except EngineNotBuiltError as error:
                raise EvaluationError(str(error)) from None
        return self._lanes[language]

    async def close(self) -> None:
        for lane in self._lanes.values():
            await lane.close()

    async def without_paths(
        self, manifests: Sequence[Manifest], expressions: Sequence[str], *, within: float
    ) -> Sequence[Pruned]:
        """Each manifest after `del(expression)` for each expression."""
        work = _Paths(self, tuple(expressions), within)
        return await self._answered(manifests, work.key, self._pruned_before, work.run)

    async def health(
        self, script: HealthScript, manifests: Sequence[Manifest]
    ) -> Sequence[HealthStatus | None]:
        """What the script says of each."""
        work = _Health(self, script)
        found = await self._answered(manifests, work.key, self._judged_before, work.run)
        return [verdict for (verdict,) in found]

    async def _answered(
        self,
        manifests: Sequence[Manifest],
        question: str,
        before: Callable[[str, Manifest], T | None],
        run: Callable[[Sequence[_Document]], Awaitable[Sequence[T]]],
    ) -> list[T]:
        """From memory where possible; the rest in batches."""
        documents = [_Document(manifest, question) for manifest in manifests]
        found = {
            document.key: answer
            for document in documents
            if (answer := before(document.key, document.manifest)) is not None
        }
        asked = {document.key: document for document in documents if document.key not in found}
        for batch in _batches(list(asked.values())):
            answers = await run(batch)
            found |= dict(zip((document.key for document in batch), answers, strict=True))
        return [found[document.key] for document in documents]

    def _pruned_before(self, key: str, manifest: Manifest) -> Pruned | None:
        held = self._pruned.get(key)
        if held is None:
            return None
        document, skipped = orjson.loads(held)
        return Pruned(
            manifest if document is None else document,
            tuple((text, reason) for text, reason in skipped),
        )

    def _judged_before(self, key: str, _manifest: Manifest) -> tuple[HealthStatus | None] | None:
        return self._verdicts.get(key)

    def remember_pruned(self, key: str, pruned: Pruned, *, changed: bool) -> None:
        held = orjson.dumps((pruned.manifest if changed else None, pruned.skipped))
        self._pruned.put(key, held, size=len(held))

    def remember_verdict(self, key: str, verdict: HealthStatus | None) -> None:
        self._verdicts.put(key, (verdict,), size=len(verdict.message) + 64 if verdict else 64)

    async def ask(
        self, header: Mapping[str, Any], documents: Sequence[bytes], *, seconds: float
    ) -> list[Any]:
        """One request. Raises RenderLimitError where a limit ended it."""
        body = b"[" + b",".join(documents) + b"]"
        try:
            reply = await self.lane(header["op"]).exchange(header, body, None, seconds=seconds)
        except RenderLimitError:
            raise
        except RenderError as error:
            raise EvaluationError(str(error)) from None
        except OSError as error:
            raise EvaluationError(f"the engine cannot be started: {error.strerror}") from None
        answers: list[Any] = orjson.loads(reply.body)
        return answers

    def strike(self, script: str) -> None:
        """A script went over a limit. After some times it is given up until a while has passed."""
        now = asyncio.get_running_loop().time()
        if len(self._strikes) > _MOST_VERDICTS:
            self._strikes.clear()
        count, since = self._strikes.get(script, (0, now))
        if now - since > _GIVEN_UP_SECONDS:
            count = 0
        self._strikes[script] = (count + 1, now)

    def given_up(self, script: str) -> bool:
        count, since = self._strikes.get(script, (0, 0.0))
        late = asyncio.get_running_loop().time() - since > _GIVEN_UP_SECONDS
        return count >= _STRIKES and not late


class _Document:
    """A manifest with its bytes, and the key of what is asked of it."""

    __slots__ = ("data", "key", "manifest")

    def __init__(self, manifest: Manifest, question: str) -> None:
        self.manifest = manifest
        self.data = orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS)
        self.key = question + xxhash.xxh3_128_hexdigest(self.data)


def _batches(documents: Sequence[_Document]) -> list[list[_Document]]:
    batches: list[list[_Document]] = []
    room = 0
    for document in documents:
        room -= len(document.data)
        if not batches or room < 0 or len(batches[-1]) == _BATCH_DOCUMENTS:
            batches.append([])
            room = _BATCH_BYTES - len(document.data)
        batches[-1].append(document)
    return batches


def _halves(count: int, error: RenderLimitError) -> list[slice]:
    """How a batch that ended its process is asked again: the culprit alone, where it is known."""
    if isinstance(error, ItemLimitError) and 0 <= error.item < count:
        parts = [(0, error.item), (error.item, error.item + 1), (error.item + 1, count)]
    else:
        parts = [(0, count // 2), (count // 2, count)]
    return [slice(start, end) for start, end in parts if start < end]


_NOT_TRIED = "not tried"
_GIVEN_UP = f"{_NOT_TRIED}: it went over its limits before, and is tried again after a minute"


class _Paths:
    """One question to jq."""

    def __init__(
        self, evaluator: EngineEvaluator, expressions: Sequence[str], within: float
    ) -> None:
        self._evaluator = evaluator
        self._expressions = expressions
        self._within = within
        self.key = "jq" + xxhash.xxh3_128_hexdigest(orjson.dumps([within, *expressions]))

    async def run(self, documents: Sequence[_Document]) -> list[Pruned]:
        numbers = range(len(self._expressions))
        answers = await self._asked([document.data for document in documents], list(numbers))
        return [
            self._pruned(document, data, skipped)
            for document, (data, skipped) in zip(documents, answers, strict=True)
        ]

    def _pruned(self, document: _Document, data: bytes | None, skipped: Sequence[Skip]) -> Pruned:
        texts = tuple((self._expressions[number], reason) for number, reason, _ in sorted(skipped))
        manifest = document.manifest if data is None else orjson.loads(data)
        pruned = Pruned(manifest, texts)
        if not any(limited for *_, limited in skipped):
            self._evaluator.remember_pruned(document.key, pruned, changed=data is not None)
        return pruned

    async def _asked(
        self, documents: Sequence[bytes], numbers: Sequence[int]
    ) -> list[tuple[bytes | None, list[Skip]]]:
        """For each document what became of it, None where it stayed, and what was skipped."""
        given_up = [one for one in numbers if self._evaluator.given_up(self._expressions[one])]
        left = [one for one in numbers if one not in given_up]
        before: list[Skip] = [(one, _GIVEN_UP, True) for one in given_up]
        if not left:
            return [(None, before) for _ in documents]
        try:
            answers = await self._request(documents, left)
        except RenderLimitError as error:
            answers = await self._apart(documents, left, error)
        return [(data, [*before, *skipped]) for data, skipped in answers]

    async def _apart(
        self, documents: Sequence[bytes], numbers: Sequence[int], error: RenderLimitError
    ) -> list[tuple[bytes | None, list[Skip]]]:
        if len(documents) > 1:
            parts = [documents[part] for part in _halves(len(documents), error)]
            return [answer for part in parts for answer in await self._asked(part, numbers)]
        if len(numbers) == 1:
            self._evaluator.strike(self._expressions[numbers[0]])
            return [(None, [(numbers[0], str(error), True)])]
        (document,) = documents
        became: bytes | None = None
        skipped: list[Skip] = []
        for number in numbers:
            ((data, more),) = await self._asked([became or document], [number])
            became = data or became
            skipped += more
        return [(became, skipped)]

    async def _request(
        self, documents: Sequence[bytes], numbers: Sequence[int]
    ) -> list[tuple[bytes | None, list[Skip]]]:
        expressions = [self._expressions[number] for number in numbers]
        options = {"expressions": expressions, "timeoutMs": max(int(self._within * 1000), 1)}
        header = {"op": "jq", "path": "", "options": options}
        # The engine gives up what was late a few times, so this is the longest that it takes.
        seconds = _SLACK_SECONDS + (_STRIKES + 1) * self._within * len(expressions)
        found = await self._evaluator.ask(header, documents, seconds=seconds)
        answers: list[tuple[bytes | None, list[Skip]]] = []
        for answer in found:
            skipped = [
                (numbers[one["expression"]], one["reason"], one.get("limited", False))
                for one in answer.get("skipped", ())
            ]
            for number, reason, limited in skipped:
                if limited and not reason.startswith(_NOT_TRIED):
                    self._evaluator.strike(self._expressions[number])
            document = answer["document"]
            answers.append((None if document is None else orjson.dumps(document), skipped))
        return answers


class _Health:
    """One question to Lua."""

    def __init__(self, evaluator: EngineEvaluator, script: HealthScript) -> None:
        self._evaluator = evaluator
        self._script = script
        self.key = "lua" + xxhash.xxh3_128_hexdigest(
            f"{script.open_libs}{script.script}".encode("utf-8", "surrogatepass")
        )

    async def run(self, documents: Sequence[_Document]) -> list[tuple[HealthStatus | None]]:
        answers = await self._asked([document.data for document in documents])
        for document, (verdict, limited) in zip(documents, answers, strict=True):
            if not limited:
                self._evaluator.remember_verdict(document.key, verdict)
        return [(verdict,) for verdict, _ in answers]

    async def _asked(self, documents: Sequence[bytes]) -> list[Verdict]:
        if self._evaluator.given_up(self.key):
            return [(_failed(_GIVEN_UP), True) for _ in documents]
        try:
            return await self._request(documents)
        except RenderLimitError as error:
            if len(documents) == 1:
                self._evaluator.strike(self.key)
                return [(_failed(str(error)), True)]
            parts = [documents[part] for part in _halves(len(documents), error)]
            return [answer for part in parts for answer in await self._asked(part)]

    async def _request(self, documents: Sequence[bytes]) -> list[Verdict]:
        options = {
            "script": self._script.script,
            "openLibs": self._script.open_libs,
            "timeoutMs": int(LUA_SECONDS * 1000),
        }
        header = {"op": "lua", "path": "", "options": options}
        seconds = _SLACK_SECONDS + (_STRIKES + 2) * LUA_SECONDS
        found = await self._evaluator.ask(header, documents, seconds=seconds)
        return [(None, False) if answer is None else self._verdict(answer) for answer in found]

    def _verdict(self, answer: Mapping[str, Any]) -> Verdict:
        limited = answer.get("limited", False)
        if limited:
            self._evaluator.strike(self.key)
        return HealthStatus(HealthCode(answer["status"]), answer["message"]), limited


def _failed(reason: str) -> HealthStatus:
    return HealthStatus(HealthCode.UNKNOWN, f"the health script failed: {reason}")
