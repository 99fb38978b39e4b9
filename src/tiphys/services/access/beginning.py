"""What has to be there before anybody can log in: the signing key, and the admin's password."""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog

from tiphys.core.session.accounts import ADMIN, parse_accounts
from tiphys.model.errors import (
    ConflictError,
    ObjectExistsError,
    ObjectNotFoundError,
    SettingsError,
)
from tiphys.model.live import PatchKind
from tiphys.model.resource import Manifest
from tiphys.services.access.book import MANAGER, SECRET, SECRETS, AccountBook, texts
from tiphys.services.access.ports import Passwords
from tiphys.services.live.ports import KubeReader, KubeWriter
from tiphys.services.projects.signing import SigningKey

log = structlog.get_logger()

INITIAL = "argocd-initial-admin-secret"
_ROUND = "tiphys.dev/made-for"
"""The version of argocd-secret that a password was made for: several of us that start together
agree on one.
"""
_SIGNS = string.digits + string.ascii_letters + "-"
_LENGTH = 16
_TRIES = 20


class Beginning:
    def __init__(
        self,
        reader: KubeReader,
        writer: KubeWriter,
        book: AccountBook,
        passwords: Passwords,
        *,
        namespace: str,
        now: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._book = book
        self._passwords = passwords
        self._namespace = namespace
        self._now = now

    async def prepare(self) -> None:
        """Raises KubeError and SettingsError."""
        await SigningKey(self._reader, self._writer, self._namespace).read()
        for _ in range(_TRIES):
            try:
                await self._give_password()
                break
            except (ConflictError, ObjectExistsError, ObjectNotFoundError):
                continue
        await self._book.read()

    async def _give_password(self) -> None:
        """An admin without a password gets one, which is told to whoever may read Secrets."""
        stored = await self._reader.get(SECRETS, self._namespace, SECRET)
        try:
            admin = parse_accounts(self._book.general(), texts(stored)).by_name[ADMIN]
        except SettingsError as error:
            log.error("accounts cannot be read", error=str(error))
            return
        if not admin.enabled or admin.password:
            return
        version = str(stored["metadata"].get("resourceVersion"))
        password = await self._told(version)
        changed = self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        patch: dict[str, Any] = {
            "metadata": {"resourceVersion": version},
            "data": {
                "admin.password": _encoded(await self._passwords.hash(password)),
                "admin.passwordMtime": _encoded(changed),
            },
        }
        await self._writer.patch(
            SECRETS, self._namespace, SECRET, PatchKind.MERGE, patch, manager=MANAGER
        )
        log.info("made a password for admin", secret=INITIAL)

    async def _told(self, version: str) -> str:
        """The password as the Secret tells it that was made for this round."""
        try:
            found = await self._reader.get(SECRETS, self._namespace, INITIAL)
        except ObjectNotFoundError:
            made = self._manifest(version)
            return _password(await self._writer.create(SECRETS, made, manager=MANAGER))
        metadata = found["metadata"]
        if (metadata.get("annotations") or {}).get(_ROUND) == version and _password(found):
            return _password(found)
        made = self._manifest(version)
        annotations = {**(metadata.get("annotations") or {}), _ROUND: version}
        changed = {**found, "metadata": {**metadata, "annotations": annotations}} | {
            "data": made["data"]
        }
        return _password(await self._writer.replace(SECRETS, changed, manager=MANAGER))

    def _manifest(self, version: str) -> dict[str, Any]:
        password = "".join(secrets.choice(_SIGNS) for _ in range(_LENGTH))
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": INITIAL,
                "namespace": self._namespace,
                "annotations": {_ROUND: version},
            },
            "type": "Opaque",
            "data": {"password": _encoded(password)},
        }


def _password(secret: Manifest) -> str:
    return texts(secret).get("password", "")


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
