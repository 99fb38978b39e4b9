"""Records as Secrets, and as the API shows them: without what is secret."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from tiphys.core.repositories.opening import kind_of
from tiphys.core.repositories.record import (
    Form,
    Key,
    Record,
    SecretType,
    keys_of,
    without_password,
)
from tiphys.core.repositories.secret import MANAGED_BY, MANAGER
from tiphys.core.settings.clustersecret import fnv32a
from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.names import LABEL_SECRET_TYPE
from tiphys.model.resource import Manifest

_PREFIXES = {
    SecretType.REPOSITORY: "repo",
    SecretType.TEMPLATE: "creds",
    SecretType.REPOSITORY_WRITE: "repo-write",
    SecretType.TEMPLATE_WRITE: "creds-write",
}
_SHOWN = (
    "username",
    "lfs",
    "type",
    "name",
    "inherited",
    "oci",
    "github_app",
    "github_installation",
    "github_url",
    "proxy",
    "project",
    "force_basic",
    "no_proxy",
    "azure_workload",
    "force_http",
    "depth",
    "cold",
)
"""What the API shows of a repository, in its order, beside the URL and whether it is insecure."""


def secret_name(kind: SecretType, url: str, project: str = "") -> str:
    """The contract's name: a hash of the URL as it was given, and of the project."""
    return f"{_PREFIXES[kind]}-{fnv32a((url + project).encode())}"


def new_secret(record: Record, kind: SecretType, namespace: str) -> Manifest:
    """The Secret that says all of a record."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": secret_name(kind, record.url, record.project),
            "namespace": namespace,
            "labels": {LABEL_SECRET_TYPE: str(kind)},
            "annotations": {MANAGED_BY: MANAGER},
        },
        "type": "Opaque",
        "data": {key: _base64(text) for key, text in texts_of(record, kind).items() if text},
    }


def changed_secret(live: Manifest, record: Record, kind: SecretType) -> Manifest:
    """A Secret with another record in it. Keys that nobody knows stay, and so do those that are
    empty now as before; one that is cleared stays as an empty text.

    Raises ApiError for a Secret that only has the name.
    """
    metadata = live["metadata"]
    if LABEL_SECRET_TYPE not in (metadata.get("labels") or {}):
        raise ApiError(
            ApiCode.INVALID_ARGUMENT,
            f'secret "{metadata["name"]}" doesn\'t have the proper "{LABEL_SECRET_TYPE}" label: '
            "please fix the secret or delete it",
        )
    data = dict(live.get("data") or {})
    for key, text in texts_of(record, kind).items():
        if text or key in data:
            data[key] = _base64(text)
    return {
        **live,
        "metadata": {
            **metadata,
            "labels": {**(metadata.get("labels") or {}), LABEL_SECRET_TYPE: str(kind)},
            "annotations": {**(metadata.get("annotations") or {}), MANAGED_BY: MANAGER},
        },
        "data": data,
    }


def texts_of(record: Record, kind: SecretType) -> dict[str, str]:
    """All keys that a Secret of this type may have, with their texts, empty ones too."""
    found = {"url": record.url}
    for key in keys_of(kind):
        found[key.spelled(kind)] = _text(key, getattr(record, key.attribute))
    return found


def differing(one: Record, other: Record, kind: SecretType) -> list[str]:
    """The names of the keys that two records do not have in common, by the alphabet."""
    return sorted(
        key.name
        for key in keys_of(kind)
        if getattr(one, key.attribute) != getattr(other, key.attribute)
    )


def shown_repository(record: Record, state: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """As the API answers a repository; `state` is how its connection fares."""
    found: dict[str, Any] = {"repo": without_password(record.url)}
    if record.username:
        found["username"] = record.username
    if state is not None:
        found["connectionState"] = dict(state)
    if insecure(record):
        found["insecure"] = True
    values = {name: getattr(record, name) for name in _SHOWN}
    values["type"] = kind_of(record) or record.type
    values["proxy"] = without_password(record.proxy)
    names = {key.attribute: key.name for key in keys_of(SecretType.REPOSITORY)}
    names["inherited"] = "inheritedCreds"
    for attribute, value in values.items():
        if value and names[attribute] not in found:
            found[names[attribute]] = value if isinstance(value, bool | int) else str(value)
    return found


def shown_template(record: Record) -> dict[str, Any]:
    values = {
        "url": without_password(record.url),
        "username": record.username,
        "enableOCI": record.oci,
        "type": record.type,
    }
    return {key: value for key, value in values.items() if value}


def insecure(record: Record) -> bool:
    return record.insecure or record.insecure_host_key or record.force_http


def credentials_shown(record: Record) -> str:
    """The column of `repo list`: the API shows little, so most credentials do not count here."""
    if record.inherited:
        return "inherited"
    return "true" if record.username or record.azure_workload else "false"


def _text(key: Key, value: Any) -> str:
    match key.form:
        case Form.BOOL:
            return "true" if value else ""
        case Form.NUMBER:
            return str(value) if value else ""
        case _:
            return str(value)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
