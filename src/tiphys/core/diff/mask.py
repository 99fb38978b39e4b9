"""Hide what Secrets hold, while still showing which values are equal and which changed.

Every key's first distinct value becomes eight plus signs, each further one four more. One mask is
made from all manifests that are shown together, so that equal values look equal in all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tiphys.core.diff.applied import last_applied
from tiphys.core.diff.errors import LastAppliedError
from tiphys.core.diff.explain import FieldDifference
from tiphys.core.diff.normalise import encode, fold_string_data
from tiphys.model.names import ANNOTATION_LAST_APPLIED
from tiphys.model.resource import GroupKind, Manifest, gvk_of

_FIRST = 8
_STEP = 4
_UNREADABLE = "+" * _FIRST


def is_secret(manifest: Manifest) -> bool:
    return gvk_of(manifest).group_kind == GroupKind("", "Secret")


class SecretMask:
    """The masks of one Secret's values. Manifests that are no Secret pass unchanged."""

    def __init__(self, *manifests: Manifest | None) -> None:
        """Manifests in the order in which their values are numbered: desired, then live."""
        self._masks: dict[str, dict[bytes, str]] = {}
        secrets = [manifest for manifest in manifests if manifest and is_secret(manifest)]
        for manifest in [*secrets, *(_applied(manifest) for manifest in secrets)]:
            for name, value in _data(manifest).items():
                self._mask(name, value)

    def manifest(self, manifest: Manifest) -> Manifest:
        """The manifest with its data, and that in its last-applied annotation, masked."""
        if not is_secret(manifest):
            return manifest
        masked = self._masked_data(manifest)
        meta = manifest.get("metadata")
        annotations = meta.get("annotations") if isinstance(meta, Mapping) else None
        if isinstance(annotations, Mapping) and ANNOTATION_LAST_APPLIED in annotations:
            shown = {**annotations, ANNOTATION_LAST_APPLIED: self._annotation(manifest)}
            masked = {**masked, "metadata": {**manifest["metadata"], "annotations": shown}}
        return masked

    def difference(self, difference: FieldDifference) -> FieldDifference:
        """A difference between two Secrets with its values masked where they are data."""
        match difference.path:
            case ("data", str(name)):
                return replace(
                    difference,
                    desired=self._optional(name, difference.desired),
                    live=self._optional(name, difference.live),
                )
            case ("data",):
                return replace(
                    difference,
                    desired=self._whole(difference.desired),
                    live=self._whole(difference.live),
                )
            case _:
                return difference

    def _mask(self, name: str, value: Any) -> str:
        known = self._masks.setdefault(name, {})
        return known.setdefault(encode(value), "+" * (_FIRST + _STEP * len(known)))

    def _optional(self, name: str, value: Any) -> str | None:
        return None if value is None else self._mask(name, value)

    def _whole(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            return {name: self._mask(name, value) for name, value in data.items()}
        return None if data is None else _UNREADABLE

    def _masked_data(self, manifest: Manifest) -> Manifest:
        """The manifest with masked `data`; what is in `stringData` is shown there too."""
        folded = fold_string_data(manifest)
        hidden = {name: self._whole(folded[name]) for name in _FIELDS if name in folded}
        return {**folded, **hidden}

    def _annotation(self, manifest: Manifest) -> str:
        applied = _applied(manifest)
        return encode(self._masked_data(applied)).decode() if applied else _UNREADABLE


_FIELDS = ("data", "stringData")


def _data(manifest: Manifest) -> Mapping[str, Any]:
    data = fold_string_data(manifest).get("data")
    return data if isinstance(data, Mapping) else {}


def _applied(manifest: Manifest) -> Manifest:
    """What was applied last; empty where that is absent or cannot be read."""
    try:
        return last_applied(manifest) or {}
    except LastAppliedError:
        return {}
