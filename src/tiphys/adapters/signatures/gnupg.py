"""Judges signatures with `gpg` in a home of our own, which holds the keys that were given and
nothing else: no agent, no configuration, no key servers.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tiphys.adapters.signatures.status import signature_of
from tiphys.model.errors import RepositoryError
from tiphys.model.integrity import Signature, SignatureState, SignedObject

_ALWAYS: Final = (
    "--no-options", "--batch", "--no-tty", "--no-autostart", "--quiet",
    "--trust-model", "always", "--no-auto-key-retrieve", "--no-auto-key-locate", "--status-fd", "1",
)  # fmt: skip
_DEADLINE: Final = 30.0
_AT_ONCE: Final = 4
_SHARE: Final = 2
"""Of one caller, so that a long history keeps no other waiting."""
_HOMES: Final = 4
_KNOWN: Final = 50_000
_KNOWN_FOR: Final = 600.0
"""Seconds: keys and signatures expire."""


@dataclass(eq=False, slots=True)
class _Home:
    digest: str
    folder: tempfile.TemporaryDirectory[str]
    users: int = 0


class GnuPGSignatures:
    """Implements Signatures of services.sources. Close it to remove its homes."""

    def __init__(
        self,
        program: str = "gpg",
        *,
        environment: Mapping[str, str] = MappingProxyType({}),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._program = program
        self._path = environment.get("PATH", os.defpath)
        self._clock = clock
        self._homes: OrderedDict[str, _Home] = OrderedDict()
        self._known: dict[tuple[str, bytes], tuple[float, Signature]] = {}
        self._turn = asyncio.Lock()
        self._runs = asyncio.Semaphore(_AT_ONCE)

    async def check(
        self, objects: Sequence[SignedObject], keyring: Sequence[str]
    ) -> Sequence[Signature]:
        if not any(each.signature for each in objects):
            return [Signature(SignatureState.UNSIGNED)] * len(objects)
        async with self._turn:
            home = await self._home(keyring)
            home.users += 1
        share = asyncio.Semaphore(_SHARE)
        try:
            return await asyncio.gather(*(self._check(home, each, share) for each in objects))
        finally:
            home.users -= 1

    async def aclose(self) -> None:
        while self._homes:
            self._homes.popitem()[1].folder.cleanup()

    async def _check(self, home: _Home, asked: SignedObject, share: asyncio.Semaphore) -> Signature:
        if not asked.signature.startswith("-----BEGIN PGP SIGNATURE-----"):
            return Signature(SignatureState.UNSIGNED)
        key = (home.digest, sha256(asked.payload + b"\0" + asked.signature.encode()).digest())
        until, known = self._known.get(key, (0.0, None))
        if known is not None and self._clock() < until:
            return known
        async with share, self._runs:
            found = await self._verified(home, asked)
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known[key] = (self._clock() + _KNOWN_FOR, found)
        return found

    async def _verified(self, home: _Home, asked: SignedObject) -> Signature:
        with tempfile.NamedTemporaryFile(dir=home.folder.name, suffix=".asc") as file:
            file.write(asked.signature.encode())
            file.flush()
            _, output = await self._run(home, ["--verify", file.name, "-"], asked.payload)
        return signature_of(output)

    async def _home(self, keyring: Sequence[str]) -> _Home:
        digest = sha256("\0".join(sorted(keyring)).encode()).hexdigest()
        if digest not in self._homes:
            home = _Home(digest, tempfile.TemporaryDirectory(prefix="tiphys-signatures-"))
            try:
                for key in keyring:
                    # One that cannot be read leaves out itself, and no other.
                    await self._run(home, ["--import"], key.encode())
            except BaseException:
                home.folder.cleanup()
                raise
            self._homes[digest] = home
        self._homes.move_to_end(digest)
        found = self._homes[digest]
        idle = [each for each in self._homes.values() if not each.users and each is not found]
        for home in idle[: max(len(self._homes) - _HOMES, 0)]:
            del self._homes[home.digest]
            home.folder.cleanup()
        return found

    async def _run(self, home: _Home, arguments: Sequence[str], data: bytes) -> tuple[int, str]:
        folder = home.folder.name
        try:
            process = await asyncio.create_subprocess_exec(
                self._program, "--homedir", folder, *_ALWAYS, *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={"HOME": folder, "GNUPGHOME": folder, "LC_ALL": "C", "PATH": self._path},
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise RepositoryError(
                f"signatures cannot be verified: {Path(self._program).name}: {error.strerror}"
            ) from None
        try:
            async with asyncio.timeout(_DEADLINE):
                output, _ = await process.communicate(data)
        except TimeoutError:
            raise RepositoryError("signatures cannot be verified: gpg took too long") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        return process.returncode or 0, output.decode("utf-8", "replace")
