"""Where a repository's LFS API is, and what is sent there (git-lfs, server-discovery.md)."""

from __future__ import annotations

import asyncio
import base64
import os
import shlex
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from tiphys.adapters.git.access import Accesses
from tiphys.adapters.git.judged import forbidden
from tiphys.adapters.git.modules import FindRepository
from tiphys.adapters.git.process import GitRunError, GitSettings, run_git
from tiphys.adapters.git.transport import local_options
from tiphys.core.source.submodules import same_server
from tiphys.core.source.url import RepositoryUrl, Transport, parse_repository_url
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import BasicLogin, BearerLogin, Repository

CONFIGURATION: Final = ".lfsconfig"
_SSH_PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True)
class LargePlace:
    """`repository` says whom to believe there, and through which proxy it is asked."""

    url: str
    repository: Repository
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class LargeServer:
    """`configured` is the URL that the commit names, `` for none."""

    url: RepositoryUrl
    repository: Repository
    accesses: Accesses
    configured: Callable[[], Awaitable[str]]
    find: FindRepository | None = None

    async def place(self) -> LargePlace:
        """Raises RepositoryError."""
        if written := await self.configured():
            return await self._elsewhere(written)
        if self.url.transport is Transport.SSH:
            return await self._over_ssh()
        base = self.url.text.rstrip("/").removesuffix(".git")
        headers = await self._login(self.url, self.repository)
        return LargePlace(f"{base}.git/info/lfs", self.repository, headers)

    def judge(self, href: str) -> RepositoryUrl:
        """A server or commit may lead elsewhere, but neither into this machine nor to its
        metadata.
        """
        try:
            parsed = parse_repository_url(href)
            with suppress(ValueError):
                if forbidden(parsed.host, parsed.host == self.url.host):
                    raise self.failed("it leads to an address that is refused")
        except RepositoryError:
            raise self.failed("it leads to an address that is refused") from None
        if parsed.transport not in {Transport.HTTP, Transport.HTTPS}:
            raise self.failed("it leads to something that is no https URL")
        return parsed

    def failed(self, text: str) -> RepositoryError:
        return RepositoryError(f"git lfs: {text}", url=self.url.text)

    async def _elsewhere(self, written: str) -> LargePlace:
        """The repository's login is for its own server; another's is what is known for it."""
        parsed = self.judge(written)
        repository = self.repository
        if not same_server(parsed, self.url):
            repository = Repository(written, project=self.repository.project)
            if self.find is not None:
                repository = self.find(written, self.repository.project)
        headers = await self._login(parsed, repository)
        return LargePlace(parsed.text.rstrip("/"), repository, headers)

    async def _login(self, url: RepositoryUrl, repository: Repository) -> dict[str, str]:
        match await self.accesses.login(url, repository):
            case BasicLogin(username, password, _):
                pair = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
                return {"Authorization": f"Basic {pair}"}
            case BearerLogin(token):
                return {"Authorization": f"Bearer {token}"}
            case _:
                return {}

    async def _over_ssh(self) -> LargePlace:
        """`git-lfs-authenticate` on the server says where its API is."""
        path = self.url.path.lstrip("/") if "://" in self.url.text else self.url.path
        said = _json(await self._asked(f"git-lfs-authenticate {shlex.quote(path)} download"))
        href = said.get("href") if isinstance(said, dict) else None
        if not isinstance(href, str):
            raise self.failed("the server does not say over SSH where its LFS API is")
        self.judge(href)
        return LargePlace(href.rstrip("/"), self.repository, texts(said.get("header")))

    async def _asked(self, command: str) -> bytes:
        async with self.accesses.open(self.url, self.repository) as access:
            words = shlex.split(access.environment["GIT_SSH_COMMAND"])
            host = f"{self.url.user}@{self.url.host}" if self.url.user else self.url.host
            path = self.accesses.environment.get("PATH", os.defpath)
            process = await asyncio.create_subprocess_exec(
                *words, "-p", str(self.url.port), "--", host, command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={"PATH": path, **access.environment},
            )  # fmt: skip
            try:
                async with asyncio.timeout(_SSH_PATIENCE):
                    output, _ = await process.communicate()
            finally:
                if process.returncode is None:
                    with suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
        return output if process.returncode == 0 else b""


async def configured_url(settings: GitSettings, store: Path, commit: str) -> str:
    """`lfs.url` of a commit's configuration; a file that Git cannot read says nothing."""
    arguments = [
        *local_options(), "--git-dir", str(store), "config",
        "--blob", f"{commit}:{CONFIGURATION}", "--get", "lfs.url",
    ]  # fmt: skip
    try:
        done = await run_git(settings, arguments, timeout_seconds=settings.local_timeout)
    except GitRunError as error:
        raise RepositoryError(f"git lfs: {error}") from None
    return done.output.decode("utf-8", "replace").strip() if done.status == 0 else ""


def texts(value: Any) -> dict[str, str]:
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}


def _json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
