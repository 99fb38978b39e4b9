"""One text of a ConfigMap to one value. What cannot be read raises SettingsError with the key."""

from __future__ import annotations

from typing import Any

import yaml

from tiphys.core.settings.duration import parse_duration, parse_duration_or_seconds
from tiphys.model.errors import SettingsError

_MAX_NUMBER = 10**9


def duration(key: str, text: str) -> float:
    seconds = parse_duration(text)
    if seconds is None:
        raise SettingsError(f'{key}: "{text}" is not a duration such as 120s or 3m', key=key)
    return seconds


def duration_or_seconds(key: str, text: str) -> float:
    seconds = parse_duration_or_seconds(text)
    if seconds is None:
        raise SettingsError(f'{key}: "{text}" is not a duration such as 1s', key=key)
    return seconds


def number(key: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 12 and int(text) <= _MAX_NUMBER):
        raise SettingsError(f'{key}: "{text}" is not a whole number, zero or more', key=key)
    return int(text)


def boolean(key: str, text: str) -> bool:
    match text.strip().lower():
        case "true" | "1" | "t":
            return True
        case "false" | "0" | "f":
            return False
        case _:
            raise SettingsError(f'{key}: "{text}" is neither true nor false', key=key)


def words(key: str, text: str) -> tuple[str, ...]:
    """A list with commas, blanks around its entries left out."""
    del key
    return tuple(word for part in text.split(",") if (word := part.strip()))


def document(key: str, text: str) -> Any:
    # Settings are the administrator's; the safe loader builds plain values only.
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise SettingsError(f"{key}: is not YAML", key=key) from None


def objects(key: str, text: str) -> list[dict[str, Any]]:
    """A YAML list of objects; nothing at all is an empty list."""
    found = document(key, text)
    if found is None:
        return []
    if not isinstance(found, list):
        raise SettingsError(f"{key}: is not a list", key=key)
    return [checked(key, item, "an entry") for item in found]


def checked(key: str, value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise SettingsError(f"{key}: {what} is not an object", key=key)
    return value


def texts(key: str, name: str, value: Any) -> tuple[str, ...]:
    """The field `name` of something under `key`, which has to be a list of texts."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise SettingsError(f"{key}: {name} is not a list of texts", key=key)
    return tuple(value)


def unknown_field(key: str, name: str) -> SettingsError:
    return SettingsError(f"{key}: unknown field {name}", key=key)
