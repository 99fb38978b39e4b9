"""JSON text as Go writes it: compact, with the characters escaped that HTML gives a meaning."""

from __future__ import annotations

import re
from typing import Any

import orjson

_ESCAPED = {
    b"<": b"\\u003c",
    b">": b"\\u003e",
    b"&": b"\\u0026",
    "\u2028".encode(): b"\\u2028",
    "\u2029".encode(): b"\\u2029",
}
_FOUND = re.compile(b"[<>&]|\xe2\x80[\xa8\xa9]")


def json_bytes(value: Any) -> bytes:
    """These characters stand only in texts and keys, so that the bytes can be gone through."""
    text = orjson.dumps(value)
    if _FOUND.search(text) is None:
        return text
    return _FOUND.sub(lambda found: _ESCAPED[found[0]], text)
