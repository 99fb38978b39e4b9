"""Leave out of a comparison what rules say does not count, and tell which rule hid a field.

The desired, the live and the last applied object lose the same fields, so that none of them
stands out. What jq expressions name is deleted elsewhere, in the sandbox; here it is only told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tiphys.core.diff.explain import FieldDifference, ItemKey, Path, ownership_depth
from tiphys.core.diff.ownership import NOTHING, Fields, copied, has_keys, owned_by
from tiphys.core.diff.pointer import tokens_of, without_pointers
from tiphys.core.diff.rules import ObjectRules
from tiphys.model.resource import Manifest


@dataclass(frozen=True, slots=True)
class Sides:
    """The objects of one comparison. `applied` is what was applied last, as far as it is known;
    `predicted` the server's answer to a dry run.
    """

    desired: Manifest
    live: Manifest
    applied: Manifest | None = None
    predicted: Manifest | None = None

    def manifests(self) -> list[Manifest]:
        """Those that are there, in a fixed order."""
        every = (self.desired, self.live, self.applied, self.predicted)
        return [one for one in every if one is not None]

    def replaced(self, manifests: Sequence[Manifest]) -> Sides:
        """The sides with others in the place of `manifests()`, in the same order."""
        rest = iter(manifests)
        return Sides(
            next(rest),
            next(rest),
            None if self.applied is None else next(rest),
            None if self.predicted is None else next(rest),
        )


def ruled(sides: Sides, rules: ObjectRules, managed: Manifest) -> Sides:
    """The sides without what pointers, managers and the roles' rule leave out.

    `managed` is the live object with its managedFields.
    """
    if rules.plain:
        return sides
    fields = owned_by(managed, rules.managers) if rules.managers else NOTHING
    if fields:
        sides = _with_owned(sides, fields)
    return sides.replaced([_left(one, rules) for one in sides.manifests()])


def without_ignored(manifest: Manifest, rules: ObjectRules) -> Manifest:
    """One object without what pointers leave out, and its status where that is ignored."""
    left = _left(manifest, rules)
    if rules.status and "status" in left:
        left = {name: value for name, value in left.items() if name != "status"}
    return left


def hiding_rule(difference: FieldDifference, raw: Sides, rules: ObjectRules, live: Manifest) -> str:
    """The name of the rule that hides a difference, and its text; `live` has managedFields."""
    path = difference.path
    for pointer in rules.pointers:
        tokens = tokens_of(pointer)
        if tokens and any(_meets(tokens, steps(path, side)) for side in raw.manifests()):
            return f"jsonPointers: {pointer}"
    for manager in rules.managers:
        if _owns(owned_by(live, (manager,)), path, live):
            return f"managedFieldsManagers: {manager}"
    if path[:1] == ("status",) and rules.status:
        return "ignoreResourceStatusField"
    if path[:1] == ("rules",) and rules.aggregated:
        return "ignoreAggregatedRoles"
    return f"jqPathExpressions: {', '.join(rules.expressions)}"


def steps(path: Path, manifest: Manifest) -> tuple[str, ...]:
    """A path as a JSON pointer's steps; none where it leads through an item that is not there."""
    found: list[str] = []
    at: Any = manifest
    for element in path:
        match element, at:
            case ItemKey(name, value), list():
                index = next((i for i, one in enumerate(at) if has_keys(one, {name: value})), None)
                if index is None:
                    return ()
                found.append(str(index))
                at = at[index]
            case int(), list() if element < len(at):
                found.append(str(element))
                at = at[element]
            case _:
                found.append(str(element))
                at = at.get(element) if isinstance(at, Mapping) else None
    return tuple(found)


def _with_owned(sides: Sides, fields: Fields) -> Sides:
    desired = copied(sides.desired, sides.live, fields)
    if sides.predicted is None:
        return Sides(desired, sides.live, sides.applied)
    predicted = copied(sides.predicted, sides.live, fields)
    return Sides(desired, sides.live, sides.applied, predicted)


def _left(manifest: Manifest, rules: ObjectRules) -> Manifest:
    left = without_pointers(manifest, rules.pointers)
    if rules.aggregated and left.get("aggregationRule") and "rules" in left:
        left = {name: value for name, value in left.items() if name != "rules"}
    return left


def _meets(pointer: Sequence[str], path: Sequence[str]) -> bool:
    """Whether one is in the other."""
    length = min(len(pointer), len(path))
    return length > 0 and tuple(pointer[:length]) == tuple(path[:length])


def _owns(fields: Mapping[str, Any], path: Path, live: Manifest) -> bool:
    """Whether copying what is owned would set the field at the path."""
    return bool(fields) and ownership_depth(fields, path, live) > 0
