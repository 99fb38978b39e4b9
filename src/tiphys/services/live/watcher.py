"""Lists one kind and then watches it, for as long as it is served.

Whoever takes part gives a sink: it hears whole lists, single events and how the watch fares.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

import structlog

from tiphys.model.errors import (
    ForbiddenError,
    KindNotFoundError,
    KubeError,
    ResourceGoneError,
)
from tiphys.model.live import ObjectList, WatchEvent, WatchState, WatchVerb
from tiphys.model.resource import ApiResource

_log = structlog.get_logger(__name__)

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
# Rights may be given while we run; asking once a minute finds that out without noise.
_FORBIDDEN_WAIT = 60.0
_UNKNOWN_TO_SERVER = 401
_STEADY = 5.0
"""A watch that lived this many seconds is no sign of trouble when it ends."""


class ListsAndWatches(Protocol):
    """The part of KubeReader that a watcher needs."""

    async def list(
        self, resource: ApiResource, *, namespace: str = "", label_selector: str = ""
    ) -> ObjectList: ...

    def watch(
        self,
        resource: ApiResource,
        *,
        resource_version: str,
        namespace: str = "",
        label_selector: str = "",
    ) -> AsyncIterator[WatchEvent]: ...


class WatchSink(Protocol):
    """Hears of one kind, on the event loop. What it is told comes in the server's order."""

    def replaced(self, resource: ApiResource, objects: ObjectList) -> None:
        """All objects of the kind; what is not among them is gone."""
        ...

    def changed(self, resource: ApiResource, event: WatchEvent) -> None:
        """One object was added, modified or deleted. Never a bookmark."""
        ...

    def fares(self, resource: ApiResource, state: WatchState) -> None:
        """How the watch fares, told when it changes."""
        ...


class KindWatcher:
    """One kind's list and watch; `run` returns only when the kind is no longer served."""

    def __init__(
        self,
        reader: ListsAndWatches,
        resource: ApiResource,
        sink: WatchSink,
        *,
        namespace: str = "",
        label_selector: str = "",
        gate: asyncio.Semaphore | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        spread: Callable[[], float] = random.random,
    ) -> None:
        """`gate` bounds the lists that many watchers do at once."""
        self._reader = reader
        self._resource = resource
        self._sink = sink
        self._scope = {"namespace": namespace, "label_selector": label_selector}
        self._gate = gate or asyncio.Semaphore(1)
        self._sleep = sleep
        self._spread = spread
        self._state: WatchState | None = None
        self._failures = 0
        self._version = ""

    async def run(self) -> None:
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
                await self._pause()
            except ResourceGoneError:
                self._version = ""
                self._failures += 1
                self._fares(WatchState.LISTING)
                await self._pause()
            except KubeError as error:
                # That nobody knows us (401) says nothing about this kind.
                if isinstance(error, ForbiddenError) and error.status != _UNKNOWN_TO_SERVER:
                    self._version = ""
                    self._fares(WatchState.FORBIDDEN, error)
                    await self._sleep(_FORBIDDEN_WAIT * (1.0 + 0.2 * self._spread()))
                    continue
                if isinstance(error, KindNotFoundError) or error.status in (404, 405):
                    self._fares(WatchState.GONE, error)
                    return
                self._failures += 1
                self._fares(WatchState.FAILING, error)
                await self._pause()

    async def _list(self) -> None:
        if self._state is None:
            self._fares(WatchState.LISTING)
        async with self._gate:
            objects = await self._reader.list(self._resource, **self._scope)
        self._sink.replaced(self._resource, objects)
        self._version = objects.resource_version
        self._fares(WatchState.CURRENT)

    async def _watch(self) -> None:
        """Follows until the server ends the watch."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        events = self._reader.watch(self._resource, resource_version=self._version, **self._scope)
        async for event in events:
            # The first bookmark says that the server has accepted the watch.
            self._fares(WatchState.CURRENT)
            metadata = event.manifest.get("metadata") or {}
            self._version = str(metadata.get("resourceVersion") or self._version)
            if event.verb is not WatchVerb.BOOKMARK:
                self._failures = 0
                self._sink.changed(self._resource, event)
        # A watch that ends at once, again and again, is trouble too.
        self._failures = 0 if clock() - begun >= _STEADY else self._failures + 1

    async def _pause(self) -> None:
        """Nothing after a steady watch; else longer from time to time, and spread."""
        if self._failures:
            ceiling = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (self._failures - 1))
            await self._sleep(ceiling * (0.5 + 0.5 * self._spread()))

    def _fares(self, state: WatchState, error: KubeError | None = None) -> None:
        if error is not None:
            # The sink says it once for all kinds; a lost connection is many at a time.
            _log.debug(
                "watch of a kind is disturbed",
                kind=str(self._resource.group_kind),
                state=state.value,
                error=str(error),
            )
        if state is not self._state:
            self._state = state
            self._sink.fares(self._resource, state)
