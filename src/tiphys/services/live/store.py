"""The objects of a cluster in memory, indexed by everything that is asked of them.

Only keeps and finds: what is newer than what, and what is worth telling, is decided elsewhere.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import orjson

from tiphys.model.live import LiveObject
from tiphys.model.resource import GroupKind, Manifest, OwnerReference, ResourceKey

_At = TypeVar("_At")


class ObjectStore:
    """Facts of all objects; manifests, compressed, of those that were put with one."""

    def __init__(self) -> None:
        self._objects: dict[ResourceKey, LiveObject] = {}
        self._manifests: dict[ResourceKey, bytes] = {}
        self._by_uid: dict[str, ResourceKey] = {}
        self._by_kind: dict[GroupKind, set[ResourceKey]] = {}
        self._by_namespace: dict[str, set[ResourceKey]] = {}
        self._by_instance: dict[str, set[ResourceKey]] = {}
        self._by_owner: dict[str | ResourceKey, set[ResourceKey]] = {}
        self._requested: dict[str, dict[str, int]] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: ResourceKey) -> LiveObject | None:
        return self._objects.get(key)

    def keys(self, kind: GroupKind) -> Sequence[ResourceKey]:
        return list(self._by_kind.get(kind, ()))

    def namespaced(self, namespace: str) -> Sequence[LiveObject]:
        return self._all(self._by_namespace.get(namespace, ()))

    def tracked(self, instance: str) -> Sequence[LiveObject]:
        return self._all(self._by_instance.get(instance, ()))

    def dependants(self, uid: str) -> Sequence[LiveObject]:
        """Those that name this owner by its uid, or by its name where no uid is known."""
        named = self._by_owner.get(uid, set())
        key = self._by_uid.get(uid)
        return self._all(named if key is None else named | self._by_owner.get(key, set()))

    def requested(self, node: str) -> Mapping[str, int]:
        """What the Pods on a node ask for together."""
        return self._requested.get(node, {})

    def manifest(self, key: ResourceKey) -> Manifest | None:
        packed = self._manifests.get(key)
        if packed is None:
            return None
        manifest: Manifest = orjson.loads(zlib.decompress(packed))
        return manifest

    def keep(self, key: ResourceKey, manifest: Manifest) -> None:
        """Keeps a manifest until the object changes."""
        self._manifests[key] = zlib.compress(orjson.dumps(manifest), 1)

    def put(self, new: LiveObject, manifest: Manifest | None) -> None:
        old = self._objects.get(new.key)
        if old is None:
            self._by_kind.setdefault(new.key.group_kind, set()).add(new.key)
            if new.key.namespace:
                self._by_namespace.setdefault(new.key.namespace, set()).add(new.key)
        self._relate(old, new)
        self._objects[new.key] = new
        if manifest is not None:
            self.keep(new.key, manifest)
        elif old is not None:
            self._manifests.pop(new.key, None)

    def revise(self, new: LiveObject) -> None:
        """Another judgement of the same version, whose manifest stays."""
        self._objects[new.key] = new

    def remove(self, key: ResourceKey) -> LiveObject | None:
        old = self._objects.pop(key, None)
        if old is None:
            return None
        self._manifests.pop(key, None)
        _drop(self._by_kind, key.group_kind, key)
        if key.namespace:
            _drop(self._by_namespace, key.namespace, key)
        self._relate(old, None)
        return old

    def _relate(self, old: LiveObject | None, new: LiveObject | None) -> None:
        """Moves the entries of the indexes that follow an object's facts, not its key."""
        self._count(old, -1)
        self._count(new, 1)
        before = (old.uid, old.instance, old.owners) if old else ("", "", ())
        after = (new.uid, new.instance, new.owners) if new else ("", "", ())
        if before == after:
            return
        if old is not None:
            if self._by_uid.get(old.uid) == old.key:
                del self._by_uid[old.uid]
            if old.instance:
                _drop(self._by_instance, old.instance, old.key)
            for owner in old.owners:
                _drop(self._by_owner, _owner_index(old.key, owner), old.key)
        if new is not None:
            self._by_uid[new.uid] = new.key
            if new.instance:
                self._by_instance.setdefault(new.instance, set()).add(new.key)
            for owner in new.owners:
                self._by_owner.setdefault(_owner_index(new.key, owner), set()).add(new.key)

    def _count(self, pod: LiveObject | None, sign: int) -> None:
        if pod is None or not pod.node:
            return
        sums = self._requested.setdefault(pod.node, {})
        for name, amount in pod.requests:
            sums[name] = sums.get(name, 0) + sign * amount
        if not any(sums.values()):
            del self._requested[pod.node]

    def _all(self, keys: Iterable[ResourceKey]) -> Sequence[LiveObject]:
        # Sorted: sets have no order, and what is shown must not depend on chance.
        return [self._objects[key] for key in sorted(keys)]


def owner_key(key: ResourceKey, owner: OwnerReference) -> ResourceKey:
    """The key of an owner, which is looked for in the namespace of what it owns."""
    return ResourceKey(owner.group, owner.kind, key.namespace, owner.name)


def _owner_index(key: ResourceKey, owner: OwnerReference) -> str | ResourceKey:
    return owner.uid or owner_key(key, owner)


def _drop(index: dict[_At, set[ResourceKey]], at: _At, key: ResourceKey) -> None:
    keys = index.get(at)
    if keys is not None:
        keys.discard(key)
        if not keys:
            del index[at]
