"""Options that say how an object goes: never, or only after a person was asked.

What the object says of an option holds over what its application says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tiphys.core.app.times import parse_rfc3339
from tiphys.core.manifest.annotations import sync_options
from tiphys.model.names import ANNOTATION_DELETION_APPROVED
from tiphys.model.resource import Manifest

_REMOVAL = ("Delete=", "Prune=")


def removal_options(manifest: Manifest) -> frozenset[str]:
    """What an object says of its own removal."""
    return frozenset(text for text in sync_options(manifest) if text.startswith(_REMOVAL))


def wishes(option: str, value: str, own: Collection[str], application: Collection[str]) -> bool:
    """Whether an option has this value for an object, by its own options or the application's."""
    said = [text for text in own if text.startswith(f"{option}=")]
    return f"{option}={value}" in (said or application)


def asks_first(own: Collection[str], application: Collection[str]) -> bool:
    """Whoever wants to be asked before a prune wants to be asked before the end as well."""
    return any(wishes(option, "confirm", own, application) for option in ("Delete", "Prune"))


def approved_since(annotations: Mapping[str, str], since: str | None) -> bool:
    """Whether a person agreed to what began then: an older approval was for something else."""
    approved = parse_rfc3339(annotations.get(ANNOTATION_DELETION_APPROVED))
    began = parse_rfc3339(since)
    return approved is not None and began is not None and approved >= began
