"""A commit's tree as the engine's entries. Blocking, for threads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, assert_never

from tiphys.adapters.engine.binary import EngineLimits
from tiphys.model.errors import RenderError, RenderLimitError
from tiphys.model.render import (
    DirectoryOptions,
    EntryKind,
    HelmOptions,
    KustomizeOptions,
    PluginOptions,
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


def first(request: RenderRequest, tree: Reader, *, limits: EngineLimits) -> Entries:
    """What a request carries: the whole folder where the tool reads all of it."""
    match request.options:
        case DirectoryOptions(recurse=True) | HelmOptions():
            return pack(tree.walk(request.path), limits=limits)
        case DirectoryOptions(disable_extension_filter=everything):
            return _folders(tree, [request.path], everything=everything, limits=limits)
        case KustomizeOptions():
            return _folders(tree, [request.path], everything=True, limits=limits)
        case PluginOptions():
            raise RenderError(f"{request.options.name}: a plugin is not the engine's to run")
        case _:
            assert_never(request.options)


def needed(
    tree: Reader, paths: Sequence[str], folders: Sequence[str], *, limits: EngineLimits
) -> Entries:
    """The answer to one call back."""
    return _folders(tree, folders, alone=paths, everything=True, limits=limits)


def _folders(
    tree: Reader,
    folders: Sequence[str],
    *,
    alone: Sequence[str] = (),
    everything: bool,
    limits: EngineLimits,
) -> Entries:
    asked = tree.read([*alone, *folders])
    found = {path: entry for path, entry in asked.items() if entry is not None}
    inside = [
        f"{path}/{name}" if path else name
        for path in folders
        if path in found
        for name in _files(found[path].children, everything=everything)
    ]
    if inside:
        more = tree.read(inside)
        found.update({path: entry for path, entry in more.items() if entry is not None})
    return pack(found, limits=limits)


def _files(children: Mapping[str, EntryKind], *, everything: bool) -> Iterable[str]:
    for name, kind in children.items():
        if kind is not EntryKind.FOLDER and (everything or _CANDIDATE.search(name)):
            yield name


def pack(found: Mapping[str, TreeEntry], *, limits: EngineLimits) -> Entries:
    """Entries for a header, and their contents one after the other."""
    if len(found) > limits.files:
        raise RenderLimitError(f"the source is over the limit of {limits.files} files")
    total = sum(len(entry.data) for entry in found.values())
    if total > limits.input:
        raise RenderLimitError(f"the source is over the limit of {limits.input} bytes")
    entries: list[dict[str, Any]] = []
    for path, entry in found.items():
        packed: dict[str, Any] = {"path": path, "kind": entry.kind, "size": len(entry.data)}
        if entry.kind is EntryKind.FOLDER:
            packed["children"] = dict(entry.children)
        entries.append(packed)
    return entries, b"".join(entry.data for entry in found.values())
