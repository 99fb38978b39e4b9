"""`resource.customizations`, in one key or one key for each kind, as values.

    resource.customizations: |              resource.customizations.health.apps_Deployment: ...
      apps/Deployment:                      resource.customizations.ignoreDifferences.all: ...
        health.lua: ...

A key of its own beats the same thing in the one key. Keys of a ConfigMap cannot hold `*`, so that
there `_` stands for it where it is a whole kind, a whole group or the first part of a group.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tiphys.core.settings.overrides import HealthScript, IgnoreRule, KnownTypeField
from tiphys.core.settings.values import (
    boolean,
    checked,
    document,
    texts,
    unknown_field,
)
from tiphys.model.errors import SettingsError
from tiphys.model.resource import GroupKind

LEGACY = "resource.customizations"
_ALL = GroupKind("*", "*")
_NAME = re.compile(r"(?:(?P<group>_(?:\.[^_]*)?|[^_]*)_)?(?P<kind>_|[^_]+)")
_RULE_FIELDS = {
    "jsonPointers": "json_pointers",
    "jqPathExpressions": "jq_path_expressions",
    "managedFieldsManagers": "managed_fields_managers",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Customization:
    """What is said of one kind, or of all that its globs name; None is nothing said."""

    kind: GroupKind
    script: str | None = None
    open_libs: bool | None = None
    ignore_differences: IgnoreRule | None = None
    ignore_updates: IgnoreRule | None = None
    known_types: tuple[KnownTypeField, ...] | None = None


def legacy(key: str, text: str) -> tuple[Customization, ...]:
    """All entries of the one key."""
    entries = document(key, text)
    if entries is None:
        return ()
    return tuple(
        _entry(key, _slashed(name), checked(key, value, name))
        for name, value in checked(key, entries, "its value").items()
    )


def has_actions(text: str) -> bool:
    """Whether the one key defines actions."""
    try:
        entries = document(LEGACY, text)
    except SettingsError:
        return False
    return isinstance(entries, dict) and any(
        isinstance(value, dict) and "actions" in value for value in entries.values()
    )


def split(key: str, text: str) -> tuple[Customization, ...]:
    """The customization of a key for one kind; actions are none of an application's controller."""
    aspect, _, name = key.removeprefix(f"{LEGACY}.").partition(".")
    if aspect == "actions":
        return ()
    if aspect not in _ASPECTS:
        raise SettingsError(f'{key}: there is no customization "{aspect}"', key=key)
    kind = _underscored(key, name)
    return (replace(Customization(kind=kind), **_ASPECTS[aspect](key, kind, text)),)


def action_texts(data: Mapping[str, str]) -> Mapping[GroupKind, str]:
    """The actions of each kind as they are written, which only the API shows so far."""
    found: dict[GroupKind, str] = {}
    entries = _document_or_none(data.get(LEGACY) or "")
    for name, value in entries.items():
        if isinstance(value, Mapping) and isinstance(value.get("actions"), str):
            found[_slashed(str(name))] = value["actions"]
    prefix = f"{LEGACY}.actions."
    for key in sorted(data):
        if key.startswith(prefix) and _NAME.fullmatch(key.removeprefix(prefix)):
            found[_underscored(key, key.removeprefix(prefix))] = data[key]
    return found


def _document_or_none(text: str) -> Mapping[Any, Any]:
    try:
        entries = document(LEGACY, text)
    except SettingsError:
        return {}
    return entries if isinstance(entries, Mapping) else {}


def merged(found: Iterable[Customization]) -> tuple[Customization, ...]:
    """One for each kind, in the order of their first mention; what is said later wins."""
    by_kind: dict[GroupKind, Customization] = {}
    for one in found:
        known = by_kind.setdefault(one.kind, Customization(kind=one.kind))
        said = {
            name: value
            for name in Customization.__slots__
            if (value := getattr(one, name)) is not None
        }
        by_kind[one.kind] = replace(known, **said)
    return tuple(by_kind.values())


