"""LFS pointers: small files that stand for large ones (git-lfs, docs/spec.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tiphys.model.render import EntryKind, TreeEntry

_LONGEST: Final = 1024
_FORM: Final = re.compile(
    rb"version https://(?:git-lfs\.github\.com/spec/v1|hawser\.github\.com/spec/v1)\n"
    rb"(?:[a-z0-9.-]+ [^\n]*\n)*?"
    rb"oid sha256:(?P<oid>[0-9a-f]{64})\n"
    rb"size (?P<size>\d{1,15})\n"
)


@dataclass(frozen=True, slots=True)
class Pointer:
    """`oid` is the content's SHA-256, `size` is in bytes."""

    oid: str
    size: int


def parse_pointer(entry: TreeEntry) -> Pointer | None:
    if entry.kind is not EntryKind.FILE or len(entry.data) >= _LONGEST:
        return None
    match = _FORM.fullmatch(entry.data)
    return None if match is None else Pointer(match["oid"].decode(), int(match["size"]))
