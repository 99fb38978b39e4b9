"""The annotation that says what was applied last, as kubectl writes it, and local application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from tiphys.core.diff.errors import LastAppliedError
from tiphys.core.diff.merge import apply_object
from tiphys.core.diff.normalise import encode
from tiphys.core.diff.patch import Patch
from tiphys.core.diff.schema import TypeSchema
from tiphys.core.diff.types import OPAQUE
from tiphys.model.live import PatchKind
from tiphys.model.names import ANNOTATION_LAST_APPLIED
from tiphys.model.resource import Manifest, key_of

_PATH = f"metadata.annotations[{ANNOTATION_LAST_APPLIED}]"


def apply_patch(current: Manifest, patch: Patch, schema: TypeSchema | None) -> Manifest:
    """What the server would make of a patch, before its defaults."""
    root = OPAQUE if schema is None else schema.root
    return apply_object(current, patch.body, root, strategic=patch.kind is PatchKind.STRATEGIC)


def with_last_applied(manifest: Manifest) -> Manifest:
    """The manifest with an annotation that holds the manifest itself.

    It is compact JSON with sorted keys and a newline at the end, without that annotation; the
    characters `<`, `>` and `&` are escaped, as Go does.
    """
    bare = without_last_applied(manifest)
    meta = bare.get("metadata") or {}
    annotations = meta.get("annotations") or {}
    content = {**bare, "metadata": {**meta, "annotations": annotations}}
    text = _escape(encode(content)).decode() + "\n"
    marked = {**annotations, ANNOTATION_LAST_APPLIED: text}
    return {**bare, "metadata": {**meta, "annotations": marked}}


def last_applied(live: Manifest) -> Manifest | None:
    """What was applied last; None where nothing says so. Raises LastAppliedError."""
    text = _annotations(live).get(ANNOTATION_LAST_APPLIED)
    if not text:
        return None
    try:
        content = orjson.loads(text)
    except (TypeError, ValueError):
        raise LastAppliedError("is not JSON", key=key_of(live), path=_PATH) from None
    if not isinstance(content, dict):
        raise LastAppliedError("is not an object", key=key_of(live), path=_PATH)
    return content


def without_last_applied(manifest: Manifest) -> Manifest:
    """The manifest without the annotation; the annotations stay, be they empty."""
    annotations = _annotations(manifest)
    if ANNOTATION_LAST_APPLIED not in annotations:
        return manifest
    kept = {name: value for name, value in annotations.items() if name != ANNOTATION_LAST_APPLIED}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": kept}}


def _annotations(manifest: Manifest) -> Mapping[str, Any]:
    meta = manifest.get("metadata")
    annotations = meta.get("annotations") if isinstance(meta, Mapping) else None
    return annotations if isinstance(annotations, Mapping) else {}


def _escape(text: bytes) -> bytes:
    """Escapes what Go escapes in JSON; these characters only occur inside of strings."""
    for character in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(character.encode(), f"\\u{ord(character):04x}".encode())
    return text
