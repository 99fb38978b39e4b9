"""The path of an application inside its repository, before anything is read there."""

from __future__ import annotations

from tiphys.model.errors import RenderError
from tiphys.model.render import EntryKind


def application_path(path: str) -> str:
    """spec.source.path relative to the root, cleaned, `` for the root. Raises RenderError."""
    if path.startswith("/"):
        raise RenderError(f"{path}: app path is absolute")
    steps: list[str] = []
    for step in path.split("/"):
        if step == ".." and not steps:
            raise RenderError(f"{path}: app path outside root")
        if step == "..":
            steps.pop()
        elif step not in {"", "."}:
            steps.append(step)
    return "/".join(steps)


def require_folder(path: str, kind: EntryKind | None) -> None:
    """`path` is as the user wrote it, for the error; `kind` is what is there."""
    if kind is None:
        raise RenderError(f"{path}: app path does not exist")
    if kind is not EntryKind.FOLDER:
        raise RenderError(f"{path}: app path is not a directory")


def link_target(path: str, target: str) -> str | None:
    """Where a link at `path` leads, from the root; None when that is outside."""
    if target.startswith("/"):
        return None
    parent, _, _ = path.rpartition("/")
    try:
        return application_path(f"{parent}/{target}" if parent else target)
    except RenderError:
        return None
