"""Repository Secrets: what they ask of a repository that this version does not do.

Only names of keys leave this module, never a value other than a URL.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tiphys.core.source.url import normal_form
from tiphys.model.names import LABEL_SECRET_TYPE
from tiphys.model.resource import Manifest

_HONOURED = frozenset({"url", "name", "project"})
_FALSE = frozenset({"", "false"})
_IDLE_WHEN_FALSE = frozenset({"insecure", "insecureIgnoreHostKey", "enableLfs", "enableOCI"})
_GIT = frozenset({"", "git"})


class SecretType(StrEnum):
    REPOSITORY = "repository"
    CREDENTIALS = "repo-creds"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class RepositorySecret:
    """`unsupported` are the keys that ask for what this version does not do. `project` is empty
    for one that counts for all projects. `template`: `url` is a prefix.
    """

    name: str
    url: str
    project: str
    template: bool
    unsupported: tuple[str, ...]

    def concerns(self, url: str, project: str) -> bool:
        if not self.url or self.project not in ("", project):
            return False
        mine, asked = normal_form(self.url), normal_form(url)
        return asked.startswith(mine) if self.template else asked == mine


def repository_secret(manifest: Manifest) -> RepositorySecret | None:
    """None for a Secret of another type."""
    meta = manifest["metadata"]
    kind = (meta.get("labels") or {}).get(LABEL_SECRET_TYPE)
    if kind not in (SecretType.REPOSITORY, SecretType.CREDENTIALS):
        return None
    data = manifest.get("data") or {}
    read = {key: _text(value) for key, value in data.items()}
    return RepositorySecret(
        name=meta["name"],
        url=read.get("url", "").strip(),
        project=read.get("project", "").strip(),
        template=kind == SecretType.CREDENTIALS,
        unsupported=tuple(key for key in sorted(read) if not _is_idle(key, read[key])),
    )


def refusals(secrets: Iterable[RepositorySecret], url: str, project: str) -> list[str]:
    """Why a repository cannot be read as its Secrets ask for; one text for each key."""
    return [
        f"Secret {secret.name}: {key} is not supported by this version of Tiphys "
        f"(it belongs to the repository of spec.source.repoURL)"
        for secret in sorted(secrets, key=lambda one: one.name)
        if secret.concerns(url, project)
        for key in secret.unsupported
    ]


def _is_idle(key: str, value: str) -> bool:
    """Whether a key asks for what happens anyway."""
    if key in _HONOURED:
        return True
    if key == "type":
        return value.strip() in _GIT
    if key in _IDLE_WHEN_FALSE:
        return value.strip().lower() in _FALSE
    return not value


def _text(value: object) -> str:
    """A value that cannot be read is not empty, so that its key is refused."""
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "?"
