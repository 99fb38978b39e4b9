"""Accounts as argocd-cm and argocd-secret describe them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from tiphys.model.errors import SettingsError

ADMIN = "admin"
_PREFIX = "accounts."
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


class Capability(StrEnum):
    LOGIN = "login"
    API_KEY = "apiKey"


@dataclass(frozen=True, slots=True)
class AccountToken:
    """An API key that was issued; times are seconds since 1970, no end is 0."""

    id: str
    iat: int
    exp: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`password_changed` are seconds since 1970."""

    name: str
    enabled: bool = True
    capabilities: tuple[Capability, ...] = ()
    password: str = field(default="", repr=False)
    password_changed: int | None = None
    tokens: tuple[AccountToken, ...] = ()

    def can(self, capability: Capability) -> bool:
        return capability in self.capabilities

    def token(self, identifier: str) -> AccountToken | None:
        return next((one for one in self.tokens if one.id == identifier), None)


@dataclass(frozen=True, slots=True)
class Accounts:
    """`unknown` are capabilities that there are not, with the keys that name them."""

    by_name: Mapping[str, Account]
    unknown: tuple[tuple[str, str], ...] = ()


def parse_accounts(general: Mapping[str, str], secret: Mapping[str, str]) -> Accounts:
    """Of the data of argocd-cm and argocd-secret. Raises SettingsError."""
    capabilities: dict[str, list[Capability]] = {ADMIN: [Capability.LOGIN]}
    enabled = {ADMIN: _flag(general.get("admin.enabled", "")) is not False}
    unknown = []
    for key in sorted(key for key in general if key.startswith(_PREFIX)):
        _, name, *suffix = key.split(".")
        if len(suffix) > 1:
            continue
        capabilities.setdefault(name, [])
        enabled.setdefault(name, True)
        if not suffix:
            known, others = _capabilities(general[key])
            capabilities[name] += known
            unknown += [(key, other) for other in others]
        elif suffix == ["enabled"]:
            enabled[name] = _required_flag(key, general[key])
    accounts = {
        name: _account(name, tuple(found), secret, enabled=enabled[name])
        for name, found in capabilities.items()
    }
    return Accounts(accounts, tuple(unknown))


def changed_keys(before: Account, after: Account) -> dict[str, str | None]:
    """What the change is in argocd-secret, key by key; None removes one."""
    prefix = _prefix(after.name)
    changes: dict[str, str | None] = {}
    if after.password != before.password:
        changes[f"{prefix}password"] = after.password
    if after.password_changed != before.password_changed:
        changed = datetime.fromtimestamp(after.password_changed or 0, UTC)
        changes[f"{prefix}passwordMtime"] = changed.strftime("%Y-%m-%dT%H:%M:%SZ")
    if after.tokens != before.tokens:
        changes[f"{prefix}tokens"] = _written(after.tokens) if after.tokens else None
    return changes


def _account(
    name: str, capabilities: tuple[Capability, ...], secret: Mapping[str, str], *, enabled: bool
) -> Account:
    prefix = _prefix(name)
    return Account(
        name=name,
        enabled=enabled,
        capabilities=capabilities,
        password=secret.get(f"{prefix}password", ""),
        password_changed=_changed(f"{prefix}passwordMtime", secret),
        tokens=_tokens(f"{prefix}tokens", secret),
    )


def _prefix(name: str) -> str:
    return "admin." if name == ADMIN else f"{_PREFIX}{name}."


def _capabilities(text: str) -> tuple[list[Capability], list[str]]:
    words = [word for word in map(str.strip, text.split(",")) if word]
    known = [Capability(word) for word in words if word in set(Capability)]
    return known, [word for word in words if word not in set(Capability)]


def _flag(text: str) -> bool | None:
    if text in _TRUE:
        return True
    return False if text in _FALSE else None


def _required_flag(key: str, text: str) -> bool:
    flag = _flag(text)
    if flag is None:
        raise SettingsError(f"{key}: {text!r} is neither true nor false", key=key)
    return flag


def _changed(key: str, secret: Mapping[str, str]) -> int | None:
    text = secret.get(key)
    if not text:
        return None
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        raise SettingsError(f"argocd-secret: {key} is no time", key=key) from None


def _tokens(key: str, secret: Mapping[str, str]) -> tuple[AccountToken, ...]:
    try:
        found = json.loads(secret.get(key) or "[]") or []
        return tuple(map(_token, found))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise SettingsError(f"argocd-secret: {key} is no list of tokens", key=key) from None


def _token(entry: Mapping[str, Any]) -> AccountToken:
    return AccountToken(str(entry["id"]), int(entry["iat"]), int(entry.get("exp") or 0))


def _written(tokens: Iterable[AccountToken]) -> str:
    entries = [
        {"id": one.id, "iat": one.iat, **({"exp": one.exp} if one.exp else {})} for one in tokens
    ]
    return json.dumps(entries, separators=(",", ":"))
