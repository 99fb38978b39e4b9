"""Git LFS: the contents that pointers stand for, by the batch API (git-lfs, docs/api/batch.md).

A client of our own, since the `git-lfs` program needs a checkout and fetches whole commits, where
a render reads a few files. What was fetched is kept beside the clone, by its checked digest.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import shlex
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson

from tiphys.adapters.git.access import Accesses
from tiphys.adapters.git.judged import JudgedResolver, forbidden
from tiphys.adapters.git.pointer import Pointer
from tiphys.core.source.proxies import proxy_for
from tiphys.core.source.url import RepositoryUrl, Transport, parse_repository_url
from tiphys.model.errors import RepositoryError, RepositoryUnreachableError
from tiphys.model.repository import BasicLogin, BearerLogin, Repository

_MEDIA: Final = "application/vnd.git-lfs+json"
_ANSWER: Final = 16 * 1024 * 1024
_BATCH: Final = 100
_AT_ONCE: Final = 4
_PATIENCE: Final = aiohttp.ClientTimeout(total=300.0, sock_connect=15.0, sock_read=60.0)
_SSH_PATIENCE: Final = 30.0
KEPT: Final = 1024 * 1024 * 1024
"""Bytes of large files kept beside one clone after it was tidied."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the API is, and what is sent there."""

    url: str
    headers: Mapping[str, str]


class LargeFiles:
    """Of one clone. `contents` is called from threads; `loop` is where requests run."""

    def __init__(
        self,
        folder: Path,
        url: RepositoryUrl,
        repository: Repository,
        accesses: Accesses,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._folder = folder
        self._url = url
        self._repository = repository
        self._accesses = accesses
        self._loop = loop

    def contents(self, pointers: Sequence[Pointer]) -> Mapping[str, bytes]:
        """Raises RepositoryError."""
        missing = {each for each in pointers if not (self._folder / each.oid).exists()}
        if missing:
            self._folder.mkdir(parents=True, exist_ok=True)
            fetching = self._fetch(sorted(missing, key=lambda each: each.oid))
            asyncio.run_coroutine_threadsafe(fetching, self._loop).result()
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
            async with self._session() as session:
                place = await self._place()
                for start in range(0, len(pointers), _BATCH):
                    await self._batch(session, place, pointers[start : start + _BATCH])
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RepositoryUnreachableError(
                f"git lfs: connection: {type(error).__name__}: check that the LFS server runs and "
                "can be reached from here",
                url=self._url.text,
            ) from None

    async def _batch(
        self, session: aiohttp.ClientSession, place: _Place, pointers: Sequence[Pointer]
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
            proxy=self._proxy(place.url), allow_redirects=False,
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
        place: _Place,
        turns: asyncio.Semaphore,
    ) -> None:
        href, headers = _action(found)
        if not href:
            raise self._failed(f"the LFS server has no object {pointer.oid}")
        self._judge(href)
        if not headers and _origin(href) == _origin(place.url):
            headers = dict(place.headers)
        async with (
            turns,
            session.get(
                href, headers=headers, proxy=self._proxy(href), allow_redirects=False,
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
                    await asyncio.to_thread(file.write, piece)
            if size != pointer.size or digest.hexdigest() != pointer.oid:
                raise self._failed(f"the LFS server sent something else for object {pointer.oid}")
            part.rename(self._folder / pointer.oid)
        finally:
            part.unlink(missing_ok=True)

    async def _place(self) -> _Place:
        if self._url.transport is Transport.SSH:
            return await self._over_ssh()
        login = await self._accesses.login(self._url, self._repository)
        headers = {}
        match login:
            case BasicLogin(username, password, _):
                pair = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
                headers["Authorization"] = f"Basic {pair}"
            case BearerLogin(token):
                headers["Authorization"] = f"Bearer {token}"
        base = self._url.text.rstrip("/").removesuffix(".git")
        return _Place(f"{base}.git/info/lfs", headers)

    async def _over_ssh(self) -> _Place:
        """`git-lfs-authenticate` on the server says where its API is (server-discovery.md)."""
        path = self._url.path.lstrip("/") if "://" in self._url.text else self._url.path
        command = f"git-lfs-authenticate {shlex.quote(path)} download"
        async with self._accesses.open(self._url, self._repository) as access:
            words = shlex.split(access.environment["GIT_SSH_COMMAND"])
            user = [f"{self._url.user}@{self._url.host}" if self._url.user else self._url.host]
            process = await asyncio.create_subprocess_exec(
                *words, "-p", str(self._url.port), "--", *user, command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={**self._path(), **access.environment},
            )  # fmt: skip
            try:
                async with asyncio.timeout(_SSH_PATIENCE):
                    output, _ = await process.communicate()
            finally:
                if process.returncode is None:
                    with suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
        said = _json(output)
        href = said.get("href") if isinstance(said, dict) else None
        if process.returncode != 0 or not isinstance(href, str):
            raise self._failed("the server does not say over SSH where its LFS API is")
        self._judge(href)
        return _Place(href.rstrip("/"), _texts(said.get("header")))

    def _path(self) -> dict[str, str]:
        return {"PATH": self._accesses.environment.get("PATH", os.defpath)}

    def _judge(self, href: str) -> None:
        """A server may lead to another, but neither into this machine nor to its metadata."""
        try:
            parsed = parse_repository_url(href)
            near = parsed.host == self._url.host
            with suppress(ValueError):
                if forbidden(parsed.host, near):
                    raise self._failed("the LFS server leads to an address that is refused")
        except RepositoryError:
            raise self._failed("the LFS server leads to an address that is refused") from None
        if parsed.transport not in {Transport.HTTP, Transport.HTTPS}:
            raise self._failed("the LFS server leads to something that is no https URL")

    def _session(self) -> aiohttp.ClientSession:
        near = [self._url.host]
        if proxy := self._proxy(self._url.text):
            near.append(urlsplit(proxy).hostname or "")
        connector = aiohttp.TCPConnector(
            resolver=JudgedResolver(*near), ssl=_trust(self._repository)
        )
        return aiohttp.ClientSession(connector=connector, timeout=_PATIENCE)

    def _proxy(self, url: str) -> str | None:
        parts = urlsplit(url)
        text = proxy_for(
            parts.scheme,
            parts.hostname or "",
            parts.port,
            self._repository.proxy,
            self._accesses.environment,
        )
        if text and urlsplit(text).scheme not in {"http", "https"}:
            raise self._failed("only http:// and https:// proxies can be used here")
        return text or None

    def _refused(self, status: int) -> RepositoryError:
        if status in {401, 403}:
            return self._failed(
                f"authentication required: HTTP {status}: the credentials of the repository have "
                "to permit reading large files"
            )
        if status == 429 or status >= 500:
            return RepositoryUnreachableError(
                f"git lfs: the server answered HTTP {status}", url=self._url.text
            )
        return self._failed(f"the server answered HTTP {status}")

    def _failed(self, text: str) -> RepositoryError:
        return RepositoryError(f"git lfs: {text}", url=self._url.text)


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
    return href, _texts(download.get("header"))


def _texts(value: Any) -> dict[str, str]:
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}


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


def _trust(repository: Repository) -> ssl.SSLContext | bool:
    if repository.trust.insecure:
        return False
    pem = repository.trust.certificates
    return ssl.create_default_context(cadata=pem) if pem else True
