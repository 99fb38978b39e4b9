"""An Application as callers get it, in bytes that are made once and then only joined.

Lists and streams of thousands consist of these: what is sent again was serialised before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tiphys.core.listing.fields import ListFields
from tiphys.core.wire import encode
from tiphys.core.wire.varint import varint
from tiphys.model.application import Application
from tiphys.model.errors import ManifestDecodeError
from tiphys.model.resource import Manifest

_TYPES = "github.com.argoproj.argo_cd.v3.pkg.apis.application.v1alpha1"
APPLICATION = f"{_TYPES}.Application"
_LIST_META = "k8s.io.apimachinery.pkg.apis.meta.v1.ListMeta"
_CHOICES = 8
"""Of fields that are kept of one version."""
_PARTS = ("metadata", "spec", "status", "operation")
# Signs that the contract's programs escape in JSON. None of them occurs outside of texts.
_ESCAPED = (
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    (b"&", b"\\u0026"),
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)


class Shown:
    """One version of one Application; a message of its own, too (see api.calls.Serialised)."""

    __slots__ = ("_chosen", "_json", "_proto", "manifest")

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self._json: bytes | None = None
        self._proto: bytes | None = None
        self._chosen: dict[ListFields, bytes] = {}

    def json(self) -> bytes:
        if self._json is None:
            self._json = _json(self.manifest)
        return self._json

    def proto(self) -> bytes:
        if self._proto is None:
            self._proto = encode(APPLICATION, self.value())
        return self._proto

    def chosen(self, fields: ListFields) -> bytes:
        """JSON of these fields alone."""
        found = self._chosen.get(fields)
        if found is None:
            if len(self._chosen) >= _CHOICES:
                self._chosen.clear()
            found = self._chosen[fields] = json_of(fields.apply(self.value()))
        return found

    def value(self) -> dict[str, Any]:
        """The same as plain values; yours to change."""
        found: dict[str, Any] = msgspec.json.decode(self.json())
        return found


class ShownList:
    """ApplicationList; `metadata` is that of the list, `items` those of a page, and `extra` is
    said beside them in JSON. `fields` None is all.
    """

    def __init__(
        self,
        metadata: Mapping[str, Any],
        items: Iterable[Shown],
        *,
        extra: Mapping[str, Any] | None = None,
        fields: ListFields | None = None,
    ) -> None:
        self._metadata = metadata
        self._items = list(items)
        self._extra = extra or {}
        self._fields = fields

    def json(self) -> bytes:
        fields = self._fields
        if fields is None:
            items = [one.json() for one in self._items]
        else:
            items = [one.chosen(fields) for one in self._items]
        return list_bytes(self._metadata, items, self._extra)

    def proto(self) -> bytes:
        parts = [_field(1, encode(_LIST_META, self._metadata))]
        parts += [_field(2, one.proto()) for one in self._items]
        return b"".join(parts)


class ShownEvent:
    """ApplicationWatchEvent. `name` is the application's, by which the same again is left out."""

    __slots__ = ("_json", "_proto", "application", "kind", "name", "variants")

    def __init__(self, kind: str, application: Shown) -> None:
        self.kind = kind
        self.application = application
        self.name = str(application.manifest["metadata"]["name"])
        self.variants: dict[str, bytes] = {}
        self._json: bytes | None = None
        self._proto: bytes | None = None

    def json(self) -> bytes:
        if self._json is None:
            kind = b'{"type":"' + self.kind.encode() + b'","application":'
            self._json = kind + self.application.json() + b"}"
        return self._json

    def proto(self) -> bytes:
        if self._proto is None:
            self._proto = _field(1, self.kind.encode()) + _field(2, self.application.proto())
        return self._proto

    def value(self) -> dict[str, Any]:
        return {"type": self.kind, "application": self.application.value()}

    def variant(self, fields: str, make: Callable[[dict[str, Any]], Any]) -> Variant:
        """With the fields alone that one reader wants; made once for all who want the same."""
        found = self.variants.get(fields)
        if found is None:
            if len(self.variants) >= _CHOICES:
                self.variants.clear()
            found = self.variants[fields] = json_of(make(self.value()))
        return Variant(found, self.name)


class Variant:
    """JSON alone: fields are chosen on REST, and nowhere else."""

    __slots__ = ("_json", "name")

    def __init__(self, json: bytes, name: str) -> None:
        self._json = json
        self.name = name

    def json(self) -> bytes:
        return self._json

    def proto(self) -> bytes:
        raise TypeError("fields are chosen on REST alone")


def list_bytes(
    metadata: Mapping[str, Any], items: Sequence[bytes], extra: Mapping[str, Any]
) -> bytes:
    """A line for the metadata and for each item, as the contract writes lists."""
    head = b'{"metadata":' + json_of(metadata) + b"\n"
    for key, value in extra.items():
        head += b"," + json_of(key) + b":" + json_of(value) + b"\n"
    if not items:
        return head + b',"items":null}'
    return head + b',"items":[' + b"\n,".join(items) + b"\n]}"


def json_of(value: Any) -> bytes:
    return escaped(msgspec.json.encode(value))


def escaped(data: bytes) -> bytes:
    for sign, instead in _ESCAPED:
        if sign in data:
            data = data.replace(sign, instead)
    return data


def _json(manifest: Manifest) -> bytes:
    application = Application(manifest)
    reads: dict[str, Callable[[], Any]] = {
        "metadata": lambda: application.metadata,
        "spec": lambda: application.spec,
        "status": lambda: application.status,
        "operation": lambda: application.operation,
    }
    parts = []
    for name in _PARTS:
        try:
            part = reads[name]()
        except ManifestDecodeError:
            # One that somebody wrote past all checks hides neither itself nor the others.
            part = manifest.get(name)
        if part is not None:
            parts.append(b'"' + name.encode() + b'":' + msgspec.json.encode(part))
    return escaped(b"{" + b",".join(parts) + b"}")


def _field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data
