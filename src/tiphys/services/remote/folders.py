"""A folder of this machine as an archive for a server to render."""

from __future__ import annotations

import io
import os
import tarfile
from fnmatch import fnmatchcase
from pathlib import Path

from tiphys.services.applications.values import LocalFiles


def archive(files: LocalFiles) -> bytes:
    """A tar file, compressed, of the files whose names match; links are not followed."""
    root = Path(files.root)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if name != ".git")
            for name in sorted(names):
                path = Path(folder) / name
                if path.is_file() and not path.is_symlink() and _wanted(name, files.include):
                    tar.add(path, arcname=str(path.relative_to(root)), recursive=False)
    return made.getvalue()


def _wanted(name: str, patterns: tuple[str, ...] | None) -> bool:
    return patterns is None or any(fnmatchcase(name, pattern) for pattern in patterns)
