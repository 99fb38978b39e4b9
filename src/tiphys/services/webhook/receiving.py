"""Takes deliveries: who sent it, is it to be believed, what does it say; the rest is done later.

What waits is bounded by its number and by how many file names it holds, so that nobody fills the
memory by sending more than can be done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from tiphys.core.settings import Settings
from tiphys.core.webhook.errors import PayloadSizeError, RefusedError, WebhookError
from tiphys.core.webhook.events import Event, PushEvent
from tiphys.core.webhook.parsing import parse
from tiphys.core.webhook.providers import Headers, Provider, WebhookSecrets, claim, verify

log = structlog.get_logger()

QUEUE_BOUND = 50_000
"""Events that may wait."""
FILES_BOUND = 2_000_000
"""File names that waiting events may hold together."""
BODIES_BOUND = 256 << 20
"""Bytes that are read, or parsed, at once."""
_LARGE = 256 << 10
"""Bytes from which a payload is parsed beside the event loop."""

Read = Callable[[int, Callable[[int], None]], Awaitable[bytes]]
"""Reads a body of at most so many bytes and tells of each part how many came; raises
PayloadSizeError for more.
"""


class QueueFullError(WebhookError):
    pass


class WebhookReceiver:
    """`take` answers when the delivery is believed and waits its turn; `run` works."""

    def __init__(
        self,
        handle: Callable[[Event], Awaitable[None]],
        *,
        secrets: Callable[[], WebhookSecrets],
        settings: Callable[[], Settings],
    ) -> None:
        self._handle = handle
        self._secrets = secrets
        self._settings = settings
        self._waiting: dict[Event, None] = {}
        self._files = 0
        self._bytes = 0
        self._came = asyncio.Event()
        self._large = asyncio.Lock()

    @property
    def limit(self) -> int:
        """Bytes of a body that are read."""
        return int(self._settings().webhook_payload) << 20

    async def take(self, method: str, headers: Headers, read: Read, length: int | None) -> None:
        """`length` is what the sender says. Raises WebhookError."""
        secrets = self._secrets()
        provider = claim(headers, secrets)
        if method != "POST":
            raise RefusedError("it is not posted")
        limit = self.limit
        if length is not None and length > limit:
            raise PayloadSizeError("the payload is too large")
        came = 0

        def took(count: int) -> None:
            nonlocal came
            came += count
            self._bytes += count
            if self._bytes > max(BODIES_BOUND, limit):
                raise QueueFullError("too much is being read")

        try:
            body = await read(limit, took)
            if not body:
                raise PayloadSizeError("the payload is empty")
            events = await self._understood(provider, headers, body, secrets)
        finally:
            self._bytes -= came
        self._add(events)

    async def _understood(
        self, provider: Provider, headers: Headers, body: bytes, secrets: WebhookSecrets
    ) -> Sequence[Event]:
        """Large ones beside the event loop, one after the other: each takes memory."""

        def understand() -> Sequence[Event]:
            verify(provider, headers, body, secrets)
            return parse(provider, headers, body)

        if len(body) <= _LARGE:
            return understand()
        async with self._large:
            return await asyncio.to_thread(understand)

    def _add(self, events: Sequence[Event]) -> None:
        # One that waits already will be found as it is then: nobody is told twice of the same.
        events = [event for event in events if event not in self._waiting]
        files = sum(map(_files, events))
        full = len(self._waiting) + len(events) > QUEUE_BOUND
        if full or (self._waiting and self._files + files > FILES_BOUND):
            raise QueueFullError("the queue is full")
        self._waiting.update(dict.fromkeys(events))
        self._files += files
        self._came.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        working: set[asyncio.Task[None]] = set()
        try:
            while True:
                while not self._waiting:
                    self._came.clear()
                    await self._came.wait()
                if len(working) >= self._settings().webhook_workers:
                    await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
                    continue
                event = next(iter(self._waiting))
                del self._waiting[event]
                self._files -= _files(event)
                task = asyncio.create_task(self._work(event))
                working.add(task)
                task.add_done_callback(working.discard)
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    async def _work(self, event: Event) -> None:
        try:
            await self._handle(event)
        except Exception:
            # One event that goes wrong must not end the others.
            log.exception("unexpected fault while handling a webhook")


def _files(event: Event) -> int:
    return len(event.files or ()) if isinstance(event, PushEvent) else 0
