"""The two questions, about batches of documents, and what becomes of a batch that goes wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import xxhash

from tiphys.adapters.engine.asking import STRIKES, Asker
from tiphys.adapters.engine.errors import ItemLimitError
from tiphys.core.settings.overrides import HealthScript
from tiphys.model.errors import RenderLimitError
from tiphys.model.evaluation import Pruned
from tiphys.model.resource import Manifest
from tiphys.model.status import HealthCode, HealthStatus

LUA_SECONDS = 1.0
_BATCH_BYTES = 1 << 20
_BATCH_DOCUMENTS = 256
_SLACK_SECONDS = 10.0
_NOT_TRIED = "not tried"
_GIVEN_UP = f"{_NOT_TRIED}: it went over its limits before, and is tried again after a minute"

Skip = tuple[int, str, bool]
"""The number of an expression, why it was not used, and whether a limit was the reason."""
Verdict = tuple[HealthStatus | None, bool]
"""What a script says, and whether that is only that a limit ended it."""


class Document:
    """A manifest with its bytes, and the key of what is asked of it."""

    __slots__ = ("data", "key", "manifest")

    def __init__(self, manifest: Manifest, question: str) -> None:
        self.manifest = manifest
        self.data = orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS)
        self.key = question + xxhash.xxh3_128_hexdigest(self.data)


def in_batches(documents: Sequence[Document]) -> list[list[Document]]:
    batches: list[list[Document]] = []
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


class Paths:
    """One question to jq."""

    def __init__(self, asker: Asker, expressions: Sequence[str], within: float) -> None:
        self._asker = asker
        self._expressions = expressions
        self._within = within
        self.key = "jq" + xxhash.xxh3_128_hexdigest(orjson.dumps([within, *expressions]))

    async def run(self, documents: Sequence[Document]) -> list[tuple[Pruned, bool]]:
        """Each answer with whether a limit is all that it tells."""
        numbers = range(len(self._expressions))
        answers = await self._asked([document.data for document in documents], list(numbers))
        return [
            (self._pruned(document, data, skipped), any(limited for *_, limited in skipped))
            for document, (data, skipped) in zip(documents, answers, strict=True)
        ]

    def _pruned(self, document: Document, data: bytes | None, skipped: Sequence[Skip]) -> Pruned:
        texts = tuple((self._expressions[number], reason) for number, reason, _ in sorted(skipped))
        return Pruned(document.manifest if data is None else orjson.loads(data), texts)

    async def _asked(
        self, documents: Sequence[bytes], numbers: Sequence[int]
    ) -> list[tuple[bytes | None, list[Skip]]]:
        """For each document what became of it, None where it stayed, and what was skipped."""
        given_up = [one for one in numbers if self._asker.given_up(self._expressions[one])]
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
            self._asker.strike(self._expressions[numbers[0]])
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
        seconds = _SLACK_SECONDS + (STRIKES + 1) * self._within * len(expressions)
        found = await self._asker.ask(header, documents, seconds=seconds)
        answers: list[tuple[bytes | None, list[Skip]]] = []
        for answer in found:
            skipped = [
                (numbers[one["expression"]], one["reason"], one.get("limited", False))
                for one in answer.get("skipped", ())
            ]
            for number, reason, limited in skipped:
                if limited and not reason.startswith(_NOT_TRIED):
                    self._asker.strike(self._expressions[number])
            document = answer["document"]
            answers.append((None if document is None else orjson.dumps(document), skipped))
        return answers


class Health:
    """One question to Lua."""

    def __init__(self, asker: Asker, script: HealthScript) -> None:
        self._asker = asker
        self._script = script
        self.key = "lua" + xxhash.xxh3_128_hexdigest(
            f"{script.open_libs}{script.script}".encode("utf-8", "surrogatepass")
        )

    async def run(self, documents: Sequence[Document]) -> list[Verdict]:
        return await self._asked([document.data for document in documents])

    async def _asked(self, documents: Sequence[bytes]) -> list[Verdict]:
        if self._asker.given_up(self.key):
            return [(_failed(_GIVEN_UP), True) for _ in documents]
        try:
            return await self._request(documents)
        except RenderLimitError as error:
            if len(documents) == 1:
                self._asker.strike(self.key)
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
        seconds = _SLACK_SECONDS + (STRIKES + 2) * LUA_SECONDS
        found = await self._asker.ask(header, documents, seconds=seconds)
        return [(None, False) if answer is None else self._verdict(answer) for answer in found]

    def _verdict(self, answer: Mapping[str, Any]) -> Verdict:
        limited = answer.get("limited", False)
        if limited:
            self._asker.strike(self.key)
        return HealthStatus(HealthCode(answer["status"]), answer["message"]), limited


def _failed(reason: str) -> HealthStatus:
    return HealthStatus(HealthCode.UNKNOWN, f"the health script failed: {reason}")
