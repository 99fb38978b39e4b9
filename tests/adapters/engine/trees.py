"""A commit's tree from a table: text is a file, Link a link. Counts what is asked of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tiphys.model.render import MOUNT, EntryKind, TreeEntry


@dataclass(frozen=True)
class Link:
    target: str


Table = Mapping[str, str | bytes | Link]


class TableTree:
    """`beside` are the trees that stand beside the main one, by their names without MOUNT."""

    def __init__(self, table: Table, beside: Mapping[str, Table] | None = None) -> None:
        self.entries: dict[str, TreeEntry] = {}
        self.reads: list[tuple[str, ...]] = []
        self._put("", table)
        for name, other in (beside or {}).items():
            self._put(MOUNT + name, other)

    def _put(self, root: str, table: Table) -> None:
        children: dict[str, dict[str, EntryKind]] = {root: {}}
        for inside, content in table.items():
            path = f"{root}/{inside}" if root else inside
            entry = _entry(content)
            self.entries[path] = entry
            kind = entry.kind
            while path != root:
                above, _, name = path.rpartition("/")
                children.setdefault(above, {})[name] = kind
                path, kind = above, EntryKind.FOLDER
        for path, names in children.items():
            self.entries[path] = TreeEntry(EntryKind.FOLDER, oid=_oid(path), children=names)

    @property
    def commit(self) -> str:
        return "0" * 40

    def read(self, paths: Sequence[str]) -> Mapping[str, TreeEntry | None]:
        self.reads.append(tuple(paths))
        return {path: self.entries.get(path) for path in paths}

    def walk(self, path: str) -> Mapping[str, TreeEntry]:
        if path not in self.entries:
            return {}
        below = f"{path}/" if path else ""
        return {
            name: entry
            for name, entry in self.entries.items()
            if name == path or (name.startswith(below) and (path or not name.startswith(MOUNT)))
        }

    def oids(self, paths: Sequence[str]) -> Mapping[str, str | None]:
        return {path: entry.oid if (entry := self.entries.get(path)) else None for path in paths}


def _entry(content: str | bytes | Link) -> TreeEntry:
    match content:
        case Link(target):
            return TreeEntry(EntryKind.LINK, oid=_oid(target), data=target.encode())
        case str():
            return _entry(content.encode())
        case bytes():
            return TreeEntry(EntryKind.FILE, oid=_oid(content.decode("latin-1")), data=content)


def _oid(text: str) -> str:
    return hashlib.sha1(text.encode(errors="replace"), usedforsecurity=False).hexdigest()


def config_map(name: str, **data: str) -> str:
    lines = "".join(f"  {key}: {value}\n" for key, value in data.items()) or "  {}\n"
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n{lines}"


CHART = "apiVersion: v2\nname: shop\nversion: 1.0.0\n"

BOMB = "\n".join(
    [
        f"a0: &a0 [{', '.join('x' * 9)}]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)),
    ]
)
"""Some lines whose aliases stand for hundreds of megabytes."""
