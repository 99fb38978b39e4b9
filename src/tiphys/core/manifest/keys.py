"""Desired objects get namespaces and keys: what a source left out, and what it named twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tiphys.model.resource import Manifest, ResourceKey, key_of


@dataclass(frozen=True, slots=True)
class Desired:
    """A desired object with the key by which it is told from the others."""

    key: ResourceKey
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Repeated:
    """A key that was desired more than once; the last one counts."""

    key: ResourceKey
    count: int

    @property
    def message(self) -> str:
        """The text of the condition RepeatedResourceWarning."""
        return f"Resource {self.key} appeared {self.count} times among application resources."


def place(manifest: Manifest, *, namespaced: bool | None, destination: str) -> Manifest:
    """The manifest in its namespace.

    `namespaced` is None for a kind that the cluster does not know, which counts as namespaced.
    The same manifest is answered where nothing had to change.
    """
    meta = manifest.get("metadata") or {}
    namespace = meta.get("namespace") or ""
    if namespaced is False:
        if "namespace" not in meta:
            return manifest
        bare = {name: value for name, value in meta.items() if name != "namespace"}
        return {**manifest, "metadata": bare}
    if namespace or not destination:
        return manifest
    return {**manifest, "metadata": {**meta, "namespace": destination}}


def desired_key(manifest: Manifest, index: int) -> ResourceKey:
    """The key of the manifest at a place of the list; a generated name is never repeated."""
    key = key_of(manifest)
    prefix = (manifest.get("metadata") or {}).get("generateName")
    if key.name or not prefix:
        return key
    return key._replace(name=f"{prefix}{index}")


def deduplicate(manifests: Iterable[Manifest]) -> tuple[tuple[Desired, ...], tuple[Repeated, ...]]:
    """Desired objects by key, whatever their version: the last one counts, at the first's place."""
    found: dict[ResourceKey, Manifest] = {}
    counts: Counter[ResourceKey] = Counter()
    for index, manifest in enumerate(manifests):
        key = desired_key(manifest, index)
        found[key] = manifest
        counts[key] += 1
    desired = tuple(Desired(key, manifest) for key, manifest in found.items())
    return desired, tuple(Repeated(key, n) for key, n in counts.items() if n > 1)
