"""Error texts as they appear in results: the API server's, made useful, never with a secret."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping

from tiphys.core.sync import wording
from tiphys.core.sync.task import SyncTask
from tiphys.model.resource import GroupKind, Manifest
from tiphys.services.live.ports import Discovery

_NOT_FOUND = "the server could not find the requested resource"
_TOO_LONG = "metadata.annotations: Too long: must have at most 262144 bytes"
_HINT = (
    " \n -Additional Info: the object does not fit into the annotation that remembers what was"
    " applied last"
)
_SECRET = GroupKind("", "Secret")


def failure(error: Exception, task: SyncTask, discovery: Discovery) -> str:
    text = wording.cleaned(str(error))
    if _NOT_FOUND in text:
        return unserved(task, discovery)
    if _TOO_LONG in text:
        text += _HINT
    return without_values(text, task)


def without_values(text: str, task: SyncTask) -> str:
    """What a server says of a Secret may quote it."""
    return _masked(text, task.target) if task.key.group_kind == _SECRET else text


def unserved(task: SyncTask, discovery: Discovery) -> str:
    """For a kind, or a version of it, that the cluster does not serve."""
    kind = task.key.group_kind
    served = (one.version for one in discovery.preferred() if one.group_kind == kind)
    return wording.unknown_kind(task.gvk, task.id.shown, next(served, ""))


def _masked(text: str, secret: Manifest | None) -> str:
    # The longest first: one value may be part of another.
    for value in sorted(set(_values(secret or {})), key=len, reverse=True):
        text = text.replace(value, "*" * 8)
    return text


def _values(secret: Manifest) -> Iterator[str]:
    for name in ("data", "stringData"):
        part = secret.get(name)
        for value in part.values() if isinstance(part, Mapping) else ():
            text = str(value)
            if text:
                yield text
                yield from _decoded(text)


def _decoded(text: str) -> Iterator[str]:
    try:
        plain = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return
    if plain:
        yield plain
