"""What lies where manifest-generate-paths say that a change counts: equal for two commits between
which nothing there changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tiphys.core.source.generatepaths import glob_steps, is_glob, step_matches
from tiphys.model.render import EntryKind
from tiphys.services.render.ports import TreeReader

_FOUND = 10_000
"""Folders and files that globs may lead to; with more, every commit counts."""


def counted(tree: TreeReader, paths: Sequence[str]) -> Mapping[str, str | None] | None:
    """Blocking. Object ids by path; None where there are no paths, or too much lies there."""
    if not paths:
        return None
    wanted = set(paths)
    for path in paths:
        if not is_glob(path):
            continue
        files = _expanded(tree, path, _FOUND - len(wanted))
        if files is None:
            return None
        wanted.discard(path)
        wanted |= files
    return tree.oids(sorted(wanted))


def _expanded(tree: TreeReader, pattern: str, room: int) -> set[str] | None:
    """The files that a glob means."""
    *folders, last = glob_steps(pattern)
    level = [""]
    for step in folders:
        level = _step(tree, level, step, {EntryKind.FOLDER})
        room -= len(level)
        if room < 0:
            return None
    files = _step(tree, level, last, {EntryKind.FILE, EntryKind.LINK})
    return set(files) if len(files) <= room else None


def _step(tree: TreeReader, level: Sequence[str], step: str, kinds: set[EntryKind]) -> list[str]:
    found = tree.read(level) if level else {}
    return [
        f"{at}/{name}" if at else name
        for at, entry in found.items()
        if entry is not None
        for name, kind in entry.children.items()
        if kind in kinds and step_matches(step, name)
    ]
