"""Asks the engine's lanes for evaluations, and keeps count of what goes over its limits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from tiphys.adapters.engine.binary import locate
from tiphys.adapters.engine.errors import EngineNotBuiltError
from tiphys.adapters.engine.lane import Lane, LaneOptions
from tiphys.model.errors import EvaluationError, RenderError, RenderLimitError

STRIKES = 3
_GIVEN_UP_SECONDS = 60.0
_MOST_COUNTED = 20_000


class Asker:
    """Each language has a lane. Belongs to one event loop."""

    def __init__(self, binary: Path | None, options: LaneOptions) -> None:
        self._binary = binary
        self._options = options
        self._lanes: dict[str, Lane] = {}
        self._strikes: dict[str, tuple[int, float]] = {}

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
        if len(self._strikes) > _MOST_COUNTED:
            self._strikes.clear()
        count, since = self._strikes.get(script, (0, now))
        if now - since > _GIVEN_UP_SECONDS:
            count = 0
        self._strikes[script] = (count + 1, now)

    def given_up(self, script: str) -> bool:
        count, since = self._strikes.get(script, (0, 0.0))
        late = asyncio.get_running_loop().time() - since > _GIVEN_UP_SECONDS
        return count >= STRIKES and not late
