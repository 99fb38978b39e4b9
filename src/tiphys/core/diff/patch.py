"""Three-way patches: what to send so that the live object becomes what is desired.

`original` is what was applied last, `modified` what is desired now, `current` what is live. What
was applied and is no longer desired is removed; what is desired is set; what others added stays.
Built-in kinds take a strategic merge patch, whose lists are merged by key; others a JSON merge
patch. The directives are described in Kubernetes' "strategic-merge-patch" document.

Values are compared as core.diff.normalise spells them, so that a patch is empty when the server
would store nothing new.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tiphys.core.diff.defaults import following
from tiphys.core.diff.errors import MergeKeyError
from tiphys.core.diff.merge import apply_object
from tiphys.core.diff.normalise import (
    SERVER_METADATA,
    canonical,
    fold_string_data,
    or_default,
    same,
    vanishes,
    without_nulls,
)
from tiphys.core.diff.schema import TypeSchema
from tiphys.core.diff.types import OPAQUE, OPAQUE_FIELD, FieldType, Omission, Shape, TypeNode
from tiphys.model.live import PatchKind
from tiphys.model.resource import Manifest, ResourceKey, key_of

_ABSENT: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Patch:
    """A body of a PATCH request and the kind of patch that it is."""

    kind: PatchKind
    body: Mapping[str, Any]

    @property
    def empty(self) -> bool:
        return not self.body


def three_way_patch(
    *,
    original: Manifest,
    modified: Manifest,
    current: Manifest,
    schema: TypeSchema | None,
    status: bool = False,
) -> Patch:
    """The patch that brings `current` to `modified`. Raises MergeKeyError.

    What only the server writes (uid, resourceVersion, managedFields and the like) is left out,
    and so is a built-in kind's status, unless `status` says that it stays.
    """
    strategic = schema is not None and schema.strategic
    root = OPAQUE if schema is None else schema.root
    builder = _Builder(key_of(modified), strategic=strategic)
    applied = _applicable(original, status=status or not strategic)
    desired = _applicable(modified, status=status or not strategic)
    body = builder.object(applied, desired, fold_string_data(current), root, "")
    return Patch(PatchKind.STRATEGIC if strategic else PatchKind.MERGE, body)


def _applicable(manifest: Manifest, *, status: bool) -> Manifest:
    """A manifest as it can be applied: without what only the server writes.

    Built-in kinds have their `status` behind a subresource; a custom one may be plain data.
    """
    folded = fold_string_data(manifest)
    meta = folded.get("metadata")
    if isinstance(meta, Mapping) and not SERVER_METADATA.isdisjoint(meta):
        kept = {name: value for name, value in meta.items() if name not in SERVER_METADATA}
        folded = {**folded, "metadata": kept}
    if status or "status" not in folded:
        return folded
    return {name: value for name, value in folded.items() if name != "status"}


@dataclass(frozen=True, slots=True)
class _Place:
    """A field in its object: `path` is its place in the manifest, for errors."""

    name: str
    field: FieldType
    path: str


@dataclass(frozen=True, slots=True)
class _Builder:
    """Builds the patch of one object."""

    key: ResourceKey
    strategic: bool

    def object(
        self,
        original: Mapping[str, Any],
        modified: Mapping[str, Any],
        current: Mapping[str, Any],
        node: TypeNode,
        path: str,
    ) -> dict[str, Any]:
        """The changes of a mapping; empty when there are none. A desired null is no desire."""
        patch: dict[str, Any] = {}
        values = FieldType(node.values or OPAQUE) if node.shape is Shape.MAP else OPAQUE_FIELD
        fields = node.fields
        absent = [name for name in original if name not in modified]
        for name, desired in modified.items():
            field = fields.get(name, values)
            live = current.get(name)
            if desired is None and node.text:
                desired = ""
            if desired is None or (field.chosen and not desired):
                if name in original:
                    absent.append(name)
            elif live is None:
                if not vanishes(canonical(desired, field.type), field):
                    patch[name] = without_nulls(desired)
            elif desired is not live and not _is_default(desired, live, name, modified, node):
                place = _Place(name, field, f"{path}.{name}")
                patch.update(self._value(original.get(name), desired, live, place))
        for name in absent:
            if (live := current.get(name)) is not None:
                place = _Place(name, fields.get(name, values), f"{path}.{name}")
                patch.update(self._removal(original[name], live, place))
        if node.name == "PodSpec":
            _follow_service_account(patch, modified, current)
        return patch

    def _removal(self, original: Any, live: Any, place: _Place) -> Mapping[str, Any]:
        """Takes back what was applied; of maps and merged lists, what others added stays."""
        field = place.field
        if original is None or (field.chosen and not original):
            return _ABSENT
        match original, live:
            case Mapping(), Mapping() if field.type.shape is Shape.MAP:
                return self._value(original, {}, live, place)
            case list(), list() if self.strategic and field.merge:
                return self._value(original, [], live, place)
            case _:
                return {place.name: None}

    def _value(self, original: Any, desired: Any, live: Any, place: _Place) -> Mapping[str, Any]:
        """The entries for one field in the patch of its object."""
        field = place.field
        match desired, live:
            case Mapping(), Mapping() if not (self.strategic and field.replace):
                was = original if isinstance(original, Mapping) else _ABSENT
                changes = self.object(was, desired, live, field.type, place.path)
                if self.strategic and field.retain_keys:
                    _retain(changes, desired, live, field.type)
                return {place.name: changes} if changes else _ABSENT
            case list(), list() if self.strategic and field.merge:
                before = original if isinstance(original, list) else []
                if field.merge_key:
                    return self._keyed_list(before, desired, live, place)
                return _scalar_list(before, desired, live, place.name)
            case _:
                return (
                    _ABSENT if same(desired, live, field) else {place.name: without_nulls(desired)}
                )

    def _keyed_list(
        self, original: Sequence[Any], desired: Sequence[Any], live: Sequence[Any], place: _Place
    ) -> Mapping[str, Any]:
        key = place.field.merge_key
        wanted = self._by_key(desired, place)
        found = self._by_key(live, place)
        before = self._by_key(original, place)
        if len(wanted) < len(desired) or len(found) < len(live) or len(before) < len(original):
            return self._ambiguous_list(original, desired, live, place)
        items: list[dict[str, Any]] = []
        for value, item in wanted.items():
            if value not in found:
                items.append(without_nulls(item))
            elif changes := self._item(before.get(value), item, found[value], place):
                items.append({**changes, key: value})
        gone = [value for value in before if value not in wanted and value in found]
        items.extend({"$patch": "delete", key: value} for value in gone)
        entries: dict[str, Any] = {place.name: items} if items else {}
        if not wanted.keys() <= found.keys() or _reordered(wanted, found):
            entries[f"$setElementOrder/{place.name}"] = [{key: value} for value in wanted]
        return entries

    def _item(self, original: Any, desired: Any, live: Any, place: _Place) -> dict[str, Any]:
        """The changes of an item that is on both sides, without its key."""
        node, key = place.field.type.items or OPAQUE, place.field.merge_key
        path = f"{place.path}[{key}={desired[key]}]"
        changes = self.object(original or _ABSENT, desired, live, node, path)
        if place.field.retain_keys:
            _retain(changes, desired, live, node)
        return changes

    def _by_key(self, items: Sequence[Any], place: _Place) -> dict[Hashable, Any]:
        """Items by their merge key; fewer than there were when keys are not unique."""
        key = place.field.merge_key
        keyed: dict[Hashable, Any] = {}
        for item in items:
            value = item.get(key) if isinstance(item, Mapping) else None
            if not isinstance(value, str | int):
                raise MergeKeyError(
                    f"an item has no {key}", key=self.key, path=place.path.lstrip(".")
                )
            keyed[value] = item
        return keyed

    def _ambiguous_list(
        self, original: Sequence[Any], desired: Sequence[Any], live: Sequence[Any], place: _Place
    ) -> Mapping[str, Any]:
        """A list whose merge key is not unique (port 53 of TCP and UDP) is replaced whole.

        Items are paired by all of their keys, so that what the server chose (a node port)
        stays, and so do the items of others.
        """
        field = place.field
        before, found = _by_all_keys(original, field), _by_all_keys(live, field)
        wanted = _by_all_keys(desired, field)
        node = field.type.items or OPAQUE
        result = []
        for identity, item in wanted.items():
            current = found.get(identity, _ABSENT)
            was = before.get(identity, _ABSENT)
            changes = self.object(was, item, current, node, place.path)
            result.append(apply_object(current, changes, node, strategic=True))
        others = [i for identity, i in found.items() if identity not in {**wanted, **before}]
        if same([*result, *others], list(live), field):
            return _ABSENT
        return {place.name: [{"$patch": "replace"}, *result, *others]}


def _is_default(
    desired: Any, live: Any, name: str, modified: Mapping[str, Any], node: TypeNode
) -> bool:
    """Whether a desired zero asks for the default, and that is what is live."""
    field = node.fields.get(name)
    if desired or isinstance(desired, Mapping) or field is None:
        return False
    if field.omission is Omission.NULL:
        return False
    default = or_default(None, field)
    if default is None:
        default = following(node.name, modified, node.fields).get(name)
    return default is not None and same(default, live, field)


def _follow_service_account(
    patch: dict[str, Any], modified: Mapping[str, Any], current: Mapping[str, Any]
) -> None:
    """The old name of the field is a copy, from which the server would restore a removed one."""
    old, new = "serviceAccount", "serviceAccountName"
    if new in patch and old not in modified and current.get(old) is not None:
        patch[old] = patch[new]


def _retain(
    changes: dict[str, Any], desired: Mapping[str, Any], live: Mapping[str, Any], node: TypeNode
) -> None:
    """Says which fields of a union stay, where others are live that mean something.

    Where none is named, only what was applied goes.
    """
    names = sorted(name for name, value in desired.items() if value is not None)
    kept = {name: value for name, value in live.items() if name in names}
    if names and (changes or not same(kept, live, FieldType(node))):
        changes["$retainKeys"] = names


def _scalar_list(
    original: Sequence[Any], desired: Sequence[Any], live: Sequence[Any], name: str
) -> Mapping[str, Any]:
    """A merged list of scalars (finalizers): a set, whose order means nothing."""
    entries: dict[str, Any] = {}
    if added := [item for item in desired if item not in live]:
        entries[name] = added
    if gone := [item for item in original if item not in desired and item in live]:
        entries[f"$deleteFromPrimitiveList/{name}"] = gone
    return entries


def _reordered(wanted: Iterable[Hashable], found: Mapping[Hashable, Any]) -> bool:
    """Whether the items that are on both sides stand in another order."""
    keys = dict.fromkeys(wanted)
    return [k for k in keys if k in found] != [k for k in found if k in keys]


def _by_all_keys(items: Sequence[Any], field: FieldType) -> dict[tuple[Any, ...], Any]:
    """Items by all keys that tell them apart; equal ones by the order in which they stand."""
    keyed: dict[tuple[Any, ...], Any] = {}
    fields = (field.type.items or OPAQUE).fields
    names = field.list_keys or (field.merge_key,)
    for item in items:
        identity = tuple(item.get(name) or fields.get(name, OPAQUE_FIELD).default for name in names)
        turn = 0
        while (*identity, turn) in keyed:
            turn += 1
        keyed[(*identity, turn)] = item
    return keyed
