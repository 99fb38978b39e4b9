"""Which Pods of an application's tree somebody means: those that match, and those below."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tiphys.model.resource import ResourceKey


@dataclass(frozen=True, slots=True)
class TreePart:
    """A node of a tree: `parents` are the uids of its owners."""

    key: ResourceKey
    uid: str
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Empty fields match anything."""

    group: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""

    def matches(self, key: ResourceKey) -> bool:
        return (
            self.group in ("", key.group)
            and self.kind in ("", key.kind)
            and self.namespace in ("", key.namespace)
            and self.name in ("", key.name)
        )


def chosen_pods(tree: Iterable[TreePart], wanted: Wanted) -> Sequence[ResourceKey]:
    """In the order of the tree."""
    parts = {part.uid: part for part in tree if part.uid}
    return [
        part.key
        for part in parts.values()
        if (part.key.group, part.key.kind) == ("", "Pod") and _is_wanted(part, parts, wanted)
    ]


def _is_wanted(part: TreePart, parts: Mapping[str, TreePart], wanted: Wanted) -> bool:
    waiting, seen = [part], {part.uid}
    while waiting:
        one = waiting.pop()
        if wanted.matches(one.key):
            return True
        for uid in one.parents:
            above = parts.get(uid)
            if above is not None and uid not in seen:
                seen.add(uid)
                waiting.append(above)
    return False