def health_scripts(found: Iterable[Customization]) -> tuple[HealthScript, ...]:
    return tuple(
        HealthScript(
            group=one.kind.group,
            kind=one.kind.kind,
            script=one.script,
            open_libs=bool(one.open_libs),
        )
        for one in found
        if one.script
    )


def _entry(key: str, kind: GroupKind, fields: Mapping[str, Any]) -> Customization:
    said: dict[str, Any] = {}
    for name, value in fields.items():
        match name:
            case "health.lua":
                said["script"] = _text(key, name, value)
            case "health.lua.useOpenLibs":
                said["open_libs"] = boolean(key, str(value))
            case "ignoreDifferences":
                said["ignore_differences"] = _rule(key, kind, _inner(key, value))
            case "ignoreResourceUpdates":
                said["ignore_updates"] = _rule(key, kind, _inner(key, value))
            case "knownTypeFields":
                said["known_types"] = _types(key, kind, _inner(key, value))
            case "actions":
                pass  # Said among the settings that have no effect.
            case _:
                raise unknown_field(key, name)
    return replace(Customization(kind=kind), **said)


def _inner(key: str, value: Any) -> Any:
    """What is written as text in the contract may as well stand there as it is."""
    return document(key, value) if isinstance(value, str) else value


def _text(key: str, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise SettingsError(f"{key}: {name} is not a text", key=key)
    return value


def _rule(key: str, kind: GroupKind, value: Any) -> IgnoreRule | None:
    if value is None:
        return None
    lists: dict[str, Any] = {}
    for name, entries in checked(key, value, "the rule").items():
        if name not in _RULE_FIELDS:
            raise unknown_field(key, name)
        lists[_RULE_FIELDS[name]] = () if entries is None else texts(key, name, entries)
    return IgnoreRule(group=kind.group, kind=kind.kind, **lists)


def _types(key: str, kind: GroupKind, value: Any) -> tuple[KnownTypeField, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise SettingsError(f"{key}: knownTypeFields is not a list", key=key)
    return tuple(_type(key, kind, checked(key, item, "an entry")) for item in value)


def _type(key: str, kind: GroupKind, entry: Mapping[str, Any]) -> KnownTypeField:
    if set(entry) != {"field", "type"}:
        raise SettingsError(f"{key}: an entry needs field and type, and nothing else", key=key)
    field, type_ = (_text(key, name, entry[name]) for name in ("field", "type"))
    return KnownTypeField(kind.group, kind.kind, field, type_)


_ASPECTS: Mapping[str, Callable[[str, GroupKind, str], Mapping[str, Any]]] = {
    "health": lambda _key, _kind, text: {"script": text},
    "useOpenLibs": lambda key, _kind, text: {"open_libs": boolean(key, text)},
    "ignoreDifferences": lambda key, kind, text: {
        "ignore_differences": _rule(key, kind, document(key, text))
    },
    "ignoreResourceUpdates": lambda key, kind, text: {
        "ignore_updates": _rule(key, kind, document(key, text))
    },
    "knownTypeFields": lambda key, kind, text: {
        "known_types": _types(key, kind, document(key, text))
    },
}


def _slashed(name: str) -> GroupKind:
    """`group/Kind`, `Kind` for the core group; one star alone is everything."""
    if name == "*":
        return _ALL
    group, _, kind = name.rpartition("/")
    return GroupKind(group, kind)


def _underscored(key: str, name: str) -> GroupKind:
    if name == "all":
        return _ALL
    found = _NAME.fullmatch(name)
    if found is None:
        raise SettingsError(f"{key}: does not end in <group>_<Kind>, <Kind> or all", key=key)
    group = found["group"] or ""
    return GroupKind(
        f"*{group[1:]}" if group.startswith("_") else group,
        "*" if found["kind"] == "_" else found["kind"],
    )
