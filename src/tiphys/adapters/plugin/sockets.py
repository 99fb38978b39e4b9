"""Plugins by their sockets in a folder: whether there are any costs next to nothing to know."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_FOLDER = Path("/home/argocd/cmp-server/plugins")


def socket_folder(environment: Mapping[str, str]) -> Path:
    """Where plugins have their sockets, for both who listen and who ask."""
    own = environment.get("ARGOCD_PLUGINSOCKFILEPATH", "")
    return Path(own) if own else DEFAULT_FOLDER


@dataclass(frozen=True, slots=True)
class Socket:
    """`born` tells a socket from the one that a new process made under the same name."""

    path: Path
    born: tuple[int, int]

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(".sock")


def sockets(folder: Path) -> list[Socket]:
    """All in the order of their names. Blocking, but a folder of a few."""
    try:
        names = sorted(os.listdir(folder), key=os.fsencode)
    except OSError:
        return []
    found = (socket_at(folder, name) for name in names)
    return [one for one in found if one is not None]


def socket_at(folder: Path, name: str) -> Socket | None:
    """None for a name that leads elsewhere, and for what is no socket."""
    if "/" in name or "\0" in name or name in (".", ".."):
        return None
    path = folder / name
    try:
        seen = path.lstat()
    except OSError:
        return None
    if not stat.S_ISSOCK(seen.st_mode):
        return None
    return Socket(path, (seen.st_ino, seen.st_mtime_ns))
