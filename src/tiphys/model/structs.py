"""How the custom resources are decoded and encoded.

A default is the contract's zero value and is left out when it is written, so that what goes out
is spelled as the contract spells it: a field without a default is always there, a struct by
value is always there (perhaps as `{}`), and None is a pointer that is not set. Lists and maps
are empty rather than None, except where the contract tells the two apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from tiphys.model.errors import ManifestDecodeError
from tiphys.model.resource import Manifest

S = TypeVar("S", bound="Struct")

_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_MISSING = re.compile(r"^Object missing required field `(?P<name>[^`]+)`")
_OPAQUE = frozenset({"valuesObject", "fieldsV1"})


class Struct(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Base of all parts of custom resources; each names frozen and kw_only for itself."""


def decode(data: Any, kind: type[S], *, at: str) -> S:
    """Raises ManifestDecodeError naming the field; `at` is where `data` stands in its object.

    A null is an absent field, as the API server reads it.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError:
        pass
    try:
        return msgspec.convert(_without_nulls(data), kind)
    except msgspec.ValidationError as err:
        raise _named(str(err), at) from None


def decode_part(manifest: Manifest, name: str, kind: type[S]) -> S:
    """One top-level part of an object; an absent one reads as empty."""
    part = manifest.get(name)
    return decode({} if part is None else part, kind, at=name)


def encode(value: Struct) -> dict[str, Any]:
    """The contract's JSON of a struct, as plain dicts and lists, fields in the contract's order."""
    # Through text, for to_builtins leaves tuples, which never equal the lists of a manifest.
    encoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return encoded


def _without_nulls(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {
            key: value if key in _OPAQUE else _without_nulls(value)
            for key, value in data.items()
            if value is not None
        }
    if isinstance(data, list | tuple):
        return [_without_nulls(item) for item in data]
    return data


def _named(message: str, at: str) -> ManifestDecodeError:
    where = _AT.search(message)
    path = ".".join(part for part in (at, where["path"] if where else "") if part)
    reason = _AT.sub("", message)
    missing = _MISSING.match(reason)
    if missing:
        return ManifestDecodeError("is required", field=f"{path}.{missing['name']}")
    return ManifestDecodeError(reason[:1].lower() + reason[1:], field=path)
