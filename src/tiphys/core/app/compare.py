"""The fold: from pairs of desired and live objects to what the application's status says.

It never says Synced for something that was not compared: where the desired state, or a part of
the live state, could not be loaded, everything is Unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from tiphys.core.app.confirmation import asks_first
from tiphys.core.app.pairing import Pair
from tiphys.core.health import AppHealth, HealthEntry, roll_up
from tiphys.model.appstatus import ResourceHealthStatus, ResourceStatus
from tiphys.model.names import API_GROUP
from tiphys.model.resource import ResourceKey
from tiphys.model.status import HealthStatus, SyncCode


@dataclass(frozen=True, slots=True)
class Itself:
    """The Application whose status is made: it may be among its own objects."""

    uid: str
    namespace: str
    name: str

    def is_(self, key: ResourceKey, uid: str) -> bool:
        own = ResourceKey(API_GROUP, "Application", self.namespace, self.name)
        return uid == self.uid and key == own


@dataclass(frozen=True, slots=True)
class Folded:
    """`resources` in the order of the pairs, which is the contract's."""

    sync: SyncCode
    resources: tuple[ResourceStatus, ...]
    health: AppHealth


def fold(
    pairs: Sequence[Pair],
    modified: Callable[[Pair], bool],
    *,
    itself: Itself,
    load_failed: bool = False,
    health_inline: bool = False,
    options: Collection[str] = (),
    permitted: Callable[[Pair], bool] = lambda _pair: True,
    metadata_differs: bool = False,
) -> Folded:
    """`modified` answers for pairs with both sides whether they differ.

    `load_failed`: the desired or the live state is not wholly known, or could not be compared.
    `options` are the application's sync options. `permitted` tells whether the project allows
    the object of a pair. `metadata_differs`: the managed namespace was synced with other labels
    or annotations than are wanted now.
    """
    health = roll_up(_health_entry(pair, itself) for pair in pairs)
    codes = [_code(pair, modified) for pair in pairs]
    out_of_sync = any(
        code is SyncCode.OUT_OF_SYNC and not _is_extraneous(pair)
        for pair, code in zip(pairs, codes, strict=True)
    )
    resources = tuple(
        _resource(
            pair,
            code if not load_failed and permitted(pair) else SyncCode.UNKNOWN,
            shown if health_inline else None,
            options,
            load_failed=load_failed,
        )
        for pair, code, shown in zip(pairs, codes, health.resources, strict=True)
    )
    return Folded(_app_code(load_failed, out_of_sync or metadata_differs), resources, health)


def _app_code(load_failed: bool, out_of_sync: bool) -> SyncCode:
    if load_failed:
        return SyncCode.UNKNOWN
    return SyncCode.OUT_OF_SYNC if out_of_sync else SyncCode.SYNCED


def _code(pair: Pair, modified: Callable[[Pair], bool]) -> SyncCode | None:
    """None for what is not compared: hooks, skipped objects, objects that belong to another."""
    live = pair.live.traits if pair.live else None
    if live is not None and (live.hook or live.skipped):
        return None
    if (pair.target is not None and pair.target.skipped) or not pair.own:
        return None
    if pair.target is None or pair.live is None or modified(pair):
        return SyncCode.OUT_OF_SYNC
    return SyncCode.SYNCED


def _requires_pruning(pair: Pair) -> bool:
    return pair.target is None and pair.own


def _is_extraneous(pair: Pair) -> bool:
    """Extra, and its owner says that this is no reason to call the application out of sync."""
    return _requires_pruning(pair) and pair.live is not None and pair.live.traits.extraneous


def _resource(
    pair: Pair,
    code: SyncCode | None,
    health: HealthStatus | None,
    options: Collection[str],
    *,
    load_failed: bool,
) -> ResourceStatus:
    key = pair.key
    live, target = pair.live, pair.target
    return ResourceStatus(
        group=key.group,
        version=_version(pair),
        kind=key.kind,
        namespace=key.namespace,
        name=key.name if live is not None or target is None else target.name,
        status=code.value if code else "",
        health=ResourceHealthStatus(status=health.status, message=health.message)
        if health
        else None,
        hook=live is not None and live.traits.hook,
        # Nothing is extra as long as it is not known what is wanted.
        requires_pruning=_requires_pruning(pair) and not load_failed,
        sync_wave=pair.wave,
        requires_deletion_confirmation=(target is not None and asks_first(target.removal, options))
        or (live is not None and asks_first(live.traits.removal, options)),
    )


def _version(pair: Pair) -> str:
    """The target's: the live object is read in the version that is wanted."""
    if pair.target is not None:
        return pair.target.version
    return pair.live.object.version if pair.live else ""


def _health_entry(pair: Pair, itself: Itself) -> HealthEntry:
    skipped = pair.target is not None and pair.target.skipped
    if pair.live is None:
        return HealthEntry(key=pair.key, live=False, hook=skipped)
    found, traits = pair.live.object, pair.live.traits
    return HealthEntry(
        key=found.key,
        live=True,
        health=found.health,
        hook=skipped or traits.hook or traits.skipped,
        excused=traits.excused,
        itself=itself.is_(found.key, found.uid),
    )
