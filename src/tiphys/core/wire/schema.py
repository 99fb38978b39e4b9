"""What the contract is made of: its methods, messages and fields, as values.

The descriptors say it; the options of protos/tiphys/shape.proto add how Go holds a field, for that
decides what goes over the wire and which keys JSON has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorSet

from tiphys.model.contract import descriptor_set


class Streaming(Enum):
    UNARY = "unary"
    SERVER = "server"
    CLIENT = "client"


class Kind(Enum):
    STRING = "string"
    BOOL = "bool"
    INT32 = "int32"
    INT64 = "int64"
    BYTES = "bytes"
    MESSAGE = "message"


class Card(Enum):
    """How many there may be of a field."""

    ONE = "one"
    MANY = "many"
    MAP = "map"


@dataclass(frozen=True, slots=True)
class Field:
    """`key` is the key in JSON, and `name` the one of the descriptor. `message` names what a
    message or the values of a map are. The rest as protos/tiphys/shape.proto has it.
    """

    name: str
    key: str
    number: int
    kind: Kind
    card: Card
    message: str = ""
    required: bool = False
    implicit: bool = False
    """Whether it is on the wire only while it is not zero, as scalars of proto3 are."""
    always: bool = False
    kept: bool = False
    inlined: bool = False
    unwrapped: bool = False
    yaml: bool = False

    @property
    def plain(self) -> bool:
        """A scalar that Go holds as a value: nobody can tell its zero from its absence."""
        return self.card is Card.ONE and (self.implicit or self.always)


@dataclass(frozen=True, slots=True)
class Message:
    """Fields stand in the order of their numbers, as Go writes them."""

    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class HttpRule:
    """`template` is a path such as `/api/v1/clusters/{id.value}`, and `body` the field that a
    request's body is: `*` is the request itself, and empty means that there is none.
    """

    verb: str
    template: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class Method:
    """`name` is the full one, such as `application.ApplicationService/List`."""

    name: str
    request: str
    response: str
    streaming: Streaming
    http: tuple[HttpRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    methods: Mapping[str, Method]
    messages: Mapping[str, Message]


@cache
def contract() -> Contract:
    """The whole of it, read once."""
    files = _parsed(descriptor_set())
    methods = {one.name: one for file in files.file for one in _methods(file)}
    messages = {one.name: one for file in files.file for one in _messages(file)}
    return Contract(methods, messages)


_ABOUT = ("google/protobuf/descriptor.proto", "google/api/http.proto")
"""Files whose messages say what a contract is, and are no part of one."""


def _parsed(data: bytes) -> Any:
    """The set, with the extensions known that its options are of."""
    pool = descriptor_pool.DescriptorPool()
    by_name = {file.name: file for file in FileDescriptorSet.FromString(data).file}
    for name in (*_ABOUT, "google/api/annotations.proto", "tiphys/shape.proto"):
        pool.Add(by_name[name])
    found = pool.FindMessageTypeByName("google.protobuf.FileDescriptorSet")
    return message_factory.GetMessageClass(found).FromString(data)


def _options(options: Any) -> dict[str, Any]:
    """Extensions that are set, by their names."""
    return {field.full_name: value for field, value in options.ListFields() if field.is_extension}


def _methods(file: Any) -> Iterator[Method]:
    for service in file.service:
        prefix = f"{file.package}.{service.name}" if file.package else service.name
        for one in service.method:
            rule = _options(one.options).get("google.api.http")
            yield Method(
                name=f"{prefix}/{one.name}",
                request=one.input_type.removeprefix("."),
                response=one.output_type.removeprefix("."),
                streaming=_streaming(one),
                http=tuple(_rules(rule)) if rule is not None else (),
            )


def _streaming(method: Any) -> Streaming:
    if method.server_streaming:
        return Streaming.SERVER
    return Streaming.CLIENT if method.client_streaming else Streaming.UNARY


def _rules(rule: Any) -> Iterator[HttpRule]:
    verb = rule.WhichOneof("pattern")
    yield HttpRule(verb.upper(), getattr(rule, verb), rule.body)
    for one in rule.additional_bindings:
        yield from _rules(one)


def _messages(file: Any) -> Iterator[Message]:
    if file.name in _ABOUT:
        return
    proto3 = file.syntax == "proto3"
    prefix = f"{file.package}." if file.package else ""
    for one in file.message_type:
        maps = {nested.name: nested for nested in one.nested_type if nested.options.map_entry}
        fields = (_field(field, maps, proto3=proto3) for field in one.field)
        yield Message(prefix + one.name, tuple(sorted(fields, key=lambda field: field.number)))


_KINDS = {
    FieldDescriptorProto.TYPE_STRING: Kind.STRING,
    FieldDescriptorProto.TYPE_BOOL: Kind.BOOL,
    FieldDescriptorProto.TYPE_INT32: Kind.INT32,
    FieldDescriptorProto.TYPE_INT64: Kind.INT64,
    FieldDescriptorProto.TYPE_BYTES: Kind.BYTES,
    FieldDescriptorProto.TYPE_MESSAGE: Kind.MESSAGE,
}
"""The types that the contract has; another one fails to load, and needs rules of its own."""


def _field(field: Any, maps: Mapping[str, Any], *, proto3: bool) -> Field:
    entry = maps.get(field.type_name.rpartition(".")[2]) if field.type_name else None
    value = field if entry is None else _numbered(entry.field, 2)
    told = _options(field.options)
    kind = _KINDS[value.type]
    repeated = field.label == FieldDescriptorProto.LABEL_REPEATED
    card = Card.MAP if entry is not None else Card.MANY if repeated else Card.ONE
    scalar = kind is not Kind.MESSAGE and card is Card.ONE and not field.HasField("oneof_index")
    return Field(
        name=field.name,
        key=told.get("tiphys.key", field.name),
        number=field.number,
        kind=kind,
        card=card,
        message=value.type_name.removeprefix("."),
        required=field.label == FieldDescriptorProto.LABEL_REQUIRED,
        implicit=proto3 and scalar,
        always=told.get("tiphys.always", False),
        kept=told.get("tiphys.kept", False),
        inlined=told.get("tiphys.inlined", False),
        unwrapped=told.get("tiphys.unwrapped", False),
        yaml=told.get("tiphys.yaml", False),
    )


def _numbered(fields: Iterable[Any], number: int) -> Any:
    return next(one for one in fields if one.number == number)
