"""Read annotations of manifests: comma lists, sync and compare options, the sync wave.

Option texts are compared exactly, case included; only the spaces around them are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tiphys.model.names import (
    ANNOTATION_COMPARE_OPTIONS,
    ANNOTATION_HELM_HOOK_WEIGHT,
    ANNOTATION_SYNC_OPTIONS,
    ANNOTATION_SYNC_WAVE,
)
from tiphys.model.resource import Manifest

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


def annotations_of(manifest: Manifest) -> Mapping[str, str]:
    """The annotations; empty where there are none, or they are no mapping."""
    meta = manifest.get("metadata")
    annotations = meta.get("annotations") if isinstance(meta, Mapping) else None
    return annotations if isinstance(annotations, Mapping) else {}


def annotation(manifest: Manifest, name: str) -> str | None:
    """One annotation; None where it is absent or no text."""
    value = annotations_of(manifest).get(name)
    return value if isinstance(value, str) else None


def with_annotation(manifest: Manifest, name: str, value: str) -> Manifest:
    """The manifest with one annotation set."""
    meta = manifest.get("metadata") or {}
    annotations = {**annotations_of(manifest), name: value}
    return {**manifest, "metadata": {**meta, "annotations": annotations}}


def comma_list(manifest: Manifest, name: str) -> tuple[str, ...]:
    """The items of an annotation that lists them by comma, without blanks."""
    return split_list(annotation(manifest, name) or "")


def split_list(text: str) -> tuple[str, ...]:
    """The items of a text that lists them by comma, without blanks."""
    items = (item.strip() for item in text.split(","))
    return tuple(item for item in items if item)


def sync_options(manifest: Manifest) -> frozenset[str]:
    return frozenset(comma_list(manifest, ANNOTATION_SYNC_OPTIONS))


def compare_options(manifest: Manifest) -> frozenset[str]:
    return frozenset(comma_list(manifest, ANNOTATION_COMPARE_OPTIONS))


def wave(manifest: Manifest) -> int:
    """The sync wave, else Helm's hook weight, else 0. What is no integer counts as absent."""
    for name in (ANNOTATION_SYNC_WAVE, ANNOTATION_HELM_HOOK_WEIGHT):
        text = annotation(manifest, name)
        if text is not None and _INTEGER.fullmatch(text):
            return int(text)
    return 0
