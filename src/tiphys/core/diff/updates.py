"""Does a change of a live object matter? Its hash says: of what is left after ignore rules.

A change that leaves the hash as it was wakes nobody; a change of health does all the same. The
rules are those for updates and, unless switched off, those of comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping

from tiphys.core.diff.canonical import manifest_hash
from tiphys.core.diff.ignore import without_ignored
from tiphys.core.diff.ownership import owned_by, without_owned
from tiphys.core.diff.rules import CompareRules, ObjectRules
from tiphys.core.settings.overrides import IgnoredStatus
from tiphys.core.settings.settings import Settings
from tiphys.model.resource import Manifest

_NOISE = frozenset({"generation", "managedFields", "resourceVersion"})
"""Fields of metadata that every write changes."""


def update_rules(settings: Settings) -> CompareRules:
    """The rules of all objects, whichever application they belong to."""
    overrides = settings.overrides
    also = overrides.ignore_differences if overrides.ignore_differences_on_updates else ()
    return CompareRules(
        ignore=(*overrides.ignore_updates, *also),
        ignored_status=(
            overrides.ignored_status
            if overrides.ignore_differences_on_updates
            else IgnoredStatus.NONE
        ),
        jq_timeout=settings.jq_timeout,
    )


def before_jq(manifest: Manifest, rules: ObjectRules) -> Manifest:
    """The object without what rules other than jq expressions name."""
    if rules.managers:
        fields = owned_by(manifest, rules.managers)
        manifest = without_owned(manifest, fields) if fields else manifest
    left = without_ignored(manifest, rules)
    meta = left.get("metadata")
    if isinstance(meta, Mapping) and not _NOISE.isdisjoint(meta):
        kept = {name: value for name, value in meta.items() if name not in _NOISE}
        left = {**left, "metadata": kept}
    return left


def update_hash(left: Manifest) -> str:
    """Of what `before_jq` left, after the jq expressions, where there are any."""
    return manifest_hash(left)
