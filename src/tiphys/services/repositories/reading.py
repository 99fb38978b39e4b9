"""The repositories as a command needs them: read once, when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tiphys.core.repositories.known import Known, by_host
from tiphys.core.repositories.secret import read_secret
from tiphys.model.errors import ForbiddenError, ObjectNotFoundError
from tiphys.model.names import LABEL_SECRET_TYPE
from tiphys.model.resource import ApiResource
from tiphys.services.live.ports import KubeReader
from tiphys.services.repositories.registry import CERTIFICATES, KNOWN_HOSTS, KNOWN_HOSTS_KEY

_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
SECRETS: Final = ApiResource("", "v1", "Secret", "secrets", True, _VERBS)
CONFIG_MAPS: Final = ApiResource("", "v1", "ConfigMap", "configmaps", True, _VERBS)


async def read_known(reader: KubeReader, namespace: str) -> Known:
    """All that is known of repositories now. Raises KubeError."""
    listed = await reader.list(SECRETS, namespace=namespace, label_selector=LABEL_SECRET_TYPE)
    read = (read_secret(item) for item in listed.items)
    return Known(
        {one.name: one for one in read if one is not None},
        by_host(await _config_map(reader, namespace, CERTIFICATES)),
        (await _config_map(reader, namespace, KNOWN_HOSTS)).get(KNOWN_HOSTS_KEY, ""),
    )


async def read_visible(reader: KubeReader, namespace: str) -> Known:
    """As far as whoever asks may read Secrets: who may not knows of no repository, and reads all
    anonymously. Raises KubeError.
    """
    try:
        return await read_known(reader, namespace)
    except ForbiddenError:
        return Known()


async def _config_map(reader: KubeReader, namespace: str, name: str) -> Mapping[str, str]:
    try:
        found = await reader.get(CONFIG_MAPS, namespace, name)
    except ObjectNotFoundError:
        return {}
    return found.get("data") or {}
