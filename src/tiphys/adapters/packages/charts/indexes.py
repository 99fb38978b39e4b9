"""Indexes: asked for with conditions, parsed once, shared and kept on disk.

What one login was shown is not used for another: each asks the server for itself, and shares only
the parsed content that the server says it would send.
"""

from __future__ import annotations

import asyncio
import hashlib
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
from tiphys.adapters.packages.errors import shown, trying
from tiphys.adapters.packages.login import Logins, authorization
from tiphys.adapters.packages.web.answer import Answer
from tiphys.adapters.packages.web.client import Ask, Web
from tiphys.adapters.packages.web.status import require_ok
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import Repository

_PARSER: Final = "tiphys.adapters.packages.charts.parsing"
_UNREADABLE: Final = 2
_KEPT: Final = 512


@dataclass(frozen=True, slots=True)
class IndexLimits:
    """`size` in bytes, as it is unpacked (the contract's helm-registry-max-index-size).
    `parsing` in seconds. For `shared` seconds one answer is good for all who ask.
    """

    size: int = 1_000_000_000
    parsing: float = 90.0
    shared: float = 1.0
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

    def known(self, repository: Repository) -> ChartIndex | None:
        """What this login was shown last."""
        known = self._known.get(repository)
        return None if known is None else known.index

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
            url = index_url(repository.url)
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
            etag = answer.headers.get("ETag", "")
            modified = answer.headers.get("Last-Modified", "")
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
            file.flush()
            file.seek(0)
            async with self._parsers:
                return await self._run_parser(file, url)

    async def _run_parser(self, file: BinaryIO, url: str) -> bytes:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            _PARSER,
            stdin=file.fileno(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={},
        )
        try:
            async with asyncio.timeout(self._limits.parsing):
                output, errors = await process.communicate()
        except TimeoutError:
            text = f"it could not be read in {self._limits.parsing:g} s"
            raise RepositoryError(text, url=shown(url)) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode == 0:
            return output
        known = process.returncode == _UNREADABLE
        reason = errors.decode("utf-8", "replace") if known else "its parser met its limits"
        raise RepositoryError(f"{shown(url)}: {reason}", url=shown(url))

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


def _name(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _trim(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > _KEPT:
        kept.popitem(last=False)
