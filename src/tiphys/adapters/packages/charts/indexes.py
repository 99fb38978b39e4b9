"""Indexes: asked for with conditions, parsed once, shared and kept on disk.

What one login was shown is not used for another: each asks the server for itself, and shares only
the parsed content that the server says it would send.
"""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import msgspec

from tiphys.adapters.packages.archive.shelf import Shelf
from tiphys.adapters.packages.charts.index import ChartIndex, KeptIndex, index_url
from tiphys.adapters.packages.charts.parsing import (
    PROGRAM,
    UNREADABLE,
    UnreadableIndexError,
    compact,
)
from tiphys.adapters.packages.errors import shown, trying
from tiphys.adapters.packages.login import Logins, authorization
from tiphys.adapters.packages.web.answer import Answer
from tiphys.adapters.packages.web.client import Ask, Web, parsed
from tiphys.adapters.packages.web.status import require_ok
from tiphys.model.errors import RepositoryError, RepositoryUnreachableError
from tiphys.model.repository import Repository

_SMALL: Final = 128 << 10
"""Bytes that are read in some ten milliseconds."""
_KEPT: Final = 512


@dataclass(frozen=True, slots=True)
class IndexLimits:
    """`size` in bytes, as it is unpacked (the contract's helm-registry-max-index-size).
    `parsing` in seconds. For `shared` seconds one answer is good for all who ask what there is
    now, for `kept` seconds for those who only want to find a version that they know.
    """

    size: int = 1_000_000_000
    parsing: float = 90.0
    shared: float = 1.0
    kept: float = 180.0
    parsers: int = 1


@dataclass(frozen=True, slots=True)
class _Known:
    index: ChartIndex
    asked_at: float


class Indexes:
    """Belongs to one event loop."""

    def __init__(
        self,
        web: Web,
        shelf: Shelf,
        logins: Logins,
        limits: IndexLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._web = web
        self._shelf = shelf
        self._logins = logins
        self._limits = limits or IndexLimits()
        self._clock = clock
        self._known: OrderedDict[Repository, _Known] = OrderedDict()
        self._kept: OrderedDict[str, tuple[KeptIndex, ChartIndex]] = OrderedDict()
        self._asking: dict[Repository, asyncio.Task[ChartIndex]] = {}
        self._parsers = asyncio.Semaphore(self._limits.parsers)

    async def aclose(self) -> None:
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def recent(self, repository: Repository) -> ChartIndex:
        """As it is, or was not long ago; and as it was, where nobody answers. Raises
        RepositoryError.
        """
        known = self._known.get(repository)
        if known is not None and self._clock() - known.asked_at < self._limits.kept:
            return known.index
        try:
            return await self.now(repository)
        except RepositoryUnreachableError:
            if known is None:
                raise
            return known.index

    async def latest(self, repository: Repository) -> ChartIndex:
        """As it is now, or was a moment ago when another asked. Raises RepositoryError."""
        known = self._known.get(repository)
        if known is not None and self._clock() - known.asked_at < self._limits.shared:
            return known.index
        return await self.now(repository)

    async def now(self, repository: Repository) -> ChartIndex:
        """As it is now; whoever asks meanwhile gets the same answer. Raises RepositoryError."""
        task = self._asking.get(repository)
        if task is None:
            task = asyncio.create_task(self._asked(repository))
            self._asking[repository] = task
            task.add_done_callback(lambda done: self._done(repository, done))
        return await asyncio.shield(task)

    def _done(self, repository: Repository, task: asyncio.Task[ChartIndex]) -> None:
        self._asking.pop(repository, None)
        if not task.cancelled():
            task.exception()  # all who waited may have been cancelled

    async def _asked(self, repository: Repository) -> ChartIndex:
        with trying("failed to get index"):
            url = index_url(str(parsed(repository.url)))
            kept = await self._from_before(url)
            index = await self._answered(repository, url, kept)
        self._known[repository] = _Known(index, self._clock())
        self._known.move_to_end(repository)
        _trim(self._known)
        return index

    async def _answered(
        self, repository: Repository, url: str, kept: tuple[KeptIndex, ChartIndex] | None
    ) -> ChartIndex:
        login = authorization(await self._logins.login(repository), repository.url)
        headers = {"Accept-Encoding": "gzip"}
        if kept is not None and kept[0].etag:
            headers["If-None-Match"] = kept[0].etag
        if kept is not None and kept[0].modified:
            headers["If-Modified-Since"] = kept[0].modified
        ask = Ask(url, headers=headers, authorization=login, everywhere=repository.pass_credentials)
        async with self._web.ask(ask, repository) as answer:
            if answer.status == 304 and kept is not None:
                return kept[1]
            require_ok(answer.status, url, has_login=bool(login))
            etag = _plain(answer.headers.get("ETag", ""))
            modified = _plain(answer.headers.get("Last-Modified", ""))
            try:
                packed = await self._parsed(answer, url)
            except OSError as error:
                text = f"it cannot be kept on disk: {error.strerror}"
                raise RepositoryError(text, url=shown(url)) from None
        charts = msgspec.msgpack.decode(packed, type=dict[str, msgspec.Raw])
        return await self._keep(KeptIndex(url, etag, modified, charts))

    async def _parsed(self, answer: Answer, url: str) -> bytes:
        with self._shelf.part() as (file, _):
            async for chunk in answer.text_chunks(self._limits.size):
                await asyncio.to_thread(file.write, chunk)
            async with self._parsers:
                try:
                    return await asyncio.to_thread(self._parse, file)
                except UnreadableIndexError as error:
                    raise RepositoryError(f"{shown(url)}: {error}", url=shown(url)) from None

    def _parse(self, file: BinaryIO) -> bytes:
        """Blocking. What is small is read here, for starting a process takes longer."""
        size = file.tell()
        file.seek(0)
        if size <= _SMALL:
            return msgspec.msgpack.encode(compact(file))
        with self._shelf.part() as (output, _):
            file.flush()
            try:
                ran = subprocess.run(
                    [sys.executable, "-I", "-m", PROGRAM],
                    stdin=file,
                    stdout=output,
                    stderr=subprocess.PIPE,
                    env={},
                    timeout=self._limits.parsing,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                text = f"it could not be read in {self._limits.parsing:g} s"
                raise UnreadableIndexError(text) from None
            if ran.returncode == 0:
                output.seek(0)
                return output.read()
        reason = ran.stderr.decode("utf-8", "replace") if ran.returncode == UNREADABLE else ""
        raise UnreadableIndexError(reason or "its parser met its limits")

    async def _from_before(self, url: str) -> tuple[KeptIndex, ChartIndex] | None:
        if url in self._kept:
            self._kept.move_to_end(url)
            return self._kept[url]
        kept = await asyncio.to_thread(self._load, url)
        if kept is None:
            return None
        self._kept[url] = (kept, ChartIndex(kept.charts))
        _trim(self._kept)
        return self._kept[url]

    async def _keep(self, kept: KeptIndex) -> ChartIndex:
        index = ChartIndex(kept.charts)
        self._kept[kept.url] = (kept, index)
        _trim(self._kept)
        # Only time is lost where it cannot be kept.
        with suppress(OSError):
            await asyncio.to_thread(self._store, kept)
        return index

    def _load(self, url: str) -> KeptIndex | None:
        name = _name(url)
        try:
            kept = msgspec.msgpack.decode(self._shelf.place(name).read_bytes(), type=KeptIndex)
        except (OSError, msgspec.MsgspecError):
            return None
        self._shelf.touch(name)
        return kept if kept.url == url else None

    def _store(self, kept: KeptIndex) -> None:
        with self._shelf.part() as (file, part):
            file.write(msgspec.msgpack.encode(kept))
            self._shelf.adopt(file, part, _name(kept.url))


def _plain(header: str) -> str:
    """Empty for what could not be sent back."""
    return header if header.isascii() and header.isprintable() and len(header) < 1000 else ""


def _name(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _trim(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > _KEPT:
        kept.popitem(last=False)
