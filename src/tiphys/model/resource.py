"""Identities of Kubernetes objects, and the manifest as it travels through Tiphys.

A manifest stays the mapping it was and is never changed in place: a drop-in gives back the
fields that it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Manifest = Mapping[str, Any]
"""A Kubernetes object as decoded JSON. Treated as immutable."""


class GroupKind(NamedTuple):
    """A kind without its version; group is empty for the core group."""

    group: str
    kind: str

    def __str__(self) -> str:
        return f"{self.group}/{self.kind}"


class GroupVersionKind(NamedTuple):
    """A kind in one version; group is empty for the core group."""

    group: str
    version: str
    kind: str

    @property
    def group_kind(self) -> GroupKind:
        return GroupKind(self.group, self.kind)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


class ResourceKey(NamedTuple):
    """Which object, whatever its version. namespace is empty for cluster-scoped objects."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.group}/{self.kind}/{self.namespace}/{self.name}"

    @property
    def group_kind(self) -> GroupKind:
        return GroupKind(self.group, self.kind)


@dataclass(frozen=True, slots=True)
class OwnerReference:
    """Who owns an object: metadata.ownerReferences[], the part that the tree needs."""

    group: str
    kind: str
    name: str
    uid: str
    controller: bool = False


@dataclass(frozen=True, slots=True)
class ApiResource:
    """A kind as discovery announces it: how it is addressed and what can be done with it."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str]

    @property
    def gvk(self) -> GroupVersionKind:
        return GroupVersionKind(self.group, self.version, self.kind)

    @property
    def group_kind(self) -> GroupKind:
        return GroupKind(self.group, self.kind)


def split_api_version(api_version: str) -> tuple[str, str]:
    """`apps/v1` -> (`apps`, `v1`); `v1` -> (``, `v1`)."""
    group, _, version = api_version.rpartition("/")
    return group, version


def gvk_of(manifest: Manifest) -> GroupVersionKind:
    """The kind of a manifest; parts that are missing are empty."""
    group, version = split_api_version(str(manifest.get("apiVersion") or ""))
    return GroupVersionKind(group, version, str(manifest.get("kind") or ""))


def key_of(manifest: Manifest) -> ResourceKey:
    """The key of a manifest as it is written: no namespace is filled in."""
    gvk = gvk_of(manifest)
    meta = manifest.get("metadata") or {}
    return ResourceKey(
        gvk.group, gvk.kind, str(meta.get("namespace") or ""), str(meta.get("name") or "")
    )
