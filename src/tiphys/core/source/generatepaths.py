"""The annotation manifest-generate-paths: where a commit has to change something to count.

Never needed, for what a render read is known; where it is set, it is honoured.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tiphys.core.project.patterns import file_glob
from tiphys.core.source.paths import application_path
from tiphys.model.errors import RenderError

_SPECIAL = re.compile(r"[*?\[\\]")


def generate_paths(annotation: str, source_path: str) -> tuple[str, ...]:
    """As paths and globs from the repository's root, `` for the root; what leads out is dropped."""
    found: list[str] = []
    for part in annotation.split(";"):
        text = part.strip()
        path = text.lstrip("/") if text.startswith("/") else f"{source_path.strip('/')}/{text}"
        if not text:
            continue
        try:
            cleaned = application_path(path.lstrip("/"))
        except RenderError:
            continue
        if cleaned not in found:
            found.append(cleaned)
    return tuple(found)


def is_glob(path: str) -> bool:
    return _SPECIAL.search(path) is not None


def concerned(paths: Sequence[str], changed: Iterable[str]) -> bool:
    """Whether any changed file counts: it is a path, lies inside of it, or is what a glob means,
    whose stars cross no slash. Without paths every change does.
    """
    return not paths or any(_counts(path, one) for one in changed for path in paths)


def _counts(path: str, changed: str) -> bool:
    if not path or changed == path or changed.startswith(f"{path}/"):
        return True
    return is_glob(path) and file_glob(path, changed)


def glob_steps(pattern: str) -> tuple[str, ...]:
    """The pattern, folder by folder: as no star crosses a slash, each step is one level."""
    return tuple(pattern.split("/"))


def step_matches(step: str, name: str) -> bool:
    return file_glob(step, name)
