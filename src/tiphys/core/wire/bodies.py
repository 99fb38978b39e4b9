"""The JSON values of a request's body, in order, and faults in the words of Go's decoder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

import orjson

from tiphys.model.errors import ApiCode, ApiError

_WHERE = {
    "Expecting value": " looking for beginning of value",
    "Expecting property name enclosed in double quotes": (
        " looking for beginning of object key string"
    ),
    "Illegal trailing comma before end of object": " looking for beginning of object key string",
    "Illegal trailing comma before end of array": " looking for beginning of value",
    "Expecting ':' delimiter": " after object key",
    "Expecting ',' delimiter": " after value",
}


def read_body_values(body: bytes) -> Iterator[Any]:
    """Raises ApiError, when it comes to it, for what is no JSON."""
    if not body.strip():
        return
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        yield from _several(body)
        return
    yield found


def first_body_value(body: bytes) -> Any:
    """None of an empty body; what follows the first value is not looked at, as in Go."""
    return next(read_body_values(body), None)


def _several(body: bytes) -> Iterator[Any]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise ApiError(ApiCode.INVALID_ARGUMENT, "invalid UTF-8 in body") from None
    at = 0
    while rest := text[at:].lstrip():
        at = len(text) - len(rest)
        try:
            found, at = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise ApiError(ApiCode.INVALID_ARGUMENT, _words(error)) from None
        except RecursionError:
            raise ApiError(ApiCode.INVALID_ARGUMENT, "exceeded max depth") from None
        yield found


def _refuse(text: str) -> NoReturn:
    raise ApiError(ApiCode.INVALID_ARGUMENT, f"invalid character {text[0]!r} in value")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _words(error: json.JSONDecodeError) -> str:
    if error.pos >= len(error.doc) or error.msg.startswith("Unterminated"):
        return "unexpected EOF"
    where = _WHERE.get(error.msg, " in string literal")
    return f"invalid character {error.doc[error.pos]!r}{where}"
