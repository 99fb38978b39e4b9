"""Several trees as one: the main one, files that stand in for some of its own, and trees beside it.

A tree beside the main one has all of its paths below MOUNT and its name. What stands in for a file
is no part of what is remembered: it follows from the file under it and from the options.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tiphys.model.render import MOUNT, EntryKind, TreeEntry
from tiphys.services.render.ports import TreeReader


class Trees:
    """Implements TreeReader. `commit` is the main tree's; object ids never tell of the overlay."""

    def __init__(
        self,
        main: TreeReader,
        mounted: Mapping[str, TreeReader] | None = None,
        overlay: Mapping[str, bytes] | None = None,
    ) -> None:
        self.main = main
        self.mounted = dict(mounted or {})
        self._overlay = dict(overlay or {})

    def beside(self, mounted: Mapping[str, TreeReader]) -> Trees:
        """With more trees."""
        return Trees(self.main, {**self.mounted, **mounted}, self._overlay)

    def over(self, overlay: Mapping[str, bytes]) -> Trees:
        """With files in the place of those of the main tree."""
        return Trees(self.main, self.mounted, overlay)

    @property
    def commit(self) -> str:
        return self.main.commit

    def read(self, paths: Sequence[str]) -> Mapping[str, TreeEntry | None]:
        found: dict[str, TreeEntry | None] = {}
        for root, tree, inside in self._split(paths):
            if tree is None:
                found |= dict.fromkeys((_below(root, path) for path in inside), None)
            else:
                read = tree.read(inside)
                found |= {_below(root, path): read[path] for path in inside}
        return self._overlaid(found) if self._overlay else found

    def walk(self, path: str) -> Mapping[str, TreeEntry]:
        ((root, tree, (inside,)),) = self._split([path])
        if tree is None:
            return {}
        found = tree.walk(inside)
        if root:
            return {_below(root, at): entry for at, entry in found.items()}
        if not self._overlay:
            return found
        prefix = f"{path}/" if path else ""
        added = {at: None for at in self._overlay if at == path or at.startswith(prefix)}
        walked = self._overlaid({**added, **found})
        return {at: entry for at, entry in walked.items() if entry is not None}

    def oids(self, paths: Sequence[str]) -> Mapping[str, str | None]:
        if not self.mounted:
            return self.main.oids(paths)
        found: dict[str, str | None] = {}
        for root, tree, inside in self._split(paths):
            if tree is None:
                found |= dict.fromkeys((_below(root, path) for path in inside), None)
            else:
                oids = tree.oids(inside)
                found |= {_below(root, path): oids[path] for path in inside}
        return found

    def _split(self, paths: Sequence[str]) -> list[tuple[str, TreeReader | None, list[str]]]:
        """By tree: what its paths begin with, the tree, and the paths inside of it."""
        split: dict[str, list[str]] = {}
        for path in paths:
            root, slash, rest = path.partition("/") if path.startswith(MOUNT) else ("", "", path)
            split.setdefault(root, []).append(rest if slash or root else path)
        return [(root, self._tree(root), inside) for root, inside in split.items()]

    def _tree(self, root: str) -> TreeReader | None:
        return self.mounted.get(root.removeprefix(MOUNT)) if root else self.main

    def _overlaid(self, found: Mapping[str, TreeEntry | None]) -> dict[str, TreeEntry | None]:
        changed = dict(found)
        for path, entry in found.items():
            if path in self._overlay:
                oid = entry.oid if entry is not None else ""
                changed[path] = TreeEntry(EntryKind.FILE, oid, self._overlay[path])
            elif entry is not None and entry.kind is EntryKind.FOLDER:
                names = dict.fromkeys(self._names_in(path), EntryKind.FILE)
                changed[path] = replace(entry, children={**entry.children, **names})
        return changed

    def _names_in(self, folder: str) -> list[str]:
        split = (path.rpartition("/") for path in self._overlay)
        return [name for parent, _, name in split if parent == folder]


def _below(root: str, path: str) -> str:
    if not root:
        return path
    return f"{root}/{path}" if path else root
