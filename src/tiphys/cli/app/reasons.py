"""Why objects are OutOfSync, as lines below their table; for people, so only under our name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tiphys.cli.output import age
from tiphys.core.diff.explain import FieldDifference
from tiphys.services.applications.explain import Cause, Explained

_FIELDS_SHOWN = 10
_VALUE_SHOWN = 60


def reasons(explained: Sequence[Explained], now_seconds: float) -> str:
    """Nothing where nothing is out of sync."""
    if not explained:
        return ""
    lines = ["", "OutOfSync, because:"]
    for one in explained:
        key = one.key
        kind = f"{key.group}/{key.kind}" if key.group else key.kind
        name = f"{key.namespace}/{key.name}" if key.namespace else key.name
        lines.append(f"  {kind} {name} {one.cause}{':' if one.cause is Cause.DIFFERS else ''}")
        lines += [f"    {_field(each, now_seconds)}" for each in one.differences[:_FIELDS_SHOWN]]
        left = len(one.differences) - _FIELDS_SHOWN
        if left > 0:
            lines.append(f"    and {left} more fields")
    return "\n".join(lines) + "\n"


def _field(difference: FieldDifference, now_seconds: float) -> str:
    text = f"{difference.field}: desired {_value(difference.desired)}, "
    text += f"live {_value(difference.live)}"
    if difference.manager:
        since = f", {age(difference.time, now_seconds)} ago" if difference.time else ""
        text += f" (written by {difference.manager}{since})"
    return text


def _value(value: Any) -> str:
    if value is None:
        return "none"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _VALUE_SHOWN else text[: _VALUE_SHOWN - 3] + "..."
