"""An archive that is written when nothing else is to be done.

To pack and write what was rendered costs as much as the render of something small. What is not
written yet when the process dies is rendered again, which is all that an archive saves.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

import structlog

from tiphys.services.render.ports import RenderArchive

log = structlog.get_logger()

_LATEST = 15.0
"""Seconds that an entry waits at most, however busy it is."""


class WriteBehind:
    """Implements RenderArchive. `quiet` seconds without a new entry are a time to write;
    more than `size` bytes that wait are written at once. Close it to write the rest.
    """

    def __init__(self, archive: RenderArchive, *, quiet: float = 2.0, size: int = 32 << 20) -> None:
        self._archive = archive
        self._quiet = quiet
        self._size = size
        self._waiting: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._bytes = 0
        self._news = threading.Condition()
        self._closed = False
        self._writer: threading.Thread | None = None

    def load(self, group: str) -> Sequence[bytes]:
        with self._news:
            waiting = {name: data for (at, name), data in self._waiting.items() if at == group}
        return [*self._archive.load(group), *waiting.values()]

    def keep(self, group: str, name: str, data: bytes) -> None:
        with self._news:
            if not self._closed:
                self._bytes += len(data) - len(self._waiting.pop((group, name), b""))
                self._waiting[group, name] = data
                if self._writer is None:
                    self._writer = threading.Thread(
                        target=self._write, name="render-archive", daemon=True
                    )
                    self._writer.start()
                self._news.notify()
                return
        self._archive.keep(group, name, data)

    def close(self) -> None:
        with self._news:
            self._closed = True
            self._news.notify()
        if self._writer is not None:
            self._writer.join()

    def _write(self) -> None:
        """Until it is closed and all is written."""
        while entries := self._due():
            for (group, name), data in entries.items():
                try:
                    self._archive.keep(group, name, data)
                except Exception:
                    # Without this thread all that comes would wait in memory for ever.
                    log.exception("unexpected fault while a render was archived")

    def _due(self) -> OrderedDict[tuple[str, str], bytes]:
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._closed)
            latest = time.monotonic() + _LATEST
            while not self._closed and self._bytes < self._size and time.monotonic() < latest:
                if not self._news.wait(self._quiet):
                    break
            taken, self._waiting, self._bytes = self._waiting, OrderedDict(), 0
        return taken
