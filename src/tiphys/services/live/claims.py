"""Which volume claims belong to which StatefulSet: the claims themselves do not say it."""

from __future__ import annotations

from collections.abc import Iterable

from tiphys.core.tree.owners import claim_stem, claim_stems
from tiphys.model.resource import GroupKind, Manifest, OwnerReference, ResourceKey

CLAIM = GroupKind("", "PersistentVolumeClaim")
STATEFUL_SET = GroupKind("apps", "StatefulSet")


class ClaimOwners:
    """Finds either side from the other by the stem of the claims' names."""

    def __init__(self) -> None:
        self._sets: dict[tuple[str, str], OwnerReference] = {}
        self._claims: dict[tuple[str, str], set[ResourceKey]] = {}

    def owner(self, claim: ResourceKey) -> OwnerReference | None:
        """Takes note of a claim; the StatefulSet that it belongs to."""
        at = (claim.namespace, claim_stem(claim.name))
        if not at[1]:
            return None
        self._claims.setdefault(at, set()).add(claim)
        return self._sets.get(at)

    def claims(self, key: ResourceKey, manifest: Manifest) -> Iterable[ResourceKey]:
        """Takes note of a StatefulSet; the claims seen so far that belong to it."""
        owner = OwnerReference(key.group, key.kind, key.name, manifest["metadata"]["uid"])
        for stem in claim_stems(manifest):
            self._sets[key.namespace, stem] = owner
            yield from tuple(self._claims.get((key.namespace, stem), ()))

    def forget(self, key: ResourceKey) -> None:
        if key.group_kind == CLAIM:
            at = (key.namespace, claim_stem(key.name))
            self._claims.get(at, set()).discard(key)
            if not self._claims.get(at, True):
                del self._claims[at]
        else:
            owned = [at for at, owner in self._sets.items() if _names(at, owner, key)]
            for at in owned:
                del self._sets[at]


def _names(at: tuple[str, str], owner: OwnerReference, key: ResourceKey) -> bool:
    return at[0] == key.namespace and owner.name == key.name
