"""One spelling for each scalar: what the API server makes of the ways to write it.

A value that is no valid spelling stays as it is; the server will say what is wrong with it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tiphys.core.diff import quantity
from tiphys.core.diff.types import Scalar

_TIME = re.compile(
    r"^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:[.,](\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})$"
)
_DURATION = re.compile(r"^[+-]?(?:\d+(?:\.\d*)?(?:ns|us|µs|μs|ms|s|m|h))+$")
_DURATION_PART = re.compile(r"(\d+)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)")
_LONGEST = 256
_NANOSECONDS = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6,
    "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip


def canonical(value: Any, scalar: Scalar) -> Any:
    """A scalar in the server's spelling."""
    convert = _CONVERT.get(scalar)
    return convert(value) if convert else value


def same_quantity(left: Any, right: Any) -> bool:
    """Whether two quantities are equal, whatever their suffixes."""
    first, second = quantity.parse(str(left)), quantity.parse(str(right))
    return first is not None and first == second


def _quantity(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    spelled = quantity.canonical(str(value).strip())
    return value if spelled is None else spelled


def _integer(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _time(value: Any) -> Any:
    moment = _moment(value)
    return value if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(value: Any) -> Any:
    moment = _moment(value)
    return value if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(value: Any) -> datetime | None:
    match = _TIME.match(value) if isinstance(value, str) else None
    if not match:
        return None
    date, clock, fraction, zone = match.groups()
    micros = (fraction or "")[:6].ljust(6, "0")
    offset = "+00:00" if zone in "zZ" else zone
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}.{micros}{offset}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _duration(value: Any) -> Any:
    """Go's spelling of a duration: `90s` is `1m30s`, `1500us` is `1.5ms`."""
    if not isinstance(value, str):
        return value
    if value in ("0", "+0", "-0"):
        return "0s"
    if len(value) > _LONGEST or not _DURATION.match(value):
        return value
    total = 0
    for whole, fraction, unit in _DURATION_PART.findall(value):
        scale = _NANOSECONDS[unit]
        total += int(whole) * scale
        total += int(fraction or "0") * scale // 10 ** len(fraction)
    sign = "-" if value.startswith("-") and total else ""
    return sign + _spell_duration(total)


def _spell_duration(total: int) -> str:
    if total == 0:
        return "0s"
    if total < 10**9:
        unit, scale = next(
            (unit, scale) for unit, scale in (("ms", 10**6), ("µs", 10**3), ("ns", 1))
            if total >= scale
        )  # fmt: skip
        return _fraction(total, scale) + unit
    minutes, rest = divmod(total, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    seconds = _fraction(rest, 10**9) + "s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _fraction(value: int, scale: int) -> str:
    whole, rest = divmod(value, scale)
    if not rest:
        return str(whole)
    digits = str(rest).rjust(len(str(scale)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}"


def _bytes(value: Any) -> Any:
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    try:
        decoded = base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return value
    return base64.b64encode(decoded).decode("ascii")


_CONVERT: dict[Scalar, Callable[[Any], Any]] = {
    Scalar.QUANTITY: _quantity,
    Scalar.INTEGER: _integer,
    Scalar.INT_OR_STRING: _integer,
    Scalar.TIME: _time,
    Scalar.MICRO_TIME: _micro_time,
    Scalar.DURATION: _duration,
    Scalar.BYTES: _bytes,
}
