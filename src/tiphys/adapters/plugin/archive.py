"""A folder of a tree as a compressed tar, for a plugin. Blocking, for threads.

It is written to an unnamed file, folder by folder, so that no more than a few files are in memory.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Protocol

from tiphys.core.source.generatepaths import glob_steps, step_matches
from tiphys.model.errors import RenderError, RenderLimitError
from tiphys.model.render import EntryKind, TreeEntry

_BATCH = 64
_CHUNK = 64 << 10


class Tree(Protocol):
    """What is used here of a commit's tree."""

    def read(self, paths: Sequence[str]) -> Mapping[str, TreeEntry | None]: ...

    def oids(self, paths: Sequence[str]) -> Mapping[str, str | None]: ...


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Bytes before and after compression, and how many files, links and folders."""

    content: int = 1 << 30
    archive: int = 100 << 20
    entries: int = 100_000


@dataclass(frozen=True, slots=True)
class Archive:
    """`checksum` is SHA-256, hexadecimal."""

    file: IO[bytes]
    size: int
    checksum: str

    def chunks(self) -> Iterator[bytes]:
        """Safe to use from several readers at once."""
        at = 0
        while data := os.pread(self.file.fileno(), _CHUNK, at):
            at += len(data)
            yield data


def pack(tree: Tree, root: str, exclude: Sequence[str], limits: ArchiveLimits) -> Archive:
    """Equal for equal folders. Raises RenderError and RenderLimitError."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 -- lives as long as the archive
    count = content = 0
    with (
        gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, entry in _entries(tree, root, exclude):
            count += 1
            content += len(entry.data)
            if count > limits.entries or content > limits.content:
                raise RenderLimitError(
                    "what a plugin needs of the repository is over the limit of "
                    f"{limits.entries} entries and {limits.content} bytes"
                )
            _add(tar, name, entry)
            if file.tell() > limits.archive:
                raise _too_large(limits)
    if not count:
        raise RenderError(f"no files to send({root or '.'})")
    size = file.tell()
    if size > limits.archive:
        raise _too_large(limits)
    return Archive(file, size, _checksum(file))


def _too_large(limits: ArchiveLimits) -> RenderLimitError:
    return RenderLimitError(
        f"what a plugin needs of the repository is over the limit of {limits.archive} bytes, packed"
    )


def _checksum(file: IO[bytes]) -> str:
    file.flush()
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _entries(tree: Tree, root: str, exclude: Sequence[str]) -> Iterator[tuple[str, TreeEntry]]:
    """Everything below the root by its path from there, folders before what they hold."""
    found = tree.read([root])[root]
    folders = [("", found)] if found is not None and found.kind is EntryKind.FOLDER else []
    while folders:
        at, folder = folders.pop()
        names = [f"{at}/{name}" if at else name for name in sorted(folder.children)]
        names = [name for name in names if not _excluded(name, exclude)]
        for start in range(0, len(names), _BATCH):
            batch = names[start : start + _BATCH]
            entries = tree.read([f"{root}/{name}" if root else name for name in batch])
            for name, entry in zip(batch, entries.values(), strict=True):
                if entry is None:
                    continue
                yield name, entry
                if entry.kind is EntryKind.FOLDER:
                    folders.append((name, entry))


def _excluded(name: str, exclude: Sequence[str]) -> bool:
    """A star crosses no slash. What lies in an excluded folder is excluded with it."""
    steps = glob_steps(name)
    return any(
        len(pattern) == len(steps)
        and all(step_matches(one, step) for one, step in zip(pattern, steps, strict=True))
        for pattern in map(glob_steps, exclude)
    )


def _add(tar: tarfile.TarFile, name: str, entry: TreeEntry) -> None:
    info = tarfile.TarInfo(name)
    info.mode = 0o755 if entry.executable or entry.kind is EntryKind.FOLDER else 0o644
    match entry.kind:
        case EntryKind.FOLDER:
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
        case EntryKind.LINK:
            info.type = tarfile.SYMTYPE
            info.linkname = entry.data.decode("utf-8", "surrogateescape")
            tar.addfile(info)
        case EntryKind.FILE:
            info.size = len(entry.data)
            tar.addfile(info, io.BytesIO(entry.data))
