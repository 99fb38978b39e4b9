"""Which kinds are watched, and how each watch fares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from tiphys.core.tree.declared import Declaration
from tiphys.model.live import WatchState
from tiphys.model.resource import ApiResource, GroupKind, ResourceKey

_GRACE = 15.0
"""Seconds for which a watch may be broken before its kind counts as not current."""

_EXCLUDED_GROUPS = frozenset({"events.k8s.io", "metrics.k8s.io"})
_EXCLUDED_KINDS = frozenset({GroupKind("", "Event"), GroupKind("coordination.k8s.io", "Lease")})


def excluded_always(kind: GroupKind) -> bool:
    """The contract's built-in exclusions: kinds that only churn."""
    return kind.group in _EXCLUDED_GROUPS or kind in _EXCLUDED_KINDS


def watchable(
    served: Iterable[ApiResource], excluded: Callable[[GroupKind], bool]
) -> Mapping[GroupKind, ApiResource]:
    """The kinds to watch, out of the preferred version of each that is served."""
    return {
        resource.group_kind: resource
        for resource in served
        if {"list", "watch"} <= resource.verbs
        and not excluded_always(resource.group_kind)
        and not excluded(resource.group_kind)
    }


@dataclass(frozen=True, slots=True)
class KindState:
    """How one kind's watch fares; `since` on the clock of the process."""

    resource: ApiResource
    state: WatchState
    since: float
    listed: bool = False

    @property
    def settled(self) -> bool:
        """It was listed once, or that failed."""
        return self.listed or self.state not in (WatchState.LISTING, WatchState.CURRENT)

    def complete(self, now: float) -> bool:
        if not self.listed:
            return False
        if self.state is WatchState.CURRENT:
            return True
        return self.state is WatchState.FAILING and now - self.since < _GRACE


_BAD_TO_GOOD = (
    WatchState.GONE,
    WatchState.FORBIDDEN,
    WatchState.FAILING,
    WatchState.LISTING,
    WatchState.CURRENT,
)


def joined(parts: Iterable[KindState]) -> KindState:
    """The state of a kind that is watched in several namespaces: the worst, for the longest."""
    found = sorted(parts, key=lambda one: (_BAD_TO_GOOD.index(one.state), one.since))
    return replace(found[0], listed=all(one.listed for one in found))


class Declarations:
    """What the cluster's definitions say, against what discovery has found of it."""

    def __init__(self) -> None:
        self._known: dict[ResourceKey, Declaration] = {}
        self._leaving: set[GroupKind] = set()

    def keys(self, definition: GroupKind) -> Iterable[ResourceKey]:
        return [key for key in self._known if key.group_kind == definition]

    def changed(self, key: ResourceKey, new: Declaration | None) -> frozenset[GroupKind] | None:
        """Takes in one definition; the kinds that it speaks of, None when it says nothing new."""
        old = self._known.pop(key, None)
        if new is not None:
            self._known[key] = new
        if old == new:
            return None
        self._leaving |= _kinds(old) - _kinds(new)
        self._leaving -= _kinds(new)
        return _kinds(old) | _kinds(new)

    def lag(self, served: Callable[[GroupKind], bool]) -> bool:
        """Whether discovery does not show yet what came, or still shows what went."""
        self._leaving = {kind for kind in self._leaving if served(kind)}
        awaited = (known for known in self._known.values() if known.serving)
        return bool(self._leaving) or any(
            not served(kind) for known in awaited for kind in _kinds(known)
        )


def _kinds(declaration: Declaration | None) -> frozenset[GroupKind]:
    if declaration is None or declaration.kind is None:
        return frozenset()
    return frozenset({declaration.kind})
