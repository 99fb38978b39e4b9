"""How the entries of a project's lists match: globs, denials, and globs of file names."""

from __future__ import annotations

import re

from tiphys.core.settings.glob import matches

_BRACE = re.compile(r"(?<!\\)([{}])")
_STARS = re.compile(r"\*{2,}")


def is_denial(pattern: str) -> bool:
    return pattern.startswith("!")


def glob(pattern: str, text: str, separator: str = "") -> bool:
    """A star alone matches everything, separators too."""
    return pattern == "*" or matches(pattern, text, separator)


def glob_or_not(pattern: str, text: str) -> bool:
    """As `glob`; what `!` precedes matches all that it does not match."""
    if is_denial(pattern):
        return not glob(pattern[1:], text)
    return glob(pattern, text)


def file_glob(pattern: str, text: str) -> bool:
    """Globs of kinds: braces mean themselves, and no star goes beyond a slash."""
    return matches(_BRACE.sub(r"\\\1", _STARS.sub("*", pattern)), text, "/")
