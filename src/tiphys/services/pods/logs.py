"""Logs of many Pods as one stream, in the order of their times.

A Pod that has said nothing for a moment holds up the others no longer; a reader that is slow
holds up the Pods' streams, and nothing is kept without bounds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime

from tiphys.core.pods.chosen import TreePart, Wanted, chosen_pods
from tiphys.core.pods.lines import ZERO, LineFilter, LogLine, Stamp, parse, stamp_of
from tiphys.core.settings.values import number
from tiphys.model.errors import ApiCode, ApiError, KubeError, SettingsError
from tiphys.model.resource import ResourceKey
from tiphys.services.pods.ports import LogRequest, Pods

_AT_MOST = "server.maxPodLogsToRender"
_USUALLY = 10
_BUFFERING = 0.1
"""Seconds for which a Pod that says nothing is waited for."""
_AHEAD = 1_000
_AHEAD_SIGNS = 1 << 20
"""Lines of one Pod that may wait for the others, and how long they may be together."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`last` ends the stream."""

    line: LogLine
    last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which lines of the chosen Pods. A line later than `until` ends them."""

    request: LogRequest = field(default_factory=LogRequest)
    filter: LineFilter = field(default_factory=LineFilter)
    until: Stamp | None = None


def chosen_few(
    tree: Iterable[TreePart], wanted: Wanted, general: Mapping[str, str]
) -> Sequence[ResourceKey]:
    """`general` is the data of argocd-cm. Raises ApiError where too many Pods are meant."""
    chosen = chosen_pods(tree, wanted)
    if len(chosen) > _at_most(general.get(_AT_MOST) or ""):
        raise ApiError(
            ApiCode.INVALID_ARGUMENT,
            "max pods to view logs are reached. Please provide more granular query",
        )
    return chosen


def _at_most(value: str) -> int:
    try:
        return number(_AT_MOST, value) if value else _USUALLY
    except SettingsError:
        return _USUALLY


async def logs(
    chosen: Sequence[ResourceKey], pods: Pods, query: LogQuery, now: Callable[[], datetime]
) -> AsyncGenerator[Entry, None]:
    """Ends with a last entry, unless there is no Pod."""
    if not chosen:
        return
    async with aclosing(merged(chosen, pods, query.request)) as lines:
        async for line in lines:
            if not query.filter.wants(line.content):
                continue
            late = query.until is not None and line.stamp.order > query.until.order
            yield Entry(line, last=late)
            if late:
                return
    yield Entry(LogLine(stamp_of(now()), "", ""), last=True)


async def merged(
    chosen: Sequence[ResourceKey], pods: Pods, request: LogRequest
) -> AsyncGenerator[LogLine, None]:
    """All Pods are read at once."""
    sources = [_Source(pod, pods, request) for pod in chosen]
    tasks = [asyncio.create_task(source.read()) for source in sources]
    news = asyncio.Event()
    for source in sources:
        source.news = news
    try:
        while True:
            await _await_all(sources, news)
            ready = [source for source in sources if source.lines]
            if not ready and all(source.ended for source in sources):
                return
            waiting = any(not source.lines and not source.ended for source in sources)
            for line in _taken(ready, drain=waiting):
                yield line
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Source:
    """One Pod's lines. An error is a line of ours."""

    def __init__(self, pod: ResourceKey, pods: Pods, request: LogRequest) -> None:
        self._pod = pod
        self._pods = pods
        self._request = request
        self._room = asyncio.Event()
        self._held = 0
        self.lines: deque[LogLine] = deque()
        self.news = asyncio.Event()
        self.ended = False

    async def read(self) -> None:
        try:
            stream = self._pods.log(self._pod.namespace, self._pod.name, self._request)
            async for line in stream:
                for one in parse(line.decode(errors="replace"), self._pod.name):
                    self._held += len(one.content)
                    self.lines.append(one)
                self.news.set()
                while len(self.lines) >= _AHEAD or self._held >= _AHEAD_SIGNS:
                    self._room.clear()
                    await self._room.wait()
        except KubeError as error:
            said = LogLine(ZERO, str(error), "")
            self._held += len(said.content)
            self.lines.append(said)
        finally:
            self.ended = True
            self.news.set()

    def take(self) -> LogLine:
        line = self.lines.popleft()
        self._held -= len(line.content)
        self._room.set()
        return line


async def _await_all(sources: Sequence[_Source], news: asyncio.Event) -> None:
    """Until every Pod has a line or has ended, or one has and the others take too long."""
    loop = asyncio.get_running_loop()
    until: float | None = None
    while any(not source.lines and not source.ended for source in sources):
        if until is None and any(source.lines for source in sources):
            until = loop.time() + _BUFFERING
        left = None if until is None else until - loop.time()
        if left is not None and left <= 0:
            return
        news.clear()
        try:
            await asyncio.wait_for(news.wait(), left)
        except TimeoutError:
            return


def _taken(ready: Sequence[_Source], *, drain: bool) -> list[LogLine]:
    """The oldest lines: as far as all have one, or, where some have been waited for, all."""
    found: list[LogLine] = []
    while True:
        some = [source for source in ready if source.lines]
        if not some or (len(some) < len(ready) and not drain and not _over(ready)):
            return found
        found.append(min(some, key=lambda source: source.lines[0].stamp.order).take())


def _over(ready: Sequence[_Source]) -> bool:
    """Whether those without lines will have no more."""
    return all(source.lines or source.ended for source in ready)
