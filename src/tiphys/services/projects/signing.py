"""The key that tokens are signed with: `server.secretkey` of argocd-secret, made where it lacks."""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import Any

from tiphys.model.errors import ConflictError, ObjectExistsError, ObjectNotFoundError, SettingsError
from tiphys.model.live import PatchKind
from tiphys.model.names import LABEL_PART_OF
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.live.ports import KubeReader, KubeWriter

_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
_SECRETS = ApiResource("", "v1", "Secret", "secrets", True, _VERBS)
_SECRET = "argocd-secret"  # noqa: S105 - a name
_KEY = "server.secretkey"
_BYTES = 32
_MANAGER = "argocd"


class SigningKey:
    """Raises KubeError and SettingsError, which never hold the key."""

    def __init__(self, reader: KubeReader, writer: KubeWriter, namespace: str) -> None:
        self._reader = reader
        self._writer = writer
        self._namespace = namespace

    async def read(self) -> bytes:
        while True:
            try:
                stored = await self._reader.get(_SECRETS, self._namespace, _SECRET)
            except ObjectNotFoundError:
                stored = await self._create()
            key = _key(stored)
            if key:
                return key
            await self._fill(stored)

    async def _create(self) -> Manifest:
        manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": _SECRET,
                "namespace": self._namespace,
                "labels": {LABEL_PART_OF: "argocd"},
            },
            "type": "Opaque",
            "data": {_KEY: _new_key()},
        }
        try:
            return await self._writer.create(_SECRETS, manifest, manager=_MANAGER)
        except ObjectExistsError:
            return await self._reader.get(_SECRETS, self._namespace, _SECRET)

    async def _fill(self, stored: Manifest) -> None:
        """Not where somebody else was faster: all have to sign with one key."""
        patch: dict[str, Any] = {
            "metadata": {"resourceVersion": stored["metadata"].get("resourceVersion")},
            "data": {_KEY: _new_key()},
        }
        try:
            await self._writer.patch(
                _SECRETS, self._namespace, _SECRET, PatchKind.MERGE, patch, manager=_MANAGER
            )
        except ConflictError:
            return


def _key(secret: Manifest) -> bytes:
    try:
        return base64.b64decode((secret.get("data") or {}).get(_KEY) or "", validate=True)
    except (binascii.Error, ValueError):
        raise SettingsError(f"{_SECRET}: {_KEY} is not base64", key=_KEY) from None


def _new_key() -> str:
    """The key is itself a text of base64, as the contract makes it."""
    return base64.b64encode(base64.b64encode(secrets.token_bytes(_BYTES))).decode()
