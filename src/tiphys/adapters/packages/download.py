"""Fetches an archive to disk, its digest counted on the way, and unpacks it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass
from typing import BinaryIO, Final

from tiphys.adapters.packages.archive.limits import ArchiveError
from tiphys.adapters.packages.archive.pack import PackTree
from tiphys.adapters.packages.archive.store import TreeStore
from tiphys.adapters.packages.errors import Step, failed, shown
from tiphys.adapters.packages.web.answer import Answer
from tiphys.core.source.url import normal_form
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import Anonymous, Repository

_AT_ONCE: Final = 4

Opener = Callable[[], AbstractAsyncContextManager[Answer]]
"""Opens the answer that holds an archive; raises RepositoryError where there is none."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An archive. `digest` is what it has to be (`sha256:...`), empty where nobody says; `size` 0
    likewise. `folder`, `what` and `scope` are as TreeStore takes them; `commit` empty: the digest.
    """

    url: str
    digest: str
    folder: str | None
    what: str
    size: int = 0
    commit: str = ""
    scope: str = ""


def scope_of(repository: Repository) -> str:
    """Whoever is handed what is on disk could have fetched it: an index or manifest of somebody
    else's may name the digest of what is not shown to them.
    """
    scope = f"{normal_form(repository.url)}\n{repository.project}"
    anonymous = isinstance(repository.credentials, Anonymous)
    return scope if anonymous else f"{scope}\ncredentials"


class Downloads:
    """A few at once; two of one archive are one."""

    def __init__(self, store: TreeStore) -> None:
        self._store = store
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    async def tree(self, wanted: Wanted, opener: Opener) -> PackTree:
        """The unpacked archive, from disk when it is there. Raises RepositoryError."""
        key = f"{wanted.digest or wanted.url} {wanted.folder} {wanted.scope}"
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                found = await self.kept(wanted)
                if found is not None:
                    return found
                async with self._slots:
                    return await self._fetched(wanted, opener)
        finally:
            lock, users = self._locks[key]
            self._locks[key] = (lock, users - 1)
            if users == 1:
                del self._locks[key]

    async def kept(self, wanted: Wanted) -> PackTree | None:
        """From disk, without asking anyone."""
        if not wanted.digest:
            return None
        commit = wanted.commit or wanted.digest
        return await asyncio.to_thread(
            self._store.open, wanted.digest, wanted.folder, commit, scope=wanted.scope
        )

    async def _fetched(self, wanted: Wanted, opener: Opener) -> PackTree:
        url = shown(wanted.url)
        try:
            with ExitStack() as stack:
                file = await asyncio.to_thread(stack.enter_context, self._store.part())
                digest = await self._write(file, wanted, opener)
                return await asyncio.to_thread(self._unpack, file, digest, wanted)
        except ArchiveError as error:
            raise RepositoryError(f"{url}: {error}", url=url) from None
        except OSError as error:
            text = f"{url} cannot be kept on disk: {error.strerror}"
            raise RepositoryError(text, url=url) from None

    async def _write(self, file: BinaryIO, wanted: Wanted, opener: Opener) -> str:
        """Gives the digest of what came, which is the one that was wanted."""
        algorithm = wanted.digest.partition(":")[0] or "sha256"
        digest = hashlib.new(algorithm)
        size = 0
        limit = self._store.limits.packed
        async with opener() as answer:
            async for chunk in answer.chunks(min(limit, wanted.size or limit)):
                digest.update(chunk)
                size += len(chunk)
                await asyncio.to_thread(file.write, chunk)
        came = f"{algorithm}:{digest.hexdigest()}"
        if wanted.size and size != wanted.size:
            text = f"{size} bytes came instead of {wanted.size}"
            raise failed(Step.DIGEST, text, wanted.url)
        if wanted.digest and came != wanted.digest:
            raise failed(Step.DIGEST, f"{came} came instead of {wanted.digest}", wanted.url)
        return came

    def _unpack(self, file: BinaryIO, digest: str, wanted: Wanted) -> PackTree:
        file.seek(0)
        commit = wanted.commit or digest
        return self._store.unpack(
            file, digest, wanted.folder, commit, what=wanted.what, scope=wanted.scope
        )
