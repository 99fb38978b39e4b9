"""Certificates and keys that a server believes in."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from tiphys.core.repositories.certificates import HTTPS
from tiphys.core.repositories.knownhosts import SSH, HostKey
from tiphys.model.openpgp import PublicKey
from tiphys.services.remote.ports import Remote
from tiphys.services.repositories.certificates import Certificate
from tiphys.services.repositories.keys import AddedKeys, ListedKeys

_CERTIFICATES = "certificate.CertificateService"
_KEYS = "gpgkey.GPGKeyService"


class RemoteCertificates:
    """All methods raise ApiError."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def list(self, *, pattern: str = "", kind: str = "") -> Sequence[Certificate]:
        request = {"hostNamePattern": pattern, "certType": kind}
        found = await self._remote.call(f"{_CERTIFICATES}/ListCertificates", request)
        return [_certificate(item) for item in found.get("items") or ()]

    async def add_server(self, server: str, pems: Sequence[str], *, upsert: bool) -> None:
        await self._create([_item(server, HTTPS, "", "".join(pems))], upsert=upsert)

    async def add_keys(self, keys: Sequence[HostKey], *, upsert: bool) -> Sequence[HostKey]:
        """Answers those that are new."""
        items = [_item(key.hosts, SSH, key.type, key.data) for key in keys]
        found = await self._create(items, upsert=upsert)
        new = {
            (item.get("serverName"), item.get("certSubType")) for item in found.get("items") or ()
        }
        return [key for key in keys if (key.hosts, key.type) in new]

    async def delete(
        self, pattern: str, *, kind: str = "", subtype: str = ""
    ) -> Sequence[Certificate]:
        request = {"hostNamePattern": pattern, "certType": kind, "certSubType": subtype}
        found = await self._remote.call(f"{_CERTIFICATES}/DeleteCertificate", request)
        return [_certificate(item) for item in found.get("items") or ()]

    async def _create(self, items: Sequence[Mapping[str, Any]], *, upsert: bool) -> dict[str, Any]:
        request = {"certificates": {"items": list(items)}, "upsert": upsert}
        return await self._remote.call(f"{_CERTIFICATES}/CreateCertificate", request)


class RemoteKeys:
    """All methods raise ApiError."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def list(self) -> ListedKeys:
        found = await self._remote.call(f"{_KEYS}/List", {})
        return ListedKeys(tuple(_key(item) for item in found.get("items") or ()))

    async def get(self, asked: str) -> PublicKey:
        return _key(await self._remote.call(f"{_KEYS}/Get", {"keyID": asked}))

    async def add(self, text: str) -> AddedKeys:
        request = {"publickey": {"keyData": text}}
        found = await self._remote.call(f"{_KEYS}/Create", request)
        created = (found.get("created") or {}).get("items") or ()
        return AddedKeys(
            tuple(str(one.get("keyID") or "") for one in created),
            tuple(found.get("skipped") or ()),
        )

    async def delete(self, key_id: str) -> None:
        await self._remote.call(f"{_KEYS}/Delete", {"keyID": key_id})


def _item(server: str, kind: str, subtype: str, text: str) -> dict[str, Any]:
    data = base64.b64encode(text.encode()).decode()
    return {"serverName": server, "certType": kind, "certSubType": subtype, "certData": data}


def _certificate(item: Mapping[str, Any]) -> Certificate:
    names = ("serverName", "certType", "certSubType", "certInfo")
    return Certificate(*(str(item.get(name) or "") for name in names))


def _key(item: Mapping[str, Any]) -> PublicKey:
    names = ("keyID", "fingerprint", "owner", "subType", "keyData")
    return PublicKey(*(str(item.get(name) or "") for name in names))
