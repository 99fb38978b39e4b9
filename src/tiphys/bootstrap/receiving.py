"""Files that callers send: kept in a folder of their own, and unpacked within limits."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tiphys.adapters.plugin.errors import ArchiveError
from tiphys.adapters.plugin.unpack import UnpackLimits, unpack
from tiphys.model.errors import ApiCode, ApiError

LIMITS = UnpackLimits(archive=100 << 20, content=512 << 20, entries=50_000)


class ReceivedFiles:
    """Implements Received of the handlers."""

    def __init__(self, folder: Path, file: IO[bytes], limits: UnpackLimits) -> None:
        self._folder = folder
        self._file = file
        self._limits = limits

    def add(self, data: bytes) -> None:
        self._file.write(data)

    async def unpacked(self) -> str:
        self._file.seek(0)
        into = self._folder / "files"
        into.mkdir()
        try:
            await asyncio.to_thread(unpack, self._file, into, self._limits, keeps_modes=False)
        except ArchiveError as error:
            raise ApiError(ApiCode.INVALID_ARGUMENT, str(error)) from None
        return str(into)


@contextmanager
def receiving(limits: UnpackLimits = LIMITS) -> Iterator[ReceivedFiles]:
    with (
        tempfile.TemporaryDirectory(prefix="tiphys-") as folder,
        tempfile.TemporaryFile(dir=folder) as file,
    ):
        yield ReceivedFiles(Path(folder), file, limits)
