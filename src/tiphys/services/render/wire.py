"""Values of rendering as JSON, for the way between the controller and the render process.

What a value is made of is read from its type: dataclasses are objects with the name of their
type, custom resources are spelled as the contract spells them. What does not fit its type is
refused: the two processes may be of different versions for a moment.
"""

from __future__ import annotations

import base64
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from tiphys.model.errors import ManifestDecodeError
from tiphys.model.structs import Struct, decode, encode

T = TypeVar("T")

VERSION = 2
"""Raised whenever what is sent changes its meaning; both sides have to have the same."""
_TYPE = "@"


class WireError(Exception):
    """What came is not what was expected; never says what it was."""


def pack(value: Any) -> Any:
    """A value as what orjson writes."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float():
            return value
        case str():
            return str(value)
        case bytes():
            return base64.b64encode(value).decode()
        case Struct():
            return encode(value)
        case Mapping():
            return {str(key): pack(one) for key, one in value.items()}
        case tuple() | list() | frozenset() | set():
            ordered = sorted(value) if isinstance(value, frozenset | set) else value
            return [one if type(one) is str else pack(one) for one in ordered]
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} has no form on the wire")
    kind: Any = type(value)
    packed: dict[str, Any] = {_TYPE: kind.__name__}
    for name, hint in _hints(kind).items():
        part = getattr(value, name)
        # Manifests are JSON already, and large.
        packed[name] = part if _is_plain(hint) else pack(part)
    return packed


def unpack(kind: type[T], data: Any) -> T:
    """Raises WireError."""
    found: T = _unpack(kind, data)
    return found


def _unpack(kind: Any, data: Any) -> Any:
    origin = get_origin(kind)
    if kind is Any:
        return data
    if origin in (Union, types.UnionType):
        return _one_of(get_args(kind), data)
    if origin is not None:
        return _many(origin, get_args(kind), data)
    if kind is None or kind is type(None):
        return _require(data is None, None, kind)
    if is_dataclass(kind):
        return _dataclass(kind, data)
    if issubclass(kind, Struct):
        return _struct(kind, data)
    if issubclass(kind, Enum):
        return _enum(kind, data)
    if kind is bytes:
        return _bytes(data)
    if kind is float:
        return float(_require(isinstance(data, int | float), data, kind))
    if issubclass(kind, str):
        return kind(_require(isinstance(data, str), data, kind))
    return _require(type(data) is kind, data, kind)


def _one_of(kinds: Sequence[Any], data: Any) -> Any:
    if data is None and type(None) in kinds:
        return None
    classes = [kind for kind in kinds if is_dataclass(kind)]
    if len(classes) > 1:
        name = data.get(_TYPE) if isinstance(data, Mapping) else None
        classes = [kind for kind in classes if getattr(kind, "__name__", "") == name]
        if not classes:
            raise WireError("a value of an unknown type")
        return _unpack(classes[0], data)
    for kind in kinds:
        if kind is not type(None):
            try:
                return _unpack(kind, data)
            except WireError:
                continue
    raise WireError("a value of none of its types")


def _many(origin: Any, kinds: Sequence[Any], data: Any) -> Any:
    if issubclass(origin, Mapping):
        if not isinstance(data, Mapping):
            raise WireError("a map was expected")
        return {_unpack(kinds[0], key): _unpack(kinds[1], one) for key, one in data.items()}
    if not isinstance(data, list):
        raise WireError("a list was expected")
    if origin is tuple and not (len(kinds) == 2 and kinds[1] is Ellipsis):
        if len(kinds) != len(data):
            raise WireError("a list of another length was expected")
        return tuple(_unpack(kind, one) for kind, one in zip(kinds, data, strict=True))
    # Names of API versions are hundreds.
    texts = kinds[0] is str and all(type(one) is str for one in data)
    items = data if texts else [_unpack(kinds[0], one) for one in data]
    return frozenset(items) if origin is frozenset else tuple(items)


def _dataclass(kind: Any, data: Any) -> Any:
    if not isinstance(data, Mapping) or data.get(_TYPE) != kind.__name__:
        raise WireError(f"a {kind.__name__} was expected")
    hints = _hints(kind)
    if data.keys() - {_TYPE} != hints.keys():
        raise WireError(f"a {kind.__name__} of another version")
    return kind(**{name: _unpack(hint, data[name]) for name, hint in hints.items()})


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


@cache
def _is_plain(hint: Any) -> bool:
    """Whether it holds what may be anything, which then is JSON."""
    return hint is Any or any(_is_plain(part) for part in get_args(hint))


def _struct(kind: type[Struct], data: Any) -> Any:
    try:
        return decode(data, kind, at=kind.__name__)
    except (ManifestDecodeError, msgspec.ValidationError):
        raise WireError(f"a {kind.__name__} was expected") from None


def _enum(kind: type[Enum], data: Any) -> Any:
    try:
        return kind(data)
    except ValueError:
        raise WireError(f"a {kind.__name__} was expected") from None


def _bytes(data: Any) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (ValueError, TypeError):
        raise WireError("bytes were expected") from None


def _require(fits: bool, data: Any, kind: Any) -> Any:
    if not fits:
        raise WireError(f"a {getattr(kind, '__name__', kind)} was expected")
    return data
