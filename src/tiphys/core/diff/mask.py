"""Hide what Secrets hold, while still showing which values are equal and which changed.

Every key's first distinct value becomes eight plus signs, each further one four more. One mask is
made from all manifests that are shown together, so that equal values look equal in all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tiphys.core.diff.applied import last_applied
from tiphys.core.diff.errors import LastAppliedError
from tiphys.core.diff.explain import FieldDifference, Path, PathElement
from tiphys.core.diff.normalise import encode, fold_string_data
from tiphys.core.manifest.annotations import annotations_of, with_annotation
from tiphys.model.names import ANNOTATION_LAST_APPLIED
from tiphys.model.resource import GroupKind, Manifest, gvk_of

_FIRST = 8
_STEP = 4
_UNREADABLE = "+" * _FIRST


def is_secret(manifest: Manifest) -> bool:
    return gvk_of(manifest).group_kind == GroupKind("", "Secret")


class SecretMask:
    """The masks of one Secret's values. Manifests that are no Secret pass unchanged.

    `annotations` are those whose values are hidden as well.
    """

    def __init__(self, *manifests: Manifest | None, annotations: Collection[str] = ()) -> None:
        """Manifests in the order in which their values are numbered: desired, then live."""
        self._annotations = frozenset(annotations)
        self._masks: dict[str, dict[bytes, str]] = {}
        secrets = [manifest for manifest in manifests if manifest and is_secret(manifest)]
        for manifest in [*secrets, *(_applied(manifest) for manifest in secrets)]:
            for name, value in _data(manifest).items():
                self._mask(name, value)
            for name, value in annotations_of(manifest).items():
                if name in self._annotations:
                    self._mask(_annotated(name), value)

    def manifest(self, manifest: Manifest) -> Manifest:
        """The manifest with its data, and that in its last-applied annotation, masked."""
        if not is_secret(manifest):
            return manifest
        masked = self._masked(manifest)
        if ANNOTATION_LAST_APPLIED in annotations_of(manifest):
            return with_annotation(masked, ANNOTATION_LAST_APPLIED, self._annotation(manifest))
        return masked

    def difference(self, difference: FieldDifference) -> FieldDifference:
        """A difference between two Secrets with its values masked where they are data."""
        match difference.path:
            case (field, *below) if field in _FIELDS:
                return replace(
                    difference,
                    desired=self._below(below, difference.desired),
                    live=self._below(below, difference.live),
                )
            case ("metadata", "annotations", str(name)) if name in self._annotations:
                return replace(
                    difference,
                    desired=self._optional(_annotated(name), difference.desired),
                    live=self._optional(_annotated(name), difference.live),
                )
            case ("metadata",) | ("metadata", "annotations"):
                return replace(
                    difference,
                    desired=self._shown(difference.path, difference.desired),
                    live=self._shown(difference.path, difference.live),
                )
            case _:
                return difference

    def _shown(self, path: Path, value: Any) -> Any:
        """What is shown of metadata, or of its annotations, where the whole of it differs."""
        if not isinstance(value, Mapping):
            return value
        if path == ("metadata",):
            shown = self._shown(("metadata", "annotations"), value.get("annotations"))
            return {**value, "annotations": shown} if shown else value
        return {name: self._of_annotation(name, text) for name, text in value.items()}

    def _of_annotation(self, name: str, text: Any) -> Any:
        return self._mask(_annotated(name), text) if name in self._annotations else text

    def _masked(self, manifest: Manifest) -> Manifest:
        hidden = self._masked_data(manifest)
        for name, text in annotations_of(manifest).items():
            if name in self._annotations:
                hidden = with_annotation(hidden, name, self._mask(_annotated(name), text))
        return hidden

    def _mask(self, name: str, value: Any) -> str:
        known = self._masks.setdefault(name, {})
        return known.setdefault(encode(value), "+" * (_FIRST + _STEP * len(known)))

    def _below(self, path: Sequence[PathElement], value: Any) -> Any:
        """A part of the data, of whatever shape: what is no text is as secret as one."""
        return self._optional(str(path[0]), value) if path else self._whole(value)

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
        return encode(self._masked(applied)).decode() if applied else _UNREADABLE


_FIELDS = ("data", "stringData")


def _annotated(name: str) -> str:
    """The key of an annotation's values, which no key of the data can be."""
    return f"annotation {name}"


def _data(manifest: Manifest) -> Mapping[str, Any]:
    data = fold_string_data(manifest).get("data")
    return data if isinstance(data, Mapping) else {}


def _applied(manifest: Manifest) -> Manifest:
    """What was applied last; empty where that is absent or cannot be read."""
    try:
        return last_applied(manifest) or {}
    except LastAppliedError:
        return {}
