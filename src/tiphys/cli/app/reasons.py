"""Why objects are OutOfSync, as lines below their table; for people, so only under our name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tiphys.cli.output import age
from tiphys.core.diff.explain import FieldDifference
from tiphys.services.applications.explain import Cause, Explained
from tiphys.services.applications.managed import Managed

_FIELDS_SHOWN = 10
_VALUE_SHOWN = 60


def reasons(explained: Sequence[Explained], now_seconds: float) -> str:
    """Nothing where nothing is out of sync."""
    if not explained:
        return ""
    lines = ["", "OutOfSync, because:"]
    for one in explained:
        lines.append(f"  {_object(one)} {one.cause}{':' if one.cause is Cause.DIFFERS else ''}")
        lines += [f"    {_field(each, now_seconds)}" for each in one.differences[:_FIELDS_SHOWN]]
        left = len(one.differences) - _FIELDS_SHOWN
        if left > 0:
            lines.append(f"    and {left} more fields")
    return "\n".join(lines) + "\n"


def hidden(objects: Sequence[Explained | Managed]) -> str:
    """What differs and counts for nothing, with the rules that say so."""
    lines = [
        f"  {_object(one)}: {each.field} is left out by {each.rule}"
        for one in objects
        for each in one.hidden[:_FIELDS_SHOWN]
    ]
    return "\n".join(["", "Not compared:", *lines]) + "\n" if lines else ""


def _object(one: Explained | Managed) -> str:
    key = one.key
    kind = f"{key.group}/{key.kind}" if key.group else key.kind
    return f"{kind} {key.namespace}/{key.name}" if key.namespace else f"{kind} {key.name}"


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
