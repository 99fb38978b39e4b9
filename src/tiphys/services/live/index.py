"""The live state of one cluster: an index kept up to date by one watch for each kind.

Of every object a few facts are kept, of the tracked ones the manifest too. Nothing here scans
the cluster: what is asked for is found by key, owner, application or namespace.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import structlog

from tiphys.core.manifest.tracking import BY_ANNOTATION, Tracking
from tiphys.core.tree.declared import CRD
from tiphys.core.tree.facts import live_object
from tiphys.model.errors import EvaluationError, KubeError, ObjectNotFoundError
from tiphys.model.live import LiveChange, LiveObject, WatchState
from tiphys.model.resource import (
    ApiResource,
    GroupKind,
    GroupVersionKind,
    Manifest,
    ResourceKey,
    gvk_of,
    key_of,
)
from tiphys.model.status import HealthStatus
from tiphys.services.live.batches import ChangeBatches, Handled
from tiphys.services.live.following import KindFollower, KindsListener
from tiphys.services.live.intake import Intake, Judge
from tiphys.services.live.judging import PENDING, Backlog, HealthScripts
from tiphys.services.live.ports import Discovery, KubeReader
from tiphys.services.live.quiet import QuietChanges, UpdateHashes
from tiphys.services.live.scope import Scope
from tiphys.services.live.store import ObjectStore, owner_key

_log = structlog.get_logger(__name__)
_BEFORE_JUDGING_AGAIN = 5.0


class Extent(NamedTuple):
    """Kinds that are watched, objects that are known, and seconds since all were first listed,
    None where that is still to come.
    """

    kinds: int
    objects: int
    age: float | None


def nothing_excluded(_: GroupKind) -> bool:
    return False


class ClusterIndex:
    """Implements LiveIndex. `excluded` adds to the kinds that the contract always leaves out.

    `updates` says which changes are told to nobody.
    `scripts` judge instead of `judge` where they are given. `tracking` holds for as long as the
    index lives. `labels` are those that are shown beside objects.
    """

    def __init__(
        self,
        reader: KubeReader,
        discovery: Discovery,
        *,
        judge: Judge,
        excluded: Callable[[GroupKind], bool] = nothing_excluded,
        clock: Callable[[], float] = time.monotonic,
        scripts: HealthScripts | None = None,
        tracking: Tracking = BY_ANNOTATION,
        heard: Callable[[GroupKind], None] = lambda _kind: None,
        handled: Handled = lambda _count, _seconds: None,
        scope: Scope | None = None,
        updates: UpdateHashes | None = None,
        labels: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._reader = reader
        self._labels = labels
        self._discovery = discovery
        self._store = ObjectStore()
        self._batches = ChangeBatches(handled=handled)
        self._tracking = tracking
        self._judge = judge if scripts is None else scripts.now
        self._scripts = scripts
        self._backlog = None if scripts is None else Backlog(scripts, self._judged)
        self._quiet = None if updates is None else QuietChanges(updates, self._batches.add)
        self._intake = Intake(
            self._store,
            self._judge,
            self._batches.add,
            tracking=tracking,
            pend=self._pend,
            quiet=self._quiet,
            labels=labels,
        )
        self._judging: dict[GroupKind, asyncio.Task[None]] = {}
        self._follower = KindFollower(
            reader,
            discovery,
            self._intake,
            excluded=excluded,
            clock=clock,
            heard=heard,
            scope=scope,
        )
        self._scope = scope or Scope()
        self._clock = clock
        self._read_at: float | None = None

    async def start(self) -> None:
        """Asks discovery and begins the watches; `ready` waits for the first lists.

        May be called again, to look for kinds that came or went unnoticed.
        """
        await self._follower.start()

    async def ready(self) -> None:
        """Until each kind was listed once, or could not be: see `troubled`."""
        await self._follower.settled()
        if self._read_at is None:
            self._read_at = self._clock()

    def extent(self) -> Extent:
        """How much is known here, and for how long: for who counts."""
        age = None if self._read_at is None else self._clock() - self._read_at
        return Extent(len(self._follower.states), len(self._store), age)

    async def current(self) -> None:
        """Until no watch is disturbed."""
        await self._follower.current()

    def resume(self) -> None:
        """The API server answers again: watches that pause are to try at once."""
        self._follower.resume()

    async def close(self) -> None:
        tasks = [*self._judging.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._backlog is not None:
            await self._backlog.close()
        await self._follower.close()
        if self._quiet is not None:
            await self._quiet.close()
        self._batches.close()

    def tracked(self, instance: str) -> Sequence[LiveObject]:
        return self._store.tracked(instance)

    def get(self, key: ResourceKey) -> LiveObject | None:
        return self._store.get(key)

    def namespaced(self, namespace: str) -> Sequence[LiveObject]:
        """Everything in a namespace: what orphans are looked for in."""
        return self._store.namespaced(namespace)

    def dependants(self, uid: str) -> Sequence[LiveObject]:
        return self._store.dependants(uid)

    def requested(self, node: str) -> Mapping[str, int]:
        return self._store.requested(node)

    def root(self, key: ResourceKey) -> LiveObject | None:
        """By owners in the object's own namespace, whose uid is the one that it names."""
        seen: set[ResourceKey] = set()
        waiting = [key]
        while waiting:
            at = waiting.pop(0)
            found = self._store.get(at)
            if found is None or at in seen:
                continue
            seen.add(at)
            if found.instance:
                return found
            for owner in found.owners:
                above = self._store.get(owner_key(at, owner))
                # A reference to an object that is gone says nothing about its namesake.
                if above is not None and owner.uid in ("", above.uid):
                    waiting.append(above.key)
        return None

    async def manifest(self, key: ResourceKey, version: str = "") -> Manifest | None:
        known = self._store.get(key)
        if known is not None and version in ("", known.version):
            kept = self._store.manifest(key)
            if kept is not None:
                return kept
        if known is None and self.complete([key.group_kind]):
            return None
        resource = self._addressed(key.group_kind, version)
        if resource is None:
            return None
        try:
            found = await self._reader.get(resource, key.namespace, key.name)
        except ObjectNotFoundError:
            if known is not None:
                self.forget(key, known.uid)
            return None
        self._keep(key, found)
        return found

    async def judged(self, keys: Iterable[ResourceKey]) -> None:
        if self._backlog is not None:
            await self._backlog.settled(keys)

    async def health(self, manifest: Manifest) -> HealthStatus | None:
        found = self._judge(manifest)
        if found is not PENDING or self._scripts is None:
            return found
        known = self._store.get(key_of(manifest))
        metadata = manifest.get("metadata") or {}
        if (
            known is not None
            and known.health is not PENDING
            and known.uid == metadata.get("uid")
            and known.resource_version == metadata.get("resourceVersion")
        ):
            return known.health
        try:
            (found,) = await self._scripts.judge([manifest])
        except EvaluationError:
            return PENDING
        return found

    async def facts(self, key: ResourceKey, manifest: Manifest) -> LiveObject:
        health = await self.health(manifest)
        return live_object(key, manifest, health, self._tracking, self._labels())

    def judge_again(self, concerns: Callable[[GroupKind], bool]) -> None:
        """The scripts of these kinds are others now. What is not listed yet will be judged so."""
        for kind, state in self._follower.states.items():
            if state.listed and concerns(kind):
                if (running := self._judging.pop(kind, None)) is not None:
                    running.cancel()
                self._judging[kind] = asyncio.create_task(self._judge_kind(state.resource))

    async def _judge_kind(self, resource: ApiResource) -> None:
        waiting = list(self._scope.places(resource))
        while waiting:
            try:
                objects = await self._reader.list(resource, namespace=waiting[0])
            except KubeError as error:
                _log.warning("cannot be judged again yet", kind=resource.kind, error=str(error))
                await asyncio.sleep(_BEFORE_JUDGING_AGAIN)
                continue
            self._intake.judge_again(resource, objects)
            del waiting[0]
        self._judging.pop(resource.group_kind, None)

    def _pend(self, found: LiveObject, manifest: Manifest) -> None:
        if self._backlog is not None:
            self._backlog.add(found, manifest)

    def _judged(self, found: LiveObject, health: HealthStatus | None) -> None:
        self._intake.judged(found, health)

    @property
    def hears_of_kinds(self) -> bool:
        """Whether definitions are watched, so that new kinds are noticed by themselves."""
        return self.awaits(CRD)

    def awaits(self, kind: GroupKind) -> bool:
        return kind in self._follower.states

    def complete(self, kinds: Iterable[GroupKind]) -> bool:
        return self._follower.complete(kinds)

    def observe(self, manifest: Manifest) -> None:
        gvk = gvk_of(manifest)
        resource = self._follower.resource(gvk.group_kind)
        # Another version of the kind than the watched one would be told twice, in two shapes;
        # and of a kind without a watch no one would ever hear that the object changed.
        if resource is not None and resource.version == gvk.version:
            self._intake.observed(resource, manifest)

    def forget(self, key: ResourceKey, uid: str) -> None:
        self._intake.gone(key, uid)

    def subscribe(self, listener: Callable[[Sequence[LiveChange]], None]) -> None:
        self._batches.subscribe(listener)

    def tell_now(self) -> None:
        self._batches.hand_on()

    def subscribe_kinds(self, listener: KindsListener) -> None:
        """Calls with the kinds that came, went, or changed in version or schema."""
        self._follower.subscribe(listener)

    def subscribe_troubles(self, listener: Callable[[], None]) -> None:
        """Calls when a watch begins to fail, which may be the whole server's failing."""
        self._follower.subscribe_troubles(listener)

    def exclude(self, excluded: Callable[[GroupKind], bool]) -> None:
        """Another rule of which kinds are left out, from now on."""
        self._follower.exclude(excluded)

    def troubled(self) -> Mapping[GroupKind, WatchState]:
        """The kinds whose watch is not current, and why."""
        return {
            kind: state.state
            for kind, state in self._follower.states.items()
            if state.state is not WatchState.CURRENT
        }

    def _addressed(self, kind: GroupKind, version: str) -> ApiResource | None:
        """The kind in this version where that is served, else in the preferred one."""
        exact = self._discovery.find(GroupVersionKind(kind.group, version, kind.kind))
        if exact is not None:
            return exact
        served = self._discovery.preferred()
        return next((resource for resource in served if resource.group_kind == kind), None)

    def _keep(self, key: ResourceKey, manifest: Manifest) -> None:
        """Keeps what a GET answered for as long as it is the version that is known."""
        self.observe(manifest)
        known = self._store.get(key)
        version = (manifest.get("metadata") or {}).get("resourceVersion")
        if (
            known is not None
            and known.resource_version == version
            and known.version == gvk_of(manifest).version
        ):
            self._store.keep(key, manifest)
