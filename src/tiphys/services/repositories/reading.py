"""The repositories as a command needs them: read once, when they are asked for."""

from __future__ import annotations

from typing import Final

from tiphys.model.errors import ForbiddenError, ObjectNotFoundError
from tiphys.model.live import ObjectList
from tiphys.model.names import LABEL_SECRET_TYPE
from tiphys.model.resource import ApiResource
from tiphys.services.live.ports import KubeReader
from tiphys.services.repositories.registry import (
    CERTIFICATES,
    KEYRING,
    KNOWN_HOSTS,
    KnownRepositories,
)

_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
_SECRETS: Final = ApiResource("", "v1", "Secret", "secrets", True, _VERBS)
_CONFIG_MAPS: Final = ApiResource("", "v1", "ConfigMap", "configmaps", True, _VERBS)


async def read_known(reader: KubeReader, namespace: str) -> KnownRepositories:
    """All that the control plane knows of repositories now. Raises KubeError."""
    listed = await reader.list(_SECRETS, namespace=namespace, label_selector=LABEL_SECRET_TYPE)
    return await _known(reader, namespace, listed)


async def read_visible(reader: KubeReader, namespace: str) -> KnownRepositories:
    """As far as whoever asks may read: who may not read Secrets knows of no repository, and reads
    all of them anonymously. Raises KubeError.
    """
    try:
        return await read_known(reader, namespace)
    except ForbiddenError:
        return await _known(reader, namespace, ObjectList((), ""))


async def _known(reader: KubeReader, namespace: str, secrets: ObjectList) -> KnownRepositories:
    known = KnownRepositories(says=False)
    known.replaced(_SECRETS, secrets)
    maps = []
    for name in (CERTIFICATES, KNOWN_HOSTS, KEYRING):
        try:
            maps.append(await reader.get(_CONFIG_MAPS, namespace, name))
        except (ForbiddenError, ObjectNotFoundError):
            continue
    known.config_maps.replaced(_CONFIG_MAPS, ObjectList(tuple(maps), ""))
    return known
