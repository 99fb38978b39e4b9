"""What argocd-cm and argocd-secret say of accounts and sessions, as they are now."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from tiphys.core.session.accounts import Account, Accounts, changed_keys, parse_accounts
from tiphys.core.session.settings import DEFAULT_PATTERN, DEFAULT_SECONDS, session_seconds
from tiphys.model.errors import (
    ApiCode,
    ApiError,
    ConflictError,
    ObjectNotFoundError,
    SettingsError,
)
from tiphys.model.live import PatchKind
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.live.ports import KubeReader, KubeWriter
from tiphys.services.reconcile.named import NamedObjects

log = structlog.get_logger()

GENERAL = "argocd-cm"
SECRET = "argocd-secret"  # noqa: S105 - a name
MANAGER = "argocd-server"
_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
SECRETS = ApiResource("", "v1", "Secret", "secrets", True, _VERBS)
_TRIES = 5


class Newest:
    """An object that is followed and written: as it was written, until the watch has it too."""

    def __init__(self, objects: NamedObjects, name: str) -> None:
        self._objects = objects
        self._name = name
        self._written: Manifest | None = None

    def present(self) -> Manifest | None:
        seen = self._objects.get(self._name)
        if self._written is not None and seen is not None and _age(seen) >= _age(self._written):
            self._written = None
        return self._written or seen

    def wrote(self, manifest: Manifest) -> None:
        self._written = manifest


class AccountBook:
    """`config_maps` and `secrets` are those of the control plane, by name."""

    def __init__(
        self,
        reader: KubeReader,
        writer: KubeWriter,
        config_maps: NamedObjects,
        secrets: NamedObjects,
        *,
        namespace: str,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._config_maps = config_maps
        self._secret = Newest(secrets, SECRET)
        self._namespace = namespace
        self._read_from: tuple[Manifest | None, Manifest | None] = (None, None)
        self._data: dict[str, str] = {}
        self._accounts: Accounts | SettingsError = Accounts({})
        self._seconds = DEFAULT_SECONDS

    def general(self) -> Mapping[str, str]:
        """The data of argocd-cm."""
        found = self._config_maps.get(GENERAL)
        return {} if found is None else found.get("data") or {}

    def key(self) -> bytes:
        """What our tokens are signed with; empty where there is none."""
        self._refresh()
        return self._data.get("server.secretkey", "").encode()

    def accounts(self) -> Mapping[str, Account]:
        """Raises ApiError where one of them cannot be read: that fails all calls."""
        self._refresh()
        if isinstance(self._accounts, SettingsError):
            raise ApiError(ApiCode.UNKNOWN, str(self._accounts))
        return self._accounts.by_name

    def session_seconds(self) -> int:
        """How long a login lasts."""
        self._refresh()
        return self._seconds

    def anonymous(self) -> bool:
        return self.general().get("users.anonymous.enabled") == "true"

    def password_pattern(self) -> str:
        return self.general().get("passwordPattern") or DEFAULT_PATTERN

    async def change(self, name: str, change: Callable[[Account], Account]) -> Account:
        """Writes what `change` makes of an account, which may refuse with an ApiError.

        Raises ApiError, NotFound, for an account that there is not, and KubeError.
        """
        for _ in range(_TRIES):
            try:
                return await self._change(name, change)
            except ConflictError:
                continue
        raise ConflictError(f"{SECRET} was changed meanwhile, again and again")

    async def _change(self, name: str, change: Callable[[Account], Account]) -> Account:
        stored = await self._reader.get(SECRETS, self._namespace, SECRET)
        try:
            accounts = parse_accounts(self.general(), texts(stored)).by_name
        except SettingsError as error:
            raise ApiError(ApiCode.UNKNOWN, str(error)) from None
        before = accounts.get(name)
        if before is None:
            raise ApiError(ApiCode.NOT_FOUND, f"account '{name}' does not exist")
        account = change(before)
        patch: dict[str, Any] = {
            "metadata": {"resourceVersion": stored["metadata"].get("resourceVersion")},
            "data": {
                key: None if text is None else base64.b64encode(text.encode()).decode()
                for key, text in changed_keys(before, account).items()
            },
        }
        self._secret.wrote(
            await self._writer.patch(
                SECRETS, self._namespace, SECRET, PatchKind.MERGE, patch, manager=MANAGER
            )
        )
        return account

    async def read(self) -> None:
        """Reads the Secret by itself, for whoever cannot wait until the watch has it."""
        try:
            self._secret.wrote(await self._reader.get(SECRETS, self._namespace, SECRET))
        except ObjectNotFoundError:
            return

    def _refresh(self) -> None:
        now = (self._config_maps.get(GENERAL), self._secret.present())
        if now[0] is self._read_from[0] and now[1] is self._read_from[1]:
            return
        self._read_from = now
        self._data = {} if now[1] is None else texts(now[1])
        general = self.general()
        try:
            self._accounts = parse_accounts(general, self._data)
            for key, word in self._accounts.unknown:
                log.warning(f"not supported account capability '{word}' in config map key '{key}'")
        except SettingsError as error:
            log.error("accounts cannot be read", error=str(error))
            self._accounts = error
        text = general.get("users.session.duration", "")
        seconds = session_seconds(text) if text else DEFAULT_SECONDS
        if seconds is None:
            log.error("users.session.duration is no duration", text=text)
        self._seconds = DEFAULT_SECONDS if seconds is None else seconds


def texts(secret: Manifest) -> dict[str, str]:
    """The data of a Secret. What is no text is left out."""
    found = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            found[key] = base64.b64decode(value or "", validate=True).decode()
        except (binascii.Error, ValueError):
            log.error("a key of a Secret is no text", secret=secret["metadata"]["name"], key=key)
    return found


def _age(manifest: Manifest) -> int:
    version = str(manifest["metadata"].get("resourceVersion", ""))
    return int(version) if version.isdigit() else 0
