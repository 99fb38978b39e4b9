"""In which namespaces the Applications of a project may stand.

What stands between slashes is a regular expression. It is a user's, so it runs in RE2, which
takes time in proportion to the text whatever the expression.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import re2

from tiphys.core.project.effective import EffectiveProject
from tiphys.core.project.patterns import glob

_MEMORY = 1 << 20


def namespace_permitted(project: EffectiveProject, namespace: str, control_plane: str) -> bool:
    """`control_plane` is the namespace of Tiphys itself, which every project may use."""
    return namespace == control_plane or matches_any(project.spec.source_namespaces, namespace)


def matches_any(entries: Iterable[str], namespace: str) -> bool:
    """Whether one of these globs, or regular expressions between slashes, is about a namespace."""
    return any(_matches(entry, namespace) for entry in entries)


def _matches(entry: str, namespace: str) -> bool:
    if len(entry) > 1 and entry.startswith("/") and entry.endswith("/"):
        expression = _compiled(entry[1:-1])
        return expression is not None and expression.search(namespace) is not None
    return glob(entry, namespace)


@lru_cache(maxsize=256)
def _compiled(text: str) -> Any:
    """None where it is no expression of RE2: it then matches nothing."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(text, options)
    except re2.error:
        return None
