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


async def read_visible(reader: KubeReader, namespace: str) -> KnownRepositories:
    """As far as whoever asks may read: who may not read Secrets knows of no repository, and reads
    all of them anonymously. Raises KubeError.
    """
    known = KnownRepositories()
    try:
        listed = await reader.list(_SECRETS, namespace=namespace, label_selector=LABEL_SECRET_TYPE)
    except ForbiddenError:
        listed = ObjectList((), "")
    known.replaced(_SECRETS, listed)
    maps = []
    for name in (CERTIFICATES, KNOWN_HOSTS, KEYRING):
        try:
            maps.append(await reader.get(_CONFIG_MAPS, namespace, name))
        except (ForbiddenError, ObjectNotFoundError):
            continue
    known.config_maps.replaced(_CONFIG_MAPS, ObjectList(tuple(maps), ""))
    return known
