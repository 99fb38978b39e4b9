"""A folder of this machine in place of the application's repository: `--local` and its kin."""

from __future__ import annotations

from pathlib import Path

from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import Flag, FlagKind, text
from tiphys.services.applications.values import LocalFiles

LOCAL = text("local", "Take manifests from this folder in place of the repository")
INCLUDE = Flag(
    "local-include",
    FlagKind.STRINGS,
    "With --server-side-generate, names of the files to take, as a glob; may be repeated",
    default=("*.yaml", "*.yml", "*.json"),
)


def root_flag(default: str) -> Flag:
    return text("local-repo-root", "What stands for the repository's root", default=default)


def local_files(call: Call, *, whole: bool = False) -> LocalFiles:
    """`whole`: the folder is the repository's root, and the spec says where the application is."""
    folder = Path(call.text("local")).resolve()
    if not folder.is_dir():
        raise FatalError(f"{call.text('local')}: is not a folder")
    if whole:
        return LocalFiles(folder=str(folder), root=str(folder), include=call.texts("local-include"))
    root = Path(call.text("local-repo-root")).resolve()
    return LocalFiles(folder=str(folder), root=str(root))
