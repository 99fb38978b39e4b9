"""From the data of argocd-cm and argocd-cmd-params-cm to Settings.

A value that cannot be read raises SettingsError naming its key; the caller keeps the last good
settings. A value that this version cannot honour, and that would change what is applied or
deleted, raises as well: not to know it would be worse than to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import yaml

from tiphys.core.settings.duration import parse_duration
from tiphys.core.settings.filters import ResourceFilter, ResourceRule
from tiphys.core.settings.settings import Settings
from tiphys.core.settings.unsupported import refused_settings, unsupported_settings
from tiphys.model.errors import SettingsError

__all__ = ["parse_settings", "unsupported_settings"]

Data = Mapping[str, str]

_DURATIONS = {
    "timeout.reconciliation": "reconciliation",
    "timeout.reconciliation.jitter": "reconciliation_jitter",
    "timeout.hard.reconciliation": "hard_reconciliation",
}
_SECONDS = {
    "controller.self.heal.timeout.seconds": "self_heal_delay",
    "controller.self.heal.backoff.timeout.seconds": "self_heal_backoff",
    "controller.self.heal.backoff.factor": "self_heal_backoff_factor",
    "controller.self.heal.backoff.cap.seconds": "self_heal_backoff_cap",
    "controller.sync.timeout.seconds": "sync_timeout",
    "controller.repo.error.grace.period.seconds": "repo_error_grace",
    "controller.sync.wave.delay.seconds": "wave_delay",
}
_COUNTS = {
    "controller.status.processors": "status_processors",
    "controller.operation.processors": "operation_processors",
    "controller.kubectl.parallelism.limit": "apply_parallelism",
}
_WAVE_DELAY = "ARGOCD_SYNC_WAVE_DELAY"
_RULE_FIELDS = {"apiGroups": "groups", "kinds": "kinds", "clusters": "clusters"}
_MAX_NUMBER = 10**9


def parse_settings(general: Data, params: Data, *, wave_delay: str = "") -> Settings:
    """`general` is argocd-cm's data, `params` argocd-cmd-params-cm's.

    `wave_delay` is the value of ARGOCD_SYNC_WAVE_DELAY, which beats the ConfigMap.
    """
    for key, reason in refused_settings(general, params):
        raise SettingsError(f"{key}: {reason}", key=key)
    found: dict[str, Any] = {
        **_read(general, _DURATIONS, _duration),
        **_read(params, _SECONDS, _number),
        **_read(params, _COUNTS, _number),
    }
    if wave_delay:
        found["wave_delay"] = _number(_WAVE_DELAY, wave_delay)
    if label := general.get("application.instanceLabelKey"):
        found["instance_label_key"] = label
    if inline := params.get("controller.resource.health.persist"):
        found["health_inline"] = _boolean("controller.resource.health.persist", inline)
    return Settings(
        **found,
        resources=ResourceFilter(
            exclusions=_rules(general, "resource.exclusions"),
            inclusions=_rules(general, "resource.inclusions"),
        ),
    )


def _read(data: Data, keys: Mapping[str, str], parse: Callable[[str, str], Any]) -> dict[str, Any]:
    """An empty value is an absent one, as in the contract."""
    return {field: parse(key, data[key].strip()) for key, field in keys.items() if data.get(key)}


def _duration(key: str, text: str) -> float:
    seconds = parse_duration(text)
    if seconds is None:
        raise SettingsError(f'{key}: "{text}" is not a duration such as 120s or 3m', key=key)
    return seconds


def _number(key: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= _MAX_NUMBER):
        raise SettingsError(f'{key}: "{text}" is not a whole number, zero or more', key=key)
    return int(text)


def _boolean(key: str, text: str) -> bool:
    match text.strip().lower():
        case "true" | "1" | "t":
            return True
        case "false" | "0" | "f":
            return False
        case _:
            raise SettingsError(f'{key}: "{text}" is neither true nor false', key=key)


def _rules(data: Data, key: str) -> tuple[ResourceRule, ...]:
    try:
        # Settings are the administrator's; the safe loader builds plain values only.
        parsed = yaml.safe_load(data.get(key) or "")
    except yaml.YAMLError:
        raise SettingsError(f"{key}: is not YAML", key=key) from None
    if parsed is None:
        return ()
    if not isinstance(parsed, list):
        raise SettingsError(f"{key}: is not a list", key=key)
    return tuple(_rule(key, item) for item in parsed)


def _rule(key: str, item: Any) -> ResourceRule:
    if not isinstance(item, dict):
        raise SettingsError(f"{key}: an entry is not an object", key=key)
    globs: dict[str, tuple[str, ...]] = {}
    for name, value in item.items():
        if name not in _RULE_FIELDS:
            raise SettingsError(f"{key}: unknown field {name}", key=key)
        if not isinstance(value, list) or not all(isinstance(glob, str) for glob in value):
            raise SettingsError(f"{key}: {name} is not a list of texts", key=key)
        globs[_RULE_FIELDS[name]] = tuple(value)
    return ResourceRule(**globs)
