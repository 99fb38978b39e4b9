"""Git LFS: the contents that pointers stand for, by the batch API (git-lfs, docs/api/batch.md).

A client of our own, since the `git-lfs` program needs a checkout and fetches whole commits, where
a render reads a few files. What was fetched is kept beside the clone, by its checked digest.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson

from tiphys.adapters.git.judged import JudgedResolver
from tiphys.adapters.git.largeserver import LargePlace, LargeServer, texts
from tiphys.adapters.git.pointer import Pointer
from tiphys.core.source.proxies import proxy_for
from tiphys.model.errors import RepositoryError, RepositoryUnreachableError

_MEDIA: Final = "application/vnd.git-lfs+json"
_ANSWER: Final = 16 * 1024 * 1024
_BATCH: Final = 100
_AT_ONCE: Final = 4
_PATIENCE: Final = aiohttp.ClientTimeout(total=300.0, sock_connect=15.0, sock_read=60.0)
_SSH_PATIENCE: Final = 30.0
_TURN_SECONDS: Final = 2.0
_WAITING: Final = BoundedSemaphore(32)
"""Threads that may wait for large files at once: the others are there for other work."""
KEPT: Final = 1024 * 1024 * 1024
"""Bytes of large files kept beside one clone after it was tidied."""


class LargeFiles:
    """Of one clone. `contents` is called from threads; `loop` is where requests run."""

    def __init__(self, folder: Path, server: LargeServer, loop: asyncio.AbstractEventLoop) -> None:
        self._folder = folder
        self._server = server
        self._failed = server.failed
        self._loop = loop

    def contents(self, pointers: Sequence[Pointer]) -> Mapping[str, bytes]:
        """Raises RepositoryError."""
        missing = {each for each in pointers if not (self._folder / each.oid).exists()}
        if missing:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not _WAITING.acquire(timeout=_TURN_SECONDS):
                raise RepositoryUnreachableError(
                    "git lfs: too many large files are being waited for: they are asked for again",
                    url=self._server.url.text,
                )
            try:
                fetching = self._fetch(sorted(missing, key=lambda each: each.oid))
                asyncio.run_coroutine_threadsafe(fetching, self._loop).result()
            finally:
                _WAITING.release()
        return {each.oid: self._read(each) for each in pointers}

    def _read(self, pointer: Pointer) -> bytes:
        path = self._folder / pointer.oid
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            raise self._failed("a large file went away while it was read") from None
        return data

    async def _fetch(self, pointers: Sequence[Pointer]) -> None:
        try:
            place = await self._server.place()
            async with self._session(place) as session:
                for start in range(0, len(pointers), _BATCH):
                    await self._batch(session, place, pointers[start : start + _BATCH])
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RepositoryUnreachableError(
                f"git lfs: connection: {type(error).__name__}: check that the LFS server runs and "
                "can be reached from here",
                url=self._server.url.text,
            ) from None

    async def _batch(
        self, session: aiohttp.ClientSession, place: LargePlace, pointers: Sequence[Pointer]
    ) -> None:
        asked = {
            "operation": "download",
            "transfers": ["basic"],
            "hash_algo": "sha256",
            "objects": [{"oid": each.oid, "size": each.size} for each in pointers],
        }
        headers = {"Accept": _MEDIA, "Content-Type": _MEDIA, **place.headers}
        async with session.post(
            f"{place.url}/objects/batch", data=orjson.dumps(asked), headers=headers,
            proxy=self._proxy(place.url, place), allow_redirects=False,
            ssl=self._trust(place.url, place),
        ) as response:  # fmt: skip
            if response.status != 200:
                raise self._refused(response.status)
            answer = _decoded(await self._limited(response))
        actions = {each.get("oid"): each for each in answer if isinstance(each, dict)}
        turns = asyncio.Semaphore(_AT_ONCE)
        downloads = [
            asyncio.ensure_future(
                self._download(session, each, actions.get(each.oid, {}), place, turns)
            )
            for each in pointers
        ]
        try:
            await asyncio.gather(*downloads)
        finally:
            for each in downloads:
                each.cancel()
            await asyncio.gather(*downloads, return_exceptions=True)

    async def _limited(self, response: aiohttp.ClientResponse) -> bytes:
        data = bytearray()
        async for piece in response.content.iter_chunked(1 << 16):
            data += piece
            if len(data) > _ANSWER:
                raise self._failed(f"the server's answer has more than {_ANSWER} bytes")
        return bytes(data)

    async def _download(
        self,
        session: aiohttp.ClientSession,
        pointer: Pointer,
        found: Mapping[str, Any],
        place: LargePlace,
        turns: asyncio.Semaphore,
    ) -> None:
        href, headers = _action(found)
        if not href:
            raise self._failed(f"the LFS server has no object {pointer.oid}")
        self._server.judge(href)
        if not headers and _origin(href) == _origin(place.url):
            headers = dict(place.headers)
        async with (
            turns,
            session.get(
                href, headers=headers, proxy=self._proxy(href, place), allow_redirects=False,
                ssl=self._trust(href, place),
            ) as response,
        ):  # fmt: skip
            if response.status != 200:
                raise self._refused(response.status)
            await self._keep(response, pointer)

    async def _keep(self, response: aiohttp.ClientResponse, pointer: Pointer) -> None:
        """Under its name only once it is whole, and what it is named after."""
        digest, size = hashlib.sha256(), 0
        part = self._folder / f"{pointer.oid}.{os.urandom(6).hex()}"
        try:
            with part.open("xb") as file:
                async for piece in response.content.iter_chunked(1 << 18):
                    size += len(piece)
                    if size > pointer.size:
                        break
                    digest.update(piece)
                    # Here, and not in a thread: all threads may be waiting for large files.
                    file.write(piece)
            if size != pointer.size or digest.hexdigest() != pointer.oid:
                raise self._failed(f"the LFS server sent something else for object {pointer.oid}")
            part.rename(self._folder / pointer.oid)
        finally:
            part.unlink(missing_ok=True)

    def _session(self, place: LargePlace) -> aiohttp.ClientSession:
        near = [self._server.url.host]
        if proxy := self._proxy(place.url, place):
            near.append(urlsplit(proxy).hostname or "")
        connector = aiohttp.TCPConnector(resolver=JudgedResolver(*near))
        return aiohttp.ClientSession(connector=connector, timeout=_PATIENCE)

    def _proxy(self, url: str, place: LargePlace) -> str | None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        environment = self._server.accesses.environment
        text = proxy_for(parts.scheme, host, parts.port, place.repository.proxy, environment)
        if text and urlsplit(text).scheme not in {"http", "https"}:
            raise self._failed("only http:// and https:// proxies can be used here")
        return text or None

    def _trust(self, url: str, place: LargePlace) -> ssl.SSLContext | bool:
        """The authorities of a host take the place of the system's there, and nowhere else."""
        trust = place.repository.trust
        if trust.insecure:
            return False
        if not trust.certificates:
            return True
        own = urlsplit(url).hostname == urlsplit(place.url).hostname
        context = ssl.create_default_context(cadata=trust.certificates if own else None)
        context.load_verify_locations(cadata=trust.certificates)
        return context

    def _refused(self, status: int) -> RepositoryError:
        if status in {401, 403}:
            return self._failed(
                f"authentication required: HTTP {status}: the credentials of the repository have "
                "to permit reading large files"
            )
        if status == 429 or status >= 500:
            return RepositoryUnreachableError(
                f"git lfs: the server answered HTTP {status}", url=self._server.url.text
            )
        return self._failed(f"the server answered HTTP {status}")


def tidy(folder: Path, most: int = KEPT) -> None:
    """The longest unused go first. Blocking."""
    found = [(path.stat(), path) for path in folder.iterdir()] if folder.is_dir() else []
    total = 0
    for state, path in sorted(found, key=lambda each: each[0].st_mtime, reverse=True):
        total += state.st_size
        if total > most:
            path.unlink(missing_ok=True)


def _action(found: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    actions = found.get("actions")
    download = actions.get("download") if isinstance(actions, dict) else None
    href = download.get("href") if isinstance(download, dict) else None
    if not isinstance(href, str) or not isinstance(download, dict):
        return "", {}
    return href, texts(download.get("header"))


def _decoded(data: bytes) -> Sequence[Any]:
    answer = _json(data)
    objects = answer.get("objects") if isinstance(answer, dict) else None
    return objects if isinstance(objects, list) else []


def _json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
