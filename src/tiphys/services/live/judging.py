"""Health by scripts: what takes longer than a turn of the loop is judged behind the watch.

Kinds with a health script are pending first. The versions that the index holds are then judged in
batches, and what was found is told as a change. Whoever must not guess waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterable, Sequence

import structlog

from tiphys.core.health import judge, pending_deletion
from tiphys.core.settings.overrides import HealthScript, ResourceOverrides
from tiphys.model.errors import EvaluationError
from tiphys.model.live import LiveObject
from tiphys.model.resource import GroupKind, Manifest, ResourceKey, gvk_of
from tiphys.model.status import HealthCode, HealthStatus
from tiphys.services.evaluate.ports import Evaluator

_log = structlog.get_logger(__name__)

PENDING = HealthStatus(HealthCode.PROGRESSING, "Waiting for the health script")
"""Of a version that was not judged yet: neither Healthy nor a failure."""

_AT_ONCE = 256
"""What is found is told in parts: the first of many thousand need not wait for the last."""
_PATIENCE = 5.0
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0

Judged = Callable[[LiveObject, HealthStatus | None], None]


class HealthScripts:
    """What judges objects: their deletion, then a script for their kind, then our own rules."""

    def __init__(self, evaluator: Evaluator, overrides: Callable[[], ResourceOverrides]) -> None:
        self._evaluator = evaluator
        self._overrides = overrides
        self._known: dict[GroupKind, HealthScript | None] = {}
        self._known_of = overrides()

    def now(self, manifest: Manifest) -> HealthStatus | None:
        """What can be said at once: PENDING where a script has to be asked."""
        script = self.script(gvk_of(manifest).group_kind)
        if script is None:
            return judge(manifest)
        return pending_deletion(manifest) or PENDING

    async def judge(self, manifests: Sequence[Manifest]) -> list[HealthStatus | None]:
        """The health of each. Raises EvaluationError."""
        found = [self.now(manifest) for manifest in manifests]
        asked: dict[HealthScript, list[int]] = {}
        for number, health in enumerate(found):
            if health is PENDING:
                script = self.script(gvk_of(manifests[number]).group_kind)
                if script is not None:
                    asked.setdefault(script, []).append(number)
        for script, numbers in asked.items():
            answers = await self._evaluator.health(script, [manifests[one] for one in numbers])
            for number, answer in zip(numbers, answers, strict=True):
                found[number] = answer
        return found

    def script(self, kind: GroupKind) -> HealthScript | None:
        """Remembered by kind: it is asked for every object, and seldom changes."""
        overrides = self._overrides()
        if overrides is not self._known_of:
            self._known.clear()
            self._known_of = overrides
        if kind not in self._known:
            self._known[kind] = overrides.health_script(kind)
        return self._known[kind]


class Backlog:
    """The versions of one index that wait for their script. `take` gets what was found."""

    def __init__(self, scripts: HealthScripts, take: Judged) -> None:
        self._scripts = scripts
        self._take = take
        self._waiting: dict[ResourceKey, tuple[LiveObject, Manifest]] = {}
        self._running: dict[ResourceKey, tuple[LiveObject, Manifest]] = {}
        self._round = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._pause = 0.0

    def add(self, found: LiveObject, manifest: Manifest) -> None:
        """A later version of an object takes an earlier one's place."""
        self._waiting[found.key] = (found, manifest)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work(), name="health scripts")

    async def settled(self, keys: Iterable[ResourceKey]) -> None:
        """Until nothing of these waits, or it takes too long."""
        wanted = set(keys)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while wanted & (self._waiting.keys() | self._running.keys()):
                    await self._round.wait()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while self._waiting:
            # One turn of the loop, so that a list comes as a batch.
            await asyncio.sleep(0)
            self._running = dict(itertools.islice(self._waiting.items(), _AT_ONCE))
            for key in self._running:
                del self._waiting[key]
            try:
                found = await self._scripts.judge([one for _, one in self._running.values()])
            except EvaluationError as error:
                await self._failed(error)
                continue
            except Exception as fault:
                # A fault of ours must not leave what waits here waiting for ever.
                _log.exception("unexpected fault")
                await self._failed(EvaluationError(f"unexpected fault ({type(fault).__name__})"))
                continue
            self._pause = 0.0
            running, self._running = self._running, {}
            for (known, _), health in zip(running.values(), found, strict=True):
                self._take(known, health)
            self._over()

    async def _failed(self, error: EvaluationError) -> None:
        """Nobody is kept waiting for an evaluator that does not answer; it is asked again."""
        if not self._pause:
            _log.error("health scripts cannot be run", error=str(error))
        reason = HealthStatus(HealthCode.UNKNOWN, f"the health script cannot be run: {error}")
        running, self._running = self._running, {}
        for known, _ in running.values():
            self._take(known, reason)
        self._over()
        self._pause = min(max(self._pause * 2.0, _FIRST_PAUSE), _LONGEST_PAUSE)
        await asyncio.sleep(self._pause)
        self._waiting = {**running, **self._waiting}

    def _over(self) -> None:
        self._round.set()
        self._round = asyncio.Event()
