"""A method of the API as it is written once, whatever protocol a call comes by.

Requests and answers are JSON values in the contract's own shape: keys as on REST, Kubernetes' types
as Kubernetes writes them, 64-bit integers as numbers, bytes as base64. The protocols' edges turn
them into what goes over the wire, and errors (ApiError, KubeError) into codes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tiphys.model.access import ANONYMOUS, Caller

Message = Mapping[str, Any]


class Serialised(Protocol):
    """An answer whose bytes are there already, in either form."""

    def json(self) -> bytes: ...

    def proto(self) -> bytes: ...


Answer = Message | Serialised
"""What is serialised is sent as it is: `fields` and the like are applied already."""


@dataclass(slots=True)
class Call:
    """One call. `metadata` is what came with it, by lower-case name; `told` goes out before the
    answer, as gRPC's header metadata and as `Grpc-Metadata-` headers. `peer` is the address at
    the other end, without its port. `lapsed` is the issuer of a token that is valid no longer.
    """

    caller: Caller = ANONYMOUS
    metadata: Mapping[str, str] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    query: Mapping[str, str] | None = None
    etag: str = ""
    peer: str = ""
    lapsed: str = ""


@dataclass(frozen=True, slots=True)
class Unary:
    run: Callable[[Call, Message], Awaitable[Answer]]
    open: bool = False
    """Whether nobody has to be logged in."""


@dataclass(frozen=True, slots=True)
class ServerStream:
    """What is left of the stream when its reader is gone is closed with `aclose`."""

    run: Callable[[Call, Message], AsyncIterator[Answer]]


@dataclass(frozen=True, slots=True)
class ClientStream:
    run: Callable[[Call, AsyncIterator[Message]], Awaitable[Answer]]


Handler = Unary | ServerStream | ClientStream
Handlers = Mapping[str, Handler]
"""By full name, such as `application.ApplicationService/List`."""


@dataclass(frozen=True, slots=True)
class Route:
    """A call beyond the contract, by REST alone. `template` is written as the contract's are:
    `/api/v1/applications/{name}/plan`; its names, the query's and the body's keys are the message.
    """

    verb: str
    template: str
    handler: Unary
