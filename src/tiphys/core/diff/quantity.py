"""Kubernetes quantities in the spelling that the API server stores.

A quantity keeps its family (binary `Ki`, decimal `k`, exponent `e3`) and takes the largest suffix
that leaves a whole number. The source of the rules is the Kubernetes API's description of
resource.Quantity.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache

_SPELLING = re.compile(
    r"^(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
    r"(?P<suffix>[KMGTPE]i|[numkMGTPE]?|[eE][+-]?[0-9]{1,3})$"
)
_LONGEST = 256
_DECIMAL_SUFFIXES = {
    "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
}  # fmt: skip
_DECIMAL_NAMES = {exponent: suffix for suffix, exponent in _DECIMAL_SUFFIXES.items()}
_BINARY_NAMES = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_NANO = Decimal("1e-9")


def parse(text: str) -> Decimal | None:
    """The value of a quantity, rounded away from zero to a billionth; None if it is none."""
    match = _spelled(text)
    return _value(match["number"], match["suffix"]) if match else None


@lru_cache(maxsize=4096)
def canonical(text: str) -> str | None:
    """The server's spelling of a quantity; None if it is none."""
    match = _spelled(text)
    if not match:
        return None
    suffix = match["suffix"]
    value = _value(match["number"], suffix)
    if value == 0:
        return "0"
    if suffix.endswith("i") and abs(value) >= 1024 and value == value.to_integral_value():
        return _binary(int(value))
    number, exponent = _decimal(value)
    if suffix[:1] in ("e", "E") and len(suffix) > 1 and not suffix.endswith("i"):
        return f"{number}e{exponent}" if exponent else str(number)
    return f"{number}{_DECIMAL_NAMES[exponent]}"


def _spelled(text: str) -> re.Match[str] | None:
    """No server takes thousands of digits for a number."""
    return _SPELLING.match(text) if len(text) <= _LONGEST else None


def _value(number: str, suffix: str) -> Decimal:
    if suffix.endswith("i"):
        value = Decimal(number) * (1 << (10 * _BINARY_NAMES.index(suffix)))
    elif suffix in _DECIMAL_SUFFIXES:
        value = Decimal(number).scaleb(_DECIMAL_SUFFIXES[suffix])
    else:
        value = Decimal(number).scaleb(int(suffix[1:]))
    away = ROUND_FLOOR if value < 0 else ROUND_CEILING
    return value if value.adjusted() > 18 else value.quantize(_NANO, rounding=away)


def _binary(value: int) -> str:
    index = 0
    while value % 1024 == 0 and index < len(_BINARY_NAMES) - 1:
        value //= 1024
        index += 1
    return f"{value}{_BINARY_NAMES[index]}"


def _decimal(value: Decimal) -> tuple[int, int]:
    """A whole number and the exponent, a multiple of three, that it is scaled by."""
    exponent = 18
    while (scaled := value.scaleb(-exponent)) != scaled.to_integral_value():
        exponent -= 3
    return int(scaled), exponent
