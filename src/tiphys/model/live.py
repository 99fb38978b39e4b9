"""What is known of a live object: a few facts kept for every one, and changes to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tiphys.model.resource import GroupVersionKind, Manifest, OwnerReference, ResourceKey
from tiphys.model.status import HealthStatus


@dataclass(frozen=True, slots=True)
class Host:
    """A Node: what it has, in thousandths, and what it says of itself, as the API server has it."""

    capacity: tuple[tuple[str, int], ...] = ()
    system: Mapping[str, Any] = field(default_factory=dict, hash=False)
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class LiveObject:
    """One object of a cluster, without its manifest.

    `tracking_id` is the annotation as it is written; `instance` the application that it names,
    only for objects without owners, otherwise empty. `health` is None where the kind has no
    judgement. `created_at` is RFC 3339 as the API server wrote it. `network` is as the tree shows
    it. `node` and `requests`, in thousandths, are those of a Pod that runs; `host` is a Node's.
    """

    key: ResourceKey
    version: str
    uid: str
    resource_version: str
    created_at: str = ""
    deleting: bool = False
    owners: tuple[OwnerReference, ...] = ()
    tracking_id: str = ""
    instance: str = ""
    health: HealthStatus | None = None
    images: tuple[str, ...] = ()
    info: tuple[tuple[str, str], ...] = ()
    network: Mapping[str, Any] | None = field(default=None, hash=False)
    node: str = ""
    requests: tuple[tuple[str, int], ...] = ()
    host: Host | None = None

    @property
    def gvk(self) -> GroupVersionKind:
        return GroupVersionKind(self.key.group, self.version, self.key.kind)


@dataclass(frozen=True, slots=True)
class LiveChange:
    """An object appeared (old None), changed, or is gone (new None)."""

    key: ResourceKey
    old: LiveObject | None
    new: LiveObject | None


class WatchVerb(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    verb: WatchVerb
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class ObjectList:
    """All objects of a kind at one resource version; pages are already joined."""

    items: tuple[Manifest, ...]
    resource_version: str


class WatchState(StrEnum):
    """How the list and watch of a kind fare."""

    LISTING = "Listing"
    CURRENT = "Current"
    FAILING = "Failing"
    FORBIDDEN = "Forbidden"
    GONE = "Gone"


class PatchKind(StrEnum):
    """Kinds of PATCH bodies; values are their media types."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


class Propagation(StrEnum):
    """What becomes of the dependants of a deleted object; values are DeleteOptions'."""

    FOREGROUND = "Foreground"
    BACKGROUND = "Background"
    ORPHAN = "Orphan"
