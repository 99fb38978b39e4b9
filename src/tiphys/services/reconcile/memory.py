"""What is remembered of an application between two passes. Losing it costs time, nothing else."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field

from tiphys.core.app.pairing import Traits
from tiphys.core.app.targets import Targets
from tiphys.core.diff.explain import FieldDifference
from tiphys.core.diff.rules import CompareRules
from tiphys.core.diff.schema import TypeSchema
from tiphys.model.resource import GroupKind, ResourceKey
from tiphys.model.status import CompareLevel


@dataclass(frozen=True, slots=True)
class Prepared:
    """Targets with the hash of each, and what they were made from."""

    made_from: tuple[object, ...]
    targets: Targets
    hashes: dict[ResourceKey, str]


@dataclass(frozen=True, slots=True)
class SeenTraits:
    """The annotations of one version of a live object."""

    uid: str
    resource_version: str
    traits: Traits


@dataclass(frozen=True, slots=True)
class Judged:
    """The comparison of one desired with one live version: a pure function of what it names.

    `schema` is the kind's type by identity: a type that was compiled anew compares anew; so are
    `rules`. `hidden` are the differences that rules hide.
    """

    target_hash: str
    uid: str
    resource_version: str
    schema: TypeSchema | None
    modified: bool
    differences: tuple[FieldDifference, ...]
    rules: CompareRules
    hidden: tuple[FieldDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """The desired state that was last compared, source by source: what a commit has to differ
    from to matter. A source that only lends its files has no digest.
    """

    digests: tuple[str, ...]
    revisions: tuple[str, ...]


@dataclass
class AppMemory:
    """`requested` is the highest level that events asked for and no pass has followed yet.

    `repository_failed_at` is when a repository began to fail, in seconds of the process's clock.
    `operation_began` is when its last operation began, RFC 3339, `attempted` the revisions that
    the last attempt of one was made of, also where they could not be rendered. `failures` counts
    comparisons in a row for which the live state was not complete. `pass_seconds` is what the last
    pass took. `looks` counts the comparisons that were begun; `told` is the newest of them that
    was written, or is just being.
    """

    requested: CompareLevel | None = None
    repository_failed_at: float | None = None
    operation_began: str = ""
    attempted: tuple[str, ...] = ()
    failures: int = 0
    pass_seconds: float = 0.0
    looks: int = 0
    told: int = 0
    prepared: Prepared | None = None
    known: Known | None = None
    rules: CompareRules = field(default_factory=CompareRules)
    traits: dict[ResourceKey, SeenTraits] = field(default_factory=dict)
    judged: dict[ResourceKey, Judged] = field(default_factory=dict)

    def request(self, level: CompareLevel | None) -> None:
        if level is not None and (self.requested is None or level > self.requested):
            self.requested = level

    def answered(self, level: CompareLevel) -> CompareLevel | None:
        """A comparison of this level begins: takes away what it answers, and says what that was."""
        asked = self.requested
        if asked is None or asked > level:
            return None
        self.requested = None
        return asked

    def look(self) -> int:
        """The number of a comparison that begins."""
        self.looks += 1
        return self.looks

    def tells(self, look: int) -> bool:
        """Whether a comparison may be written: not after one that began later. A pass and the end
        of an operation compare side by side.
        """
        if look < self.told:
            return False
        self.told = look
        return True

    def forget_comparisons(self) -> None:
        """Rules or types changed: nothing that was judged with the old ones counts."""
        self.prepared = None
        self.traits.clear()
        self.judged.clear()


class Memories:
    """By the application's key: its instance name."""

    def __init__(self) -> None:
        self._by_name: dict[str, AppMemory] = {}

    def of(self, name: str) -> AppMemory:
        return self._by_name.setdefault(name, AppMemory())

    def forget(self, name: str) -> None:
        self._by_name.pop(name, None)

    def touched(self, kinds: Container[GroupKind]) -> set[str]:
        """Applications that hold objects of these kinds, as far as it is known."""
        return {
            name
            for name, memory in self._by_name.items()
            if memory.prepared is None
            or any(key.group_kind in kinds for key in memory.prepared.targets.keys)
        }

    def forget_comparisons(self) -> None:
        for memory in self._by_name.values():
            memory.forget_comparisons()
