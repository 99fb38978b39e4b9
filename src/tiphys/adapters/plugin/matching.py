"""Whether a plugin is meant for an application, by what lies in its folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from tiphys.adapters.plugin.command import run
from tiphys.adapters.plugin.config import Discovery
from tiphys.core.source.generatepaths import glob_steps, step_matches

_DEEPEST = 64


async def matches(
    discovery: Discovery,
    folder: Path,
    environment: Mapping[str, str],
    *,
    root: Path,
    seconds: float,
) -> bool:
    """The first of file name, glob and command that is set decides. Raises CommandError."""
    if discovery.file_name:
        return _found(root, folder, discovery.file_name)
    if discovery.glob:
        return _found(root, folder, discovery.glob)
    if discovery.command:
        output = await run(
            discovery.command, folder=folder, environment=environment, seconds=seconds
        )
        return bool(output.strip())
    return False


def _found(root: Path, folder: Path, pattern: str) -> bool:
    """No step leads out of the root, links on the way included; `**` is any number of folders."""
    steps = [step for step in glob_steps(pattern) if step not in ("", ".")]
    inside = root.resolve()
    return any(
        place.resolve().is_relative_to(inside) for place in _expanded(folder, steps, _DEEPEST)
    )


def _expanded(folder: Path, steps: list[str], room: int) -> Iterator[Path]:
    if not steps:
        yield folder
        return
    first, *rest = steps
    if first == ".." or room == 0:
        return
    if first == "**":
        yield from _expanded(folder, rest, room)
    for entry in _listed(folder):
        # A link to a folder could lead back, and is not entered by a double star.
        below = entry.is_dir(follow_symlinks=first != "**")
        if first == "**" and below:
            yield from _expanded(Path(entry.path), steps, room - 1)
        elif first != "**" and step_matches(first, entry.name) and (below or not rest):
            yield from _expanded(Path(entry.path), rest, room)


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []
