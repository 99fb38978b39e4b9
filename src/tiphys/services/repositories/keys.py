"""The calls on the keys that signatures are checked with: one an entry of a ConfigMap."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tiphys.model.errors import ApiCode, ApiError, SettingsError
from tiphys.model.openpgp import PublicKey
from tiphys.services.repositories.configmaps import ConfigMapEditor
from tiphys.services.repositories.ports import KeyReader
from tiphys.services.repositories.registry import KEYRING

_ID = re.compile(r"(?:[0-9A-F]{24})?[0-9A-F]{16}")
_TRUST = "unknown"


@dataclass(frozen=True, slots=True)
class AddedKeys:
    """Ids of what was stored, and of what was there already."""

    created: tuple[str, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListedKeys:
    """`problems` say which entries are no keys."""

    keys: tuple[PublicKey, ...]
    problems: tuple[str, ...] = ()


def shown_key(key: PublicKey, *, whole: bool) -> dict[str, Any]:
    return {
        "keyID": key.key_id,
        "fingerprint": key.fingerprint,
        "owner": key.owner,
        "trust": _TRUST,
        "subType": key.kind,
        "keyData": key.armoured if whole else "",
    }


class KeyCatalogue:
    """All methods raise ApiError and KubeError."""

    def __init__(self, config_maps: ConfigMapEditor, keys: KeyReader) -> None:
        self._config_maps = config_maps
        self._keys = keys

    async def list(self) -> ListedKeys:
        """By id."""
        data = await self._config_maps.read(KEYRING)
        keys: list[PublicKey] = []
        problems: list[str] = []
        for name in sorted(data):
            try:
                keys += await self._keys.read(data[name])
            except SettingsError as error:
                problems.append(f"ConfigMap {KEYRING}: key {name}: {error}")
        return ListedKeys(tuple(keys), tuple(problems))

    async def get(self, asked: str) -> PublicKey:
        """By id or fingerprint."""
        wanted = asked.upper()
        if _ID.fullmatch(wanted):
            for key in (await self.list()).keys:
                if key.key_id == wanted[-16:] and key.fingerprint.endswith(wanted):
                    return key
        raise ApiError(ApiCode.UNKNOWN, f"no such key: {asked}")

    async def add(self, text: str) -> AddedKeys:
        if not text.strip():
            raise ApiError(ApiCode.UNKNOWN, "submitted key data is empty")
        try:
            keys = await self._keys.read(text)
        except SettingsError as error:
            raise ApiError(ApiCode.UNKNOWN, str(error)) from None
        created: list[str] = []

        def put(data: Mapping[str, str]) -> Mapping[str, str]:
            new = {key.key_id: key.armoured for key in keys if key.key_id not in data}
            created[:] = new
            return {**data, **new}

        await self._config_maps.change(KEYRING, put)
        there = [key.key_id for key in keys if key.key_id not in created]
        return AddedKeys(tuple(created), tuple(dict.fromkeys(there)))

    async def delete(self, key_id: str) -> None:
        """By the very id."""

        def put(data: Mapping[str, str]) -> Mapping[str, str]:
            if key_id not in data:
                raise ApiError(ApiCode.UNKNOWN, f"no such key configured: {key_id}")
            return {name: text for name, text in data.items() if name != key_id}

        await self._config_maps.change(KEYRING, put)
