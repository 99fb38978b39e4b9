"""Takes reports of objects into the store and says what changed.

Reports come from lists, watches, our own writes' answers and failed reads. An object never goes
back to an older version, and what is known to be gone does not come back by a late report.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from tiphys.core.manifest.tracking import BY_ANNOTATION, Tracking
from tiphys.core.tree.facts import live_object
from tiphys.model.live import LiveChange, LiveObject, ObjectList, WatchEvent, WatchVerb
from tiphys.model.resource import ApiResource, GroupKind, Manifest, ResourceKey
from tiphys.model.status import HealthCode, HealthStatus
from tiphys.services.live.claims import CLAIM, STATEFUL_SET, ClaimOwners
from tiphys.services.live.judging import PENDING
from tiphys.services.live.order import Departed, is_older
from tiphys.services.live.quiet import QuietChanges
from tiphys.services.live.store import ObjectStore

_log = structlog.get_logger(__name__)

_ENDPOINTS = GroupKind("", "Endpoints")

Judge = Callable[[Manifest], HealthStatus | None]


class Intake:
    """`tell` hears of every change that is worth a look, `pend` of what is to be judged yet."""

    def __init__(
        self,
        store: ObjectStore,
        judge: Judge,
        tell: Callable[[LiveChange], None],
        *,
        tracking: Tracking = BY_ANNOTATION,
        pend: Callable[[LiveObject, Manifest], None] = lambda _object, _manifest: None,
        quiet: QuietChanges | None = None,
        labels: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._quiet = quiet
        self._labels = labels
        self._store = store
        self._judge = judge
        self._tell = tell
        self._tracking = tracking
        self._pend = pend
        self._untold: dict[ResourceKey, tuple[LiveObject, Manifest | None]] = {}
        self._departed = Departed()
        self._claims = ClaimOwners()
        self._reached: dict[tuple[GroupKind, str], str] = {}

    def replaced(self, resource: ApiResource, objects: ObjectList, namespace: str = "") -> None:
        """A whole list: what is not in it is gone, unless it is newer than the list.

        Of one namespace where it is named, else of all.
        """
        kind = resource.group_kind
        version = objects.resource_version
        # A list older than what the watch has told: the cluster was restored from a backup,
        # and everything that we hold of it may be ahead of what it holds itself.
        restored = is_older(version, self._reached.get((kind, namespace), ""))
        if restored:
            self._departed.clear()
        self._reached[kind, namespace] = version
        gone = {key for key in self._store.keys(kind) if namespace in ("", key.namespace)}
        for manifest in objects.items:
            gone.discard(self._take(resource, manifest, restored=restored))
        for key in gone:
            old = self._store.get(key)
            if old is not None and (restored or not is_older(version, old.resource_version)):
                self._remove(key, old.uid)

    def changed(self, resource: ApiResource, event: WatchEvent, namespace: str = "") -> None:
        """An event of a watch of one namespace, or of all."""
        version = event.manifest["metadata"]["resourceVersion"]
        self._reached[resource.group_kind, namespace] = version
        match event.verb:
            case WatchVerb.DELETED:
                metadata = event.manifest["metadata"]
                uid = str(metadata.get("uid") or "")
                self._remove(_key(resource, metadata), uid)
                self._departed.add(uid)
            case WatchVerb.MODIFIED if resource.group_kind == _ENDPOINTS:
                # They change with every Pod and nothing that is kept of them does.
                return
            case WatchVerb.ADDED | WatchVerb.MODIFIED:
                self._take(resource, event.manifest)
            case WatchVerb.BOOKMARK:
                return

    def observed(self, resource: ApiResource, manifest: Manifest) -> None:
        """The answer of a write or a GET."""
        metadata = manifest["metadata"]
        kind = resource.group_kind
        reached = self._reached.get((kind, "")) or self._reached.get(
            (kind, metadata.get("namespace") or ""), ""
        )
        if self._store.get(_key(resource, metadata)) is None and not is_older(
            reached, metadata["resourceVersion"]
        ):
            # The watch is past that version and knows no such object: it is gone again.
            return
        self._take(resource, manifest)

    def gone(self, key: ResourceKey, uid: str) -> None:
        self._remove(key, uid)
        self._departed.add(uid)

    def judged(self, known: LiveObject, health: HealthStatus | None) -> None:
        """What a script says of this version, if it is still the present one."""
        old = self._store.get(known.key)
        if old is None or (old.uid, old.resource_version) != (known.uid, known.resource_version):
            return
        new = replace(old, health=health)
        self._store.revise(new)
        told, before = self._untold.pop(old.key, (old, None))
        if told.health == new.health and told.resource_version == new.resource_version:
            return
        if _worth_telling(told, new):
            after = self._store.manifest(old.key) if before is not None else None
            if after is None:
                self._tell(LiveChange(old.key, told, new))
            else:
                self._changed(LiveChange(old.key, told, new), before, after)

    def judge_again(self, resource: ApiResource, objects: ObjectList) -> None:
        """The rules of the kind are others now. What is known stays until they have spoken."""
        for manifest in objects.items:
            metadata = manifest["metadata"]
            known = self._store.get(_key(resource, metadata))
            if known is None or known.resource_version != metadata.get("resourceVersion"):
                continue
            health = self._health(manifest)
            if health is PENDING:
                self._pend(known, manifest)
            else:
                self.judged(known, health)

    def dropped(self, kind: GroupKind) -> None:
        """The kind is no longer watched: nothing is known of its objects any more."""
        for at in [at for at in self._reached if at[0] == kind]:
            del self._reached[at]
        for key in self._store.keys(kind):
            old = self._store.get(key)
            if old is not None:
                self._remove(key, old.uid)

    def _take(
        self, resource: ApiResource, manifest: Manifest, *, restored: bool = False
    ) -> ResourceKey:
        metadata = manifest["metadata"]
        key = _key(resource, metadata)
        uid = metadata.get("uid") or ""
        old = self._store.get(key)
        version = metadata.get("resourceVersion") or ""
        if old is not None and not restored and is_older(version, old.resource_version):
            # Late. And of two objects of one name the older must have gone for the newer.
            if old.uid != uid:
                self._departed.add(uid)
            return key
        if old is None or old.uid != uid:
            if uid in self._departed:
                return key
        elif version == old.resource_version and resource.version == old.version:
            return key
        new = self._with_claim_owner(self._facts(key, manifest))
        before = self._store.manifest(key) if old is not None and self._quiet else None
        # Owned objects are looked at by facts alone; only what could be compared is kept whole.
        self._store.put(new, manifest if new.instance else None)
        if old is not None and old.uid != uid:
            self._departed.add(old.uid)
        if key.group_kind == STATEFUL_SET:
            self._adopt_claims(key, manifest)
        if new.health is PENDING:
            self._pend(new, manifest)
            if old is not None and old.uid == uid:
                # Told when it is judged, as one change from what was told last.
                self._untold.setdefault(key, (old, before))
                return key
        told, before = self._untold.pop(key, (old, before))
        if told is None or _worth_telling(told, new):
            self._changed(LiveChange(key, told, new), before, manifest)
        return key

    def _changed(self, change: LiveChange, before: Manifest | None, after: Manifest) -> None:
        if self._quiet is None:
            self._tell(change)
        else:
            self._quiet.changed(change, before, after)

    def _facts(self, key: ResourceKey, manifest: Manifest) -> LiveObject:
        health = self._health(manifest)
        return live_object(key, manifest, health, self._tracking, self._labels())

    def _remove(self, key: ResourceKey, uid: str) -> None:
        """Only this very object: another of the same name stays."""
        old = self._store.get(key)
        if old is None or old.uid != uid:
            return
        self._store.remove(key)
        if key.group_kind in (CLAIM, STATEFUL_SET):
            self._claims.forget(key)
        told, _ = self._untold.pop(key, (old, None))
        self._tell(LiveChange(key, told, None))

    def _health(self, manifest: Manifest) -> HealthStatus | None:
        try:
            return self._judge(manifest)
        except Exception as error:
            # A status of an unforeseen shape must not end the watch of its whole kind.
            _log.warning(
                "health cannot be judged", kind=manifest.get("kind"), error=type(error).__name__
            )
            return HealthStatus(HealthCode.UNKNOWN, "the status has a shape that is not understood")

    def _with_claim_owner(self, new: LiveObject) -> LiveObject:
        if new.key.group_kind != CLAIM or new.owners:
            return new
        owner = self._claims.owner(new.key)
        return replace(new, owners=(owner,), instance="") if owner else new

    def _adopt_claims(self, key: ResourceKey, manifest: Manifest) -> None:
        for claim in self._claims.claims(key, manifest):
            old = self._store.get(claim)
            if old is None or old.owners:
                continue
            new = self._with_claim_owner(old)
            self._store.put(new, None)
            self._tell(LiveChange(claim, old, new))


def _key(resource: ApiResource, metadata: Manifest) -> ResourceKey:
    # Few namespaces and kinds are named by many objects: one string of each is enough.
    return ResourceKey(
        resource.group,
        resource.kind,
        sys.intern(metadata.get("namespace") or ""),
        metadata["name"],
    )


def _worth_telling(old: LiveObject, new: LiveObject) -> bool:
    """A tracked object's every version counts; of the others only what the kept facts say."""
    if new.instance or old.instance:
        return True
    return replace(old, resource_version=new.resource_version) != new
