"""Repositories and templates as callers write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiphys.core.repositories.record import Form, Record, SecretType, keys_of, shielded
from tiphys.model.repository import Confidential

_SPELLINGS = {"enableOCI": "enableOci", "insecureOCIForceHttp": "insecureOciForceHttp"}
"""A query spells two of the names otherwise."""


def asked_repository(message: Mapping[str, Any]) -> Record:
    return _asked(message, "repo", SecretType.REPOSITORY)


def asked_template(message: Mapping[str, Any]) -> Record:
    return _asked(message, "url", SecretType.TEMPLATE)


def _asked(message: Mapping[str, Any], url: str, kind: SecretType) -> Record:
    found: dict[str, Any] = {}
    for key in keys_of(kind):
        value = message.get(key.name) or message.get(_SPELLINGS.get(key.name, key.name))
        match key.form:
            case Form.BOOL:
                found[key.attribute] = bool(value)
            case Form.NUMBER:
                found[key.attribute] = int(value or 0)
            case Form.SECRET:
                found[key.attribute] = Confidential(value or "")
            case _:
                found[key.attribute] = str(value or "")
    return Record(url=shielded(str(message.get(url) or "").strip()), **found)
