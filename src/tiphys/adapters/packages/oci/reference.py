"""Names in registries: host, repository, tag or digest (OCI distribution specification 1.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tiphys.adapters.packages.errors import shown
from tiphys.core.source.url import without_user
from tiphys.model.errors import UnsupportedRepositoryError
from tiphys.model.repository import Repository

_HOST_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:\[[0-9A-Fa-f:.]+\]|{_HOST_NAME})(?::[0-9]{{1,5}})?")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_LONGEST_NAME = 255
_DOCKER_HUB = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}


@dataclass(frozen=True, slots=True)
class Place:
    """A repository in a registry. `base` is `https://host`; without a name, the registry itself."""

    base: str
    name: str

    def url(self, what: str) -> str:
        return f"{self.base}/v2/{self.name}/{what}"

    @property
    def ping(self) -> str:
        return f"{self.base}/v2/"

    @property
    def text(self) -> str:
        """As a user would write it."""
        return self.base.partition("://")[2] + (f"/{self.name}" if self.name else "")


def place_of(repository: Repository, chart: str = "") -> Place:
    """Raises UnsupportedRepositoryError for what is no name in a registry."""
    text = without_user(repository.url.strip())
    bare = re.sub(r"^(?:oci|https?)://", "", text, flags=re.IGNORECASE).rpartition("@")[2]
    host, _, path = bare.rstrip("/").partition("/")
    name = "/".join(part for part in (path.strip("/"), chart.strip("/")) if part)
    if _HOST.fullmatch(host) is None:
        raise _refused(text, "it has no host")
    if name and (len(name) > _LONGEST_NAME or _NAME.fullmatch(name) is None):
        raise _refused(
            f"{text}/{chart}" if chart else text,
            "a name in a registry has lower-case letters, digits, and separators between them",
        )
    scheme = "http" if repository.plain_http else "https"
    return Place(f"{scheme}://{_DOCKER_HUB.get(host.lower(), host)}", name)


def is_digest(reference: str) -> bool:
    return _DIGEST.fullmatch(reference) is not None


def is_tag(reference: str) -> bool:
    return _TAG.fullmatch(reference) is not None


def tag_of(version: str) -> str:
    """Tags know no `+`."""
    return version.replace("+", "_")


def version_of(tag: str) -> str:
    return tag.replace("_", "+")


def _refused(text: str, reason: str) -> UnsupportedRepositoryError:
    clean = "".join(char if char.isprintable() else "?" for char in shown(text))
    return UnsupportedRepositoryError(f"registry URL '{clean}' is refused: {reason}", url=clean)
