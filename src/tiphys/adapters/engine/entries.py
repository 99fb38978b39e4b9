"""A commit's tree as the engine's entries. Blocking, for threads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, assert_never

from tiphys.model.errors import RenderLimitError
from tiphys.model.render import (
    DirectoryOptions,
    EntryKind,
    HelmOptions,
    KustomizeOptions,
    RenderRequest,
    TreeEntry,
)

Entries = tuple[list[dict[str, Any]], bytes]

# A pre-selection of what to send: the engine decides what counts.
_CANDIDATE = re.compile(r"\.(yaml|yml|json|jsonnet)$")


class Reader(Protocol):
    """What is used here of a commit's tree."""

    def read(self, paths: Sequence[str]) -> Mapping[str, TreeEntry | None]: ...

    def walk(self, path: str) -> Mapping[str, TreeEntry]: ...


def first(request: RenderRequest, tree: Reader, *, limit: int) -> Entries:
    """What a request carries: the whole folder where the tool reads all of it."""
    match request.options:
        case DirectoryOptions(recurse=True) | HelmOptions():
            return pack(tree.walk(request.path), limit=limit)
        case DirectoryOptions(disable_extension_filter=everything):
            return _folders(tree, [request.path], everything=everything, limit=limit)
        case KustomizeOptions():
            return _folders(tree, [request.path], everything=True, limit=limit)
        case _:
            assert_never(request.options)


def needed(tree: Reader, paths: Sequence[str], folders: Sequence[str], *, limit: int) -> Entries:
    """The answer to one call back."""
    alone = {path: entry for path, entry in tree.read(paths).items() if entry is not None}
    entries, body = _folders(tree, folders, everything=True, limit=limit)
    more, content = pack(alone, limit=limit)
    return entries + more, body + content


def _folders(tree: Reader, folders: Sequence[str], *, everything: bool, limit: int) -> Entries:
    found = {path: entry for path, entry in tree.read(folders).items() if entry is not None}
    inside = [
        f"{path}/{name}" if path else name
        for path, entry in found.items()
        for name in _files(entry.children, everything=everything)
    ]
    for path, entry in tree.read(inside).items():
        if entry is not None:
            found[path] = entry
    return pack(found, limit=limit)


def _files(children: Mapping[str, EntryKind], *, everything: bool) -> Iterable[str]:
    for name, kind in children.items():
        if kind is not EntryKind.FOLDER and (everything or _CANDIDATE.search(name)):
            yield name


def pack(found: Mapping[str, TreeEntry], *, limit: int) -> Entries:
    """Entries for a header, and their contents one after the other."""
    total = sum(len(entry.data) for entry in found.values())
    if total > limit:
        raise RenderLimitError(f"the source is over the limit of {limit} bytes")
    entries: list[dict[str, Any]] = []
    for path, entry in found.items():
        packed: dict[str, Any] = {"path": path, "kind": entry.kind, "size": len(entry.data)}
        if entry.kind is EntryKind.FOLDER:
            packed["children"] = dict(entry.children)
        entries.append(packed)
    return entries, b"".join(entry.data for entry in found.values())
