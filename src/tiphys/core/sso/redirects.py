"""Where a login may lead back to: only to addresses that are configured, and below their paths."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

CALLBACK: Final = "/auth/callback"
INVALID_REDIRECT: Final = (
    "Invalid redirect URL: the protocol and host (including port) must match and the path must be "
    "within allowed URLs if provided"
)
# Browsers read a backslash as a slash and drop tabs and ends of lines.
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f\\]")
_UNSAFE_ESCAPED: Final = re.compile(r"[\x00-\x1f\x7f\\]")


def may_return(url: str, allowed: Sequence[str]) -> bool:
    """Whether people may be sent there after a login; an empty text leads home."""
    if not url:
        return True
    target = _parts(url)
    if target is None:
        return False
    return any(_covers(base, target) for base in allowed)


def _covers(allowed: str, target: SplitResult) -> bool:
    base = _parts(allowed)
    if base is None or (base.scheme, base.netloc.lower()) != (target.scheme, target.netloc.lower()):
        return False
    path = posixpath.normpath("/" + unquote(target.path).lstrip("/"))
    return path == (root := base.path.rstrip("/")) or path.startswith(f"{root}/")


def _parts(url: str) -> SplitResult | None:
    """None for what is no absolute http address, or is read differently by different readers."""
    if _UNSAFE.search(url) or _UNSAFE_ESCAPED.search(unquote(url.partition("?")[0])):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.netloc else None


def callback_url(url: str, additional: Sequence[str], *, host: str, path: str) -> str:
    """Where the provider sends people back to: below the address that they came by, if known."""
    for other in additional:
        parts = _parts(other)
        if parts is None or parts.netloc.lower() != host.lower():
            continue
        root = parts.path.rstrip("/")
        if path == root or path.startswith(f"{root}/"):
            return f"{other.rstrip('/')}{CALLBACK}"
    return f"{url}{CALLBACK}"
