"""Reads what users hand over as YAML: files, URLs and standard input."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tiphys.cli.app.session import wiring
from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
from tiphys.core.source.url import without_user

_LIMIT = 10 * 1024 * 1024
_FETCH_SECONDS = 30


async def documents_of(call: Call, place: str) -> Sequence[Mapping[str, Any]]:
    """The documents of a file, a URL or, for `-`, standard input."""
    return await decoded(call, read(place))


async def decoded(call: Call, data: bytes) -> Sequence[Mapping[str, Any]]:
    """The documents of a YAML or JSON text."""
    if len(data) > _LIMIT:
        raise FatalError(f"more than {_LIMIT // 1024 // 1024} MiB of YAML")
    async with wiring(call).documents() as documents:
        return await documents.decode(data)


def read(place: str) -> bytes:
    """The bytes of a file, a URL or standard input, up to a limit and one more."""
    if place == "-":
        return sys.stdin.buffer.read(_LIMIT + 1)
    if place.startswith(("http://", "https://")):
        return _fetch(place)
    try:
        with Path(place).open("rb") as file:
            return file.read(_LIMIT + 1)
    except OSError as error:
        raise FatalError(f"open {place}: {error.strerror}") from None


def _fetch(place: str) -> bytes:
    """What a URL answers. An error page is an error here, and not read as YAML."""
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    shown = without_user(place)
    if shown != place:
        raise FatalError(f"GET {shown}: credentials in a URL are not supported")
    try:
        # The caller has looked at the scheme.
        with urlopen(place, timeout=_FETCH_SECONDS) as answer:  # noqa: S310
            data: bytes = answer.read(_LIMIT + 1)
            return data
    except HTTPError as error:
        raise FatalError(f"GET {shown}: {error.code} {error.reason}") from None
    except URLError as error:
        raise FatalError(f"GET {shown}: {error.reason}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise FatalError(f"GET {shown}: {error}") from None
