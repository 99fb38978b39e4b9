"""Earlier renders, found by what is asked for and then by what they read.

A key leads to the renders of one source with one set of options; each of them holds for every
commit where all that it read is still the same. Bounded in number and bytes, oldest use first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from tiphys.model.render import MOUNT, HelmOptions, KustomizeOptions, ReadSet, Remote, ToolOptions
from tiphys.model.resource import Manifest

Oids = Callable[[Sequence[str]], Mapping[str, str | None]]
"""What lies at these paths of a commit: one call, whatever the number of paths."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a render may have asked of the cluster."""

    kube_version: str = ""
    api_versions: frozenset[str] = frozenset()

    @classmethod
    def of(cls, options: ToolOptions) -> Capabilities:
        if isinstance(options, HelmOptions | KustomizeOptions):
            return cls(options.kube_version, frozenset(options.api_versions))
        return cls()


@dataclass(frozen=True, slots=True)
class Remembered:
    """One render: what it read and found there, and what came out.

    `remotes` are the digests of what lay outside of its trees. `paths` is what lay then at the
    paths that its user says a commit has to change something at to count; None: nobody says so.
    """

    manifests: tuple[Manifest, ...]
    digest: str
    size: int
    reads: ReadSet
    found: Mapping[str, str | None]
    capabilities: Capabilities
    warnings: tuple[str, ...] = ()
    remotes: Mapping[Remote, str] = field(default_factory=dict)
    paths: Mapping[str, str | None] | None = None

    def holds(self, oids: Mapping[str, str | None], now: Capabilities) -> bool:
        return self.holds_on(now) and all(oids[path] == oid for path, oid in self.found.items())

    def holds_beside(self, oids: Mapping[str, str | None]) -> bool:
        """As far as the trees beside the main one are concerned."""
        found = self.found.items()
        return all(oids[path] == oid for path, oid in found if path.startswith(MOUNT))

    def holds_on(self, now: Capabilities) -> bool:
        """As far as the cluster is concerned."""
        then = self.capabilities
        if self.reads.kube_version and then.kube_version != now.kube_version:
            return False
        changed = then.api_versions ^ now.api_versions
        return not (
            changed if self.reads.api_versions is None else changed & self.reads.api_versions
        )


def read_paths(reads: ReadSet) -> list[str]:
    return sorted(reads.files | reads.listings | reads.absent)


class RenderMemory:
    """Safe to use from threads. Sizes are bytes of the manifests as JSON."""

    def __init__(self, *, per_key: int = 32, renders: int = 20_000, size: int = 256 << 20) -> None:
        self._per_key = per_key
        self._renders = renders
        self._size = size
        self._used = 0
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, int], Remembered] = OrderedDict()
        self._by_key: dict[str, OrderedDict[int, None]] = {}
        self._next = 1
        self._asked: set[str] = set()

    def matching(
        self,
        key: str,
        oids: Oids,
        capabilities: Capabilities,
        paths: Callable[[], Mapping[str, str | None] | None] = lambda: None,
    ) -> Sequence[Remembered]:
        """The renders that still hold but for what is remote, the newest first; with one that
        nothing remote went into they end. Asks for the objects of all of them at once.

        Where none holds: the newest that `paths` say no commit has counted since.
        """
        with self._lock:
            candidates = list(self._candidates(key))
        if not candidates:
            return ()
        now = oids(sorted({path for _, render in candidates for path in render.found}))
        found = []
        for number, render in candidates:
            if render.holds(now, capabilities):
                self._touch(key, number)
                found.append(render)
                if not render.remotes:
                    break
        return found or self._carried(candidates, now, capabilities, paths())

    def _carried(
        self,
        candidates: Sequence[tuple[int, Remembered]],
        now: Mapping[str, str | None],
        capabilities: Capabilities,
        paths: Mapping[str, str | None] | None,
    ) -> Sequence[Remembered]:
        if paths is None:
            return ()
        # The paths are those of the main tree: what stands beside it counts as it was read.
        same = (render for _, render in candidates if render.paths == paths)
        beside = (render for render in same if render.holds_beside(now))
        return tuple(render for render in beside if render.holds_on(capabilities))

    def first_look(self, key: str) -> bool:
        """True once for each key, and again when all of its renders were forgotten."""
        with self._lock:
            if key in self._asked:
                return False
            self._asked.add(key)
            return True

    def latest(self, key: str) -> int:
        """The number of the key's youngest render; 0 when there is none."""
        with self._lock:
            return max(self._by_key.get(key, ()), default=0)

    def keep(self, key: str, render: Remembered) -> None:
        with self._lock:
            numbers = self._by_key.setdefault(key, OrderedDict())
            self._kept[key, self._next] = render
            numbers[self._next] = None
            self._next += 1
            self._used += render.size
            if len(numbers) > self._per_key:
                self._forget(key, next(iter(numbers)))
            while len(self._kept) > self._renders or (self._used > self._size and self._kept):
                self._forget(*next(iter(self._kept)))

    def __len__(self) -> int:
        return len(self._kept)

    def _candidates(self, key: str) -> Iterator[tuple[int, Remembered]]:
        for number in reversed(self._by_key.get(key, OrderedDict())):
            yield number, self._kept[key, number]

    def _touch(self, key: str, number: int) -> None:
        with self._lock:
            if (key, number) in self._kept:
                self._kept.move_to_end((key, number))
                self._by_key[key].move_to_end(number)

    def _forget(self, key: str, number: int) -> None:
        self._used -= self._kept.pop((key, number)).size
        del self._by_key[key][number]
        if not self._by_key[key]:
            del self._by_key[key]
            self._asked.discard(key)
