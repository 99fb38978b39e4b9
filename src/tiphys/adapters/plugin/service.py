"""What the process beside a plugin answers: it unpacks what was sent, and runs its commands."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

from tiphys.adapters.plugin.command import run
from tiphys.adapters.plugin.config import PluginConfig
from tiphys.adapters.plugin.errors import ArchiveError, CommandError
from tiphys.adapters.plugin.matching import matches
from tiphys.adapters.plugin.unpack import UnpackLimits, unpack
from tiphys.adapters.plugin.wire.plugin_pb2 import (
    AppStreamRequest,
    ManifestRequestMetadata,
    ParameterAnnouncement,
)
from tiphys.core.source.paths import application_path
from tiphys.model.errors import RenderError

_HEADROOM_SECONDS = 0.1
"""What is left of a request's time for its answer, when a command is ended."""
_LONGEST_SECONDS = 90.0
_NAME = ".cmp-"

Stream = AsyncIterator[AppStreamRequest]


@dataclass(frozen=True, slots=True)
class Sent:
    """An application's folder, unpacked, and what its commands see; `root` is what was sent."""

    root: Path
    folder: Path
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PluginService:
    """`environment` is the process's own, which commands see as well. What is sent is unpacked in
    `workspace`, and removed.
    """

    config: PluginConfig
    environment: Mapping[str, str]
    workspace: Path
    limits: UnpackLimits = field(default_factory=UnpackLimits)

    async def generate(self, stream: Stream, seconds: float | None) -> str:
        """The manifests as the plugin writes them. Raises PluginError."""
        async with self._sent(stream) as sent, _deadline(seconds) as left:
            if self.config.init:
                await self._run(self.config.init, sent, left())
            output = await self._run(self.config.generate, sent, left())
        return output.decode("utf-8", "replace")

    async def matches(self, stream: Stream, seconds: float | None) -> bool:
        """Raises PluginError."""
        async with self._sent(stream) as sent, _deadline(seconds) as left:
            return await matches(
                self.config.discovery,
                sent.folder,
                sent.environment,
                root=sent.root,
                seconds=left(),
            )

    async def announcements(
        self, stream: Stream, seconds: float | None
    ) -> list[ParameterAnnouncement]:
        """Those that a command finds before those that never change. Raises PluginError."""
        found: list[Mapping[str, Any]] = []
        async with self._sent(stream) as sent, _deadline(seconds) as left:
            if self.config.announce:
                output = await self._run(self.config.announce, sent, left())
                found = _listed(output, self.config.announce)
        return [_announcement(one) for one in (*found, *self.config.announced)]

    async def _run(self, command: tuple[str, ...], sent: Sent, seconds: float) -> bytes:
        return await run(command, folder=sent.folder, environment=sent.environment, seconds=seconds)

    @asynccontextmanager
    async def _sent(self, stream: Stream) -> AsyncIterator[Sent]:
        with tempfile.TemporaryDirectory(prefix=_NAME, dir=self.workspace) as place:
            root = Path(place) / "root"
            root.mkdir()
            with tempfile.TemporaryFile(dir=place) as file:
                metadata = await self._receive(stream, file)
                file.seek(0)
                await asyncio.to_thread(
                    unpack, file, root, self.limits, keeps_modes=self.config.keeps_modes
                )
            given = {entry.name: entry.value for entry in metadata.env}
            environment = {**self.environment, **given}
            yield Sent(root, _folder(root, metadata.appRelPath), environment)

    async def _receive(self, stream: Stream, file: IO[bytes]) -> ManifestRequestMetadata:
        metadata: ManifestRequestMetadata | None = None
        digest, size = hashlib.sha256(), 0
        async for message in stream:
            if message.WhichOneof("request") == "metadata":
                metadata = message.metadata
                continue
            size += len(message.file.chunk)
            if metadata is None or size > self.limits.archive:
                raise ArchiveError("what was sent has no beginning, or no end")
            digest.update(message.file.chunk)
            file.write(message.file.chunk)
        if metadata is None:
            raise ArchiveError("what was sent has no beginning")
        if digest.hexdigest() != metadata.checksum:
            raise ArchiveError("what was sent is not what its checksum says")
        return metadata


def _folder(root: Path, written: str) -> Path:
    try:
        folder = root / application_path(written)
    except RenderError as error:
        raise ArchiveError(str(error)) from None
    if not Path(os.path.realpath(folder)).is_relative_to(root.resolve()) or not folder.is_dir():
        raise ArchiveError(f"{written}: app path does not exist")
    return folder


@asynccontextmanager
async def _deadline(seconds: float | None) -> AsyncIterator[Any]:
    """Says how many seconds are left for the next command."""
    now = asyncio.get_running_loop().time
    end = now() + (_LONGEST_SECONDS if seconds is None else seconds) - _HEADROOM_SECONDS
    yield lambda: max(end - now(), 0.0)


def _listed(output: bytes, command: tuple[str, ...]) -> list[Mapping[str, Any]]:
    try:
        found = orjson.loads(output)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise CommandError(command[0], "to announce: its output is no JSON list of objects")
    return found


def _announcement(given: Mapping[str, Any]) -> ParameterAnnouncement:
    """Fields of other types than the contract's are left out."""
    texts = ("name", "title", "tooltip", "itemType", "collectionType", "string")
    fields: dict[str, Any] = {
        name: value for name in texts if isinstance(value := given.get(name), str)
    }
    if isinstance(given.get("required"), bool):
        fields["required"] = given["required"]
    if isinstance(array := given.get("array"), list):
        fields["array"] = [str(item) for item in array]
    if isinstance(entries := given.get("map"), dict):
        fields["map"] = {str(name): str(value) for name, value in entries.items()}
    return ParameterAnnouncement(**fields)
