"""Parameters that are kept beside the manifests: `.argocd-source.yaml` and its per-application
form, each a merge patch (RFC 7386) on spec.source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tiphys.model.errors import ManifestDecodeError, RenderError
from tiphys.model.render import EntryKind
from tiphys.model.source import ApplicationSource
from tiphys.model.structs import decode, encode

_FOR_ALL = ".argocd-source.yaml"
# The application file may only say how, never what or from where.
_KEPT = frozenset({"chart", "path", "repoURL", "targetRevision"})


def override_files(instance: str, children: Mapping[str, EntryKind]) -> tuple[str, ...]:
    """Those of the names in an application's folder that override it, in the order that counts."""
    names = (_FOR_ALL, f".argocd-source-{instance}.yaml")
    return tuple(
        name for name in names if children.get(name, EntryKind.FOLDER) is not EntryKind.FOLDER
    )


def overridden(
    source: ApplicationSource, patches: Iterable[tuple[str, Sequence[Any]]]
) -> ApplicationSource:
    """`patches` are (name of the file, its documents). Raises RenderError."""
    for name, documents in patches:
        if len(documents) > 1:
            raise unreadable(name, "it has more than one document")
        patch = documents[0] if documents else None
        if patch is None:
            continue
        if not isinstance(patch, Mapping):
            raise unreadable(name, "it is not an object")
        patch = {field: value for field, value in patch.items() if field not in _KEPT}
        try:
            source = decode(merged(encode(source), patch), ApplicationSource, at=name)
        except ManifestDecodeError as error:
            raise unreadable(name, str(error)) from None
    return source


def unreadable(name: str, reason: str) -> RenderError:
    """Also for one that could not be decoded."""
    return RenderError(f"error while parsing source parameters: {name}: {reason}")


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386: objects are merged, null deletes, anything else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
