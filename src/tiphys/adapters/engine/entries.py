"""Trees as the engine's entries: the main one, and those beside it. Blocking, for threads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, assert_never

from tiphys.adapters.engine.binary import EngineLimits
from tiphys.model.errors import RenderError, RenderLimitError
from tiphys.model.render import (
    MOUNT,
    DirectoryOptions,
    EntryKind,
    HelmOptions,
    KustomizeOptions,
    PluginOptions,
    RemoteKind,
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


class Overlaid:
    """A tree with some files in place of its own, or beside them. Blocking, for threads."""

    def __init__(self, tree: Reader, overlay: Mapping[str, bytes]) -> None:
        self._tree = tree
        self._files = {path: TreeEntry(EntryKind.FILE, "", data) for path, data in overlay.items()}
        self._names: dict[str, dict[str, EntryKind]] = {}
        for path in overlay:
            folder, _, name = path.rpartition("/")
            self._names.setdefault(folder, {})[name] = EntryKind.FILE

    def read(self, paths: Sequence[str]) -> Mapping[str, TreeEntry | None]:
        found = self._tree.read(paths)
        return {path: self._over(path, found[path]) for path in paths}

    def walk(self, path: str) -> Mapping[str, TreeEntry]:
        found = self._tree.walk(path)
        inside = {
            name: file
            for name, file in self._files.items()
            if name == path or not path or name.startswith(f"{path}/")
        }
        merged = {**found, **(inside if found else {})}
        return {name: self._over(name, entry) or entry for name, entry in merged.items()}

    def _over(self, path: str, found: TreeEntry | None) -> TreeEntry | None:
        if path in self._files:
            return self._files[path]
        if found is None or path not in self._names:
            return found
        return replace(found, children={**found.children, **self._names[path]})


def first(request: RenderRequest, tree: Reader, *, limits: EngineLimits) -> Entries:
    """What a request carries: the whole folder where the tool reads all of it, and all of the
    charts and files that were fetched for it.
    """
    found = dict(_main(request, tree))
    for remote, name in request.mounts.items():
        if remote.kind is not RemoteKind.TREE:
            found.update(tree.walk(MOUNT + name))
    return pack(found, limits=limits)


def _main(request: RenderRequest, tree: Reader) -> Mapping[str, TreeEntry]:
    match request.options:
        case DirectoryOptions(recurse=True) | HelmOptions():
            return tree.walk(request.path)
        case DirectoryOptions(disable_extension_filter=everything):
            return _folders(tree, [request.path], everything=everything)
        case KustomizeOptions():
            return _folders(tree, [request.path], everything=True)
        case PluginOptions():
            raise RenderError(f"{request.options.name}: a plugin is not the engine's to run")
        case _:
            assert_never(request.options)


def needed(
    tree: Reader, paths: Sequence[str], folders: Sequence[str], *, limits: EngineLimits
) -> Entries:
    """The answer to one call back."""
    return pack(_folders(tree, folders, alone=paths, everything=True), limits=limits)


def _folders(
    tree: Reader,
    folders: Sequence[str],
    *,
    alone: Sequence[str] = (),
    everything: bool,
) -> Mapping[str, TreeEntry]:
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
    return found


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
