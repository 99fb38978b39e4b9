"""What the flags of specflags make of a spec's sync policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError

_AUTOMATED = (("auto-prune", "prune"), ("self-heal", "selfHeal"), ("allow-empty", "allowEmpty"))
_BACKOFF = (
    ("sync-retry-backoff-duration", "duration"),
    ("sync-retry-backoff-factor", "factor"),
    ("sync-retry-backoff-max-duration", "maxDuration"),
)


def apply_policy(call: Call, present: Mapping[str, Any]) -> dict[str, Any]:
    policy = dict(present)
    if call.given("sync-policy"):
        match call.text("sync-policy"):
            case "none" | "manual":
                policy.pop("automated", None)
            case "auto" | "automated" | "automatic":
                policy["automated"] = {}
            case other:
                raise FatalError(f"Invalid sync-policy: {other}", code=1)
    for flag, field in _AUTOMATED:
        if call.given(flag):
            # Without a policy the switch is remembered, and nothing is automated by it.
            automated = policy.get("automated", {"enabled": False})
            policy["automated"] = {**automated, field: call.yes(flag)}
    if call.given("sync-option"):
        policy["syncOptions"] = _options(call, policy.get("syncOptions") or [])
    if call.given("sync-retry-limit"):
        _retry(call, policy)
    elif policy.get("retry"):
        _backoff(call, policy)
    if call.given("sync-retry-refresh") and "retry" in policy:
        policy["retry"] = {**policy["retry"], "refresh": call.yes("sync-retry-refresh")}
    return {key: value for key, value in policy.items() if value not in (None, [])}


def _options(call: Call, present: list[str]) -> list[str]:
    options = list(present)
    for option in call.texts("sync-option"):
        taken_out = option.removeprefix("!")
        options = [item for item in options if item != taken_out]
        if option == taken_out:
            options.append(option)
    return options


def _retry(call: Call, policy: dict[str, Any]) -> None:
    limit = call.number("sync-retry-limit")
    if limit < 0:
        raise FatalError(f"Invalid sync-retry-limit [{limit}]", code=1)
    if limit == 0:
        policy.pop("retry", None)
        return
    policy["retry"] = {
        "limit": limit,
        "backoff": {field: _value(call, flag) for flag, field in _BACKOFF},
    }


def _backoff(call: Call, policy: dict[str, Any]) -> None:
    """Of retries that are there already only what is named changes."""
    given = {field: _value(call, flag) for flag, field in _BACKOFF if call.given(flag)}
    if given:
        backoff = {**(policy["retry"].get("backoff") or {}), **given}
        policy["retry"] = {**policy["retry"], "backoff": backoff}


def _value(call: Call, flag: str) -> str | int:
    return call.number(flag) if flag.endswith("factor") else call.text(flag)
