"""Unpacks what a renderer sent into a folder of its own. Blocking, for threads.

Whoever can reach the socket can send anything: nothing is written outside of the folder, no link
leads out of it, and limits end what is a bomb.
"""

from __future__ import annotations

import os
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tiphys.adapters.plugin.errors import ArchiveError
from tiphys.core.source.paths import application_path
from tiphys.model.errors import RenderError

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """Bytes as they are sent, bytes as they are unpacked, and how many entries."""

    archive: int = 1 << 30
    content: int = 4 << 30
    entries: int = 500_000


def unpack(file: IO[bytes], folder: Path, limits: UnpackLimits, *, keeps_modes: bool) -> None:
    """Raises ArchiveError."""
    links: list[tuple[Path, str]] = []
    room, count = limits.content, 0
    try:
        with tarfile.open(fileobj=file, mode="r|gz") as tar:
            for member in tar:
                count += 1
                room -= member.size
                if room < 0 or count > limits.entries:
                    raise ArchiveError("what was sent is over the limits when it is unpacked")
                place = _place(folder, member.name)
                if member.isdir():
                    _make(place)
                elif member.issym():
                    links.append((place, member.linkname))
                elif member.isreg():
                    _make(place.parent)
                    mode = member.mode & 0o777 if keeps_modes else 0o644
                    _write(tar, member, place, mode)
                else:
                    raise ArchiveError(f"{member.name}: only files, folders and links are taken")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ArchiveError(f"what was sent cannot be unpacked: {type(error).__name__}") from None
    _link(folder, links)


def _place(folder: Path, name: str) -> Path:
    try:
        inside = application_path(name)
    except RenderError:
        raise ArchiveError(f"illegal filepath in archive: {name}") from None
    if "\0" in inside:
        raise ArchiveError("illegal filepath in archive")
    return folder / inside


def _make(place: Path) -> None:
    # Links are made last: until then every folder on the way is one of ours.
    place.mkdir(parents=True, exist_ok=True)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, place: Path, mode: int) -> None:
    content = tar.extractfile(member)
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode | 0o600)
    with os.fdopen(descriptor, "wb") as target:
        while content is not None and (chunk := content.read(_CHUNK)):
            target.write(chunk)
        os.fchmod(descriptor, mode | 0o600)


def _link(folder: Path, links: list[tuple[Path, str]]) -> None:
    """All of them first, for one may lead through another; then each is followed."""
    root = folder.resolve()
    try:
        for place, target in links:
            # Before anything is made: the way there may lead through another link.
            if not _leads_to(place.parent).is_relative_to(root) or target.startswith("/"):
                raise _out_of_bounds(place, folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)
        for place, _ in links:
            if not _leads_to(place).is_relative_to(root):
                raise _out_of_bounds(place, folder)
    except (OSError, RuntimeError) as error:
        raise ArchiveError(f"a link cannot be made: {type(error).__name__}") from None


def _leads_to(place: Path) -> Path:
    """Also of one that leads nowhere, or to itself."""
    return Path(os.path.realpath(place))


def _out_of_bounds(place: Path, folder: Path) -> ArchiveError:
    return ArchiveError(
        "streamed files contains out-of-bounds symlinks, illegal filepath. "
        f"file: {place.relative_to(folder)}"
    )
