"""Secrets of repositories and templates, read into records. No value leaves in an error."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from tiphys.core.repositories.record import Form, Record, SecretType, keys_of, shielded
from tiphys.core.source.url import normal_form
from tiphys.model.errors import SettingsError
from tiphys.model.names import LABEL_SECRET_TYPE
from tiphys.model.repository import Confidential
from tiphys.model.resource import Manifest

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"", "0", "f", "F", "FALSE", "false", "False"})
_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")
_BIGGEST = 2**63 - 1
_TYPES = frozenset(SecretType)
MANAGED_BY = "managed-by"
MANAGER = "argocd.argoproj.io"


@dataclass(frozen=True, slots=True)
class RepositorySecret:
    """A Secret that was read. `managed`: it was made by a call, not declared by someone."""

    name: str
    type: SecretType
    record: Record
    managed: bool = False

    @property
    def url(self) -> str:
        return self.record.url

    @property
    def project(self) -> str:
        return self.record.project


@dataclass(frozen=True, slots=True)
class BrokenSecret:
    """One that cannot be read: `problem` names it and its key. `record` is what could be."""

    name: str
    type: SecretType
    record: Record
    problem: str
    managed: bool = False

    @property
    def url(self) -> str:
        return self.record.url

    @property
    def project(self) -> str:
        return self.record.project


AnySecret = RepositorySecret | BrokenSecret


def secret_type(manifest: Manifest) -> SecretType | None:
    """None for a Secret of something else."""
    label = (manifest["metadata"].get("labels") or {}).get(LABEL_SECRET_TYPE)
    return SecretType(label) if label in _TYPES else None


def read_secret(manifest: Manifest) -> AnySecret | None:
    """None for a Secret of something else."""
    kind = secret_type(manifest)
    if kind is None:
        return None
    metadata = manifest["metadata"]
    name = str(metadata["name"])
    managed = (metadata.get("annotations") or {}).get(MANAGED_BY) == MANAGER
    data = _Data(name, manifest.get("data") or {})
    found: dict[str, Any] = {}
    problems: list[str] = []
    for key in keys_of(kind):
        try:
            found[key.attribute] = data.read(key.spelled(kind), key.form)
        except SettingsError as error:
            problems.append(str(error))
    try:
        url = data.text("url").strip()
    except SettingsError as error:
        url = ""
        problems.append(str(error))
    record = Record(url=shielded(url), **found)
    if problems:
        return BrokenSecret(name, kind, record, problems[0], managed)
    return RepositorySecret(name, kind, record, managed)


def same_url(one: str, other: str) -> bool:
    return normal_form(one) == normal_form(other)


class _Data:
    """The Secret's data, decoded key by key. Its errors name Secret and key."""

    def __init__(self, secret: str, data: Mapping[str, Any]) -> None:
        self._secret = secret
        self._data = data

    def read(self, key: str, form: Form) -> str | bool | int:
        text = self.text(key)
        match form:
            case Form.TEXT:
                return text
            case Form.SECRET:
                return Confidential(text)
            case Form.BOOL:
                return self._bool(key, text)
            case Form.NUMBER:
                return self._number(key, text)
            case _:
                assert_never(form)

    def text(self, key: str) -> str:
        try:
            return base64.b64decode(str(self._data.get(key) or ""), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise self._error(key, "cannot be read as text") from None

    def _bool(self, key: str, text: str) -> bool:
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise self._error(key, "is not a boolean")

    def _number(self, key: str, text: str) -> int:
        if not text:
            return 0
        if not _NUMBER.fullmatch(text) or abs(int(text)) > _BIGGEST:
            raise self._error(key, "is not a whole number")
        return int(text)

    def _error(self, key: str, problem: str) -> SettingsError:
        return SettingsError(f"Secret {self._secret}: key {key} {problem}", key=key)
