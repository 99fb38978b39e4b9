"""The pipe's language: two big-endian lengths, a JSON header, raw bytes.

docs/engine-protocol.md describes the frames; msgspec checks the engine's answers against them.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from typing import Any

import msgspec
import orjson

from tiphys.model.errors import RenderError
from tiphys.model.render import RemoteKind

PROTOCOL = 2
_LENGTHS = struct.Struct(">II")
# A header names files; a hundred thousand long names fit.
_MAX_HEADER = 64 << 20


class Reads(msgspec.Struct, frozen=True, rename="camel"):
    """The engine's record of what a render looked at."""

    files: list[str] | None = None
    listings: list[str] | None = None
    absent: list[str] | None = None
    kube_version: bool = False
    api_versions: list[str] | None = None
    all_versions: bool = msgspec.field(default=False, name="allApiVersions")


class Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="type"):
    """The first frame of a process: what it denied itself, and what the kernel lacks for it."""

    protocol: int
    sandbox: list[str]
    missing: list[str]


class Need(msgspec.Struct, frozen=True, tag="need", tag_field="type"):
    """A call back: `paths` are wanted alone, `folders` with their direct files."""

    id: int
    paths: list[str] | None
    folders: list[str] | None


class Result(msgspec.Struct, frozen=True, tag="result", tag_field="type"):
    """The end of a request that worked; its manifests are the frame's body."""

    id: int
    needs: int
    reads: Reads | None = None
    warnings: list[str] | None = None


class Outside(msgspec.Struct, frozen=True):
    """What the source names and the request did not mount."""

    kind: RemoteKind
    url: str
    revision: str
    name: str


class Remotes(msgspec.Struct, frozen=True, tag="remotes", tag_field="type"):
    """The end of a request that has to be asked again with these mounted."""

    id: int
    remotes: list[Outside]


class Failure(msgspec.Struct, frozen=True, tag="error", tag_field="type"):
    """The end of a request that did not; with `last` the process ends too, over document `item`."""

    id: int
    code: str
    text: str
    last: bool = False
    item: int | None = None


FromEngine = Hello | Need | Result | Remotes | Failure
_decoder = msgspec.json.Decoder(FromEngine)


def encode(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """One frame to the engine. RenderError when a name in it is no Unicode."""
    try:
        encoded = orjson.dumps(header)
    except orjson.JSONEncodeError as error:
        raise RenderError(f"a name in the source is not UTF-8: {error}") from None
    return b"".join((_LENGTHS.pack(len(encoded), len(body)), encoded, body))


async def read(reader: asyncio.StreamReader, *, max_body: int) -> tuple[FromEngine, bytes]:
    """One frame from the engine. IncompleteReadError when it is gone, ValueError when unfit."""
    header_length, body_length = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
    if header_length > _MAX_HEADER or body_length > max_body:
        raise ValueError(f"frame of {header_length} and {body_length} bytes is over the limit")
    header = await reader.readexactly(header_length)
    body = await reader.readexactly(body_length) if body_length else b""
    return _decoder.decode(header), body
