"""What is in an OpenPGP text: GnuPG imports it into an empty keyring and tells.

Only public keys are taken. Nothing of the user's own keyring or configuration is read.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tiphys.model.errors import SettingsError
from tiphys.model.openpgp import PublicKey

_ALGORITHMS = {"1": "rsa", "2": "rsa", "3": "rsa", "16": "elg", "17": "dsa", "20": "elg"}
_DEADLINE = 30.0
_LONGEST = 4 * 1024 * 1024


class GnuPG:
    """Implements KeyReader. `program` is found on PATH."""

    def __init__(self, program: str = "gpg") -> None:
        self._program = program

    async def read(self, text: str) -> Sequence[PublicKey]:
        if len(text) > _LONGEST:
            raise SettingsError("the key data is longer than 4 MiB")
        if "PGP PRIVATE KEY" in text:
            raise SettingsError("the key data holds a private key")
        with tempfile.TemporaryDirectory(prefix="tiphys-gpg-") as folder:
            home = Path(folder)
            await self._run(home, "--import", data=text.encode())
            listed = await self._run(home, "--list-keys", "--with-colons", "--fixed-list-mode")
            keys = _parsed(listed)
            if not keys:
                raise SettingsError("there is no public key in the key data")
            return [
                PublicKey(
                    key.key_id,
                    key.fingerprint,
                    key.owner,
                    key.kind,
                    await self._run(home, "--armor", "--export", key.fingerprint),
                )
                for key in keys
            ]

    async def _run(self, home: Path, *arguments: str, data: bytes = b"") -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                self._program,
                "--homedir",
                str(home),
                "--no-options",
                "--batch",
                "--no-tty",
                "--no-autostart",
                "--quiet",
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={"HOME": str(home), "LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)},
            )
        except OSError:
            raise SettingsError(f"the program {self._program} cannot be started") from None
        try:
            async with asyncio.timeout(_DEADLINE):
                out, _ = await process.communicate(data)
        except TimeoutError:
            raise SettingsError(f"{self._program} did not end within 30 s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise SettingsError("the key data cannot be read as OpenPGP keys")
        return out.decode(errors="replace")


def _parsed(listed: str) -> list[PublicKey]:
    """Primary keys of GnuPG's listing with colons (its doc/DETAILS)."""
    found: list[PublicKey] = []
    kind = fingerprint = ""
    for line in listed.splitlines():
        fields = line.split(":")
        match fields[0]:
            case "pub":
                kind, fingerprint = _kind(fields), ""
            case "sub":
                kind = ""
            case "fpr" if kind:
                fingerprint = fields[9]
                found.append(PublicKey(fingerprint[-16:], fingerprint, "", kind, ""))
            case "uid" if kind and found and not found[-1].owner:
                last = found.pop()
                found.append(
                    PublicKey(last.key_id, last.fingerprint, _unescaped(fields[9]), kind, "")
                )
    return found


def _kind(fields: Sequence[str]) -> str:
    algorithm = _ALGORITHMS.get(fields[3])
    if algorithm is not None:
        return f"{algorithm}{fields[2]}"
    return fields[16] if len(fields) > 16 and fields[16] else "unknown"


def _unescaped(text: str) -> str:
    return text.replace("\\x3a", ":").replace("\\x5c", "\\")
