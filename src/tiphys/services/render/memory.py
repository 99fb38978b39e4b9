"""Earlier renders, found by what is asked for and then by what they read.

A key leads to the renders of one source with one set of options; each of them holds for every
commit where all that it read is still the same. Bounded in number and bytes, oldest use first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from tiphys.model.render import HelmOptions, ReadSet, RenderResult, ToolOptions
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
        if isinstance(options, HelmOptions):
            return cls(options.kube_version, frozenset(options.api_versions))
        return cls()


@dataclass(frozen=True, slots=True)
class Remembered:
    """One render: what it read and found there, and what came out."""

    manifests: tuple[Manifest, ...]
    digest: str
    size: int
    reads: ReadSet
    found: Mapping[str, str | None]
    capabilities: Capabilities
    warnings: tuple[str, ...] = ()

    def holds(self, oids: Mapping[str, str | None], now: Capabilities) -> bool:
        if any(oids[path] != oid for path, oid in self.found.items()):
            return False
        then = self.capabilities
        if self.reads.kube_version and then.kube_version != now.kube_version:
            return False
        changed = then.api_versions ^ now.api_versions
        return not (
            changed if self.reads.api_versions is None else changed & self.reads.api_versions
        )


def read_paths(reads: ReadSet) -> list[str]:
    return sorted(reads.files | reads.listings | reads.absent)


def remembered(
    result: RenderResult, *, digest: str, size: int, oids: Oids, capabilities: Capabilities
) -> Remembered:
    """`oids` answers for the commit that was rendered."""
    found = dict(oids(read_paths(result.reads)))
    return Remembered(
        result.manifests, digest, size, result.reads, found, capabilities, result.warnings
    )


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

    def find(self, key: str, oids: Oids, capabilities: Capabilities) -> Remembered | None:
        """The newest render that still holds; asks for the objects of all of them at once."""
        with self._lock:
            candidates = list(self._candidates(key))
        if not candidates:
            return None
        paths = sorted({path for _, render in candidates for path in render.found})
        now = oids(paths)
        for number, render in candidates:
            if render.holds(now, capabilities):
                self._touch(key, number)
                return render
        return None

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
