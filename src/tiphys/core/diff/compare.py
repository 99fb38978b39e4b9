"""Is the live object what is desired? Applying the desired one would change nothing stored.

With the last-applied annotation three sides are compared: what was applied and is desired no more
counts as a difference. Without it, or where it cannot be read, the desired state stands for what
was applied, so that only what is desired is looked at. `status` and what the server owns of
metadata never count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from tiphys.core.diff.applied import apply_patch, last_applied, without_last_applied
from tiphys.core.diff.errors import DiffError, MergeKeyError
from tiphys.core.diff.explain import FieldDifference, differences, explained
from tiphys.core.diff.mask import SecretMask, is_secret
from tiphys.core.diff.normalise import normalise, strip_server_fields
from tiphys.core.diff.patch import Patch, three_way_patch
from tiphys.core.diff.schema import TypeSchema
from tiphys.core.diff.types import OPAQUE
from tiphys.model.resource import Manifest


@dataclass(frozen=True)
class Comparison:
    """The answer for one object. Its two manifests are normalised when they are asked for.

    `differences` is empty where a side is missing, which counts as modified. What a Secret holds
    is masked in them, not in the manifests.
    """

    modified: bool
    differences: tuple[FieldDifference, ...]
    predicted_source: Manifest | None
    live_source: Manifest | None
    schema: TypeSchema | None

    @cached_property
    def predicted(self) -> Manifest | None:
        """What the server would store if the desired object were applied; None without one."""
        return _normalised(self.predicted_source, self.schema)

    @cached_property
    def live(self) -> Manifest | None:
        """The live object in the same spelling; None without one."""
        return _normalised(self.live_source, self.schema)


def compare(
    target: Manifest | None, live: Manifest | None, *, schema: TypeSchema | None
) -> Comparison:
    """Compares one object; both sides missing is not modified."""
    if target is None or live is None:
        modified = (target is None) != (live is None)
        return Comparison(modified, (), target, live, schema)
    desired = _comparable(target)
    current = _comparable(live)
    patch = _patch(desired, current, _original(live) or desired, schema)
    if patch.empty:
        return Comparison(False, (), current, current, schema)
    predicted = apply_patch(current, patch, schema)
    root = OPAQUE if schema is None else schema.root
    found = differences(normalise(predicted, schema), normalise(current, schema), root)
    mask = SecretMask(target, live)
    hides = is_secret(target)
    changes = tuple(
        explained(mask.difference(difference) if hides else difference, live)
        for difference in found
    )
    return Comparison(bool(changes), changes, predicted, current, schema)


def _normalised(manifest: Manifest | None, schema: TypeSchema | None) -> Manifest | None:
    return None if manifest is None else normalise(_comparable(manifest), schema)


def _comparable(manifest: Manifest) -> Manifest:
    return strip_server_fields(without_last_applied(manifest))


def _original(live: Manifest) -> Manifest | None:
    try:
        applied = last_applied(live)
    except DiffError:
        return None
    return None if applied is None else _comparable(applied)


def _patch(
    desired: Manifest, current: Manifest, original: Manifest, schema: TypeSchema | None
) -> Patch:
    """The three-way patch; without what was applied, then with lists taken whole, if it fails."""
    plain = None if schema is None else replace(schema, strategic=False)
    for applied in (original, desired):
        try:
            return three_way_patch(
                original=applied, modified=desired, current=current, schema=schema
            )
        except MergeKeyError:
            continue
    return three_way_patch(original=desired, modified=desired, current=current, schema=plain)
