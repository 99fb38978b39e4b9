"""The methods on certificates of servers and keys of SSH hosts."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from tiphys.api.calls import Answer, Call, Handlers, Message, Unary
from tiphys.api.handlers.shapes import listing, part, text
from tiphys.core.repositories.certificates import HTTPS, described, split_pem
from tiphys.core.repositories.knownhosts import SSH, HostKey
from tiphys.model.errors import ApiCode, ApiError
from tiphys.services.access.ports import Access
from tiphys.services.repositories.certificates import Certificate, CertificateCatalogue

_SERVICE = "certificate.CertificateService"


class CertificateHandlers:
    def __init__(self, certificates: CertificateCatalogue, access: Access) -> None:
        self._certificates = certificates
        self._access = access

    def methods(self) -> Handlers:
        return {
            f"{_SERVICE}/ListCertificates": Unary(self._list),
            f"{_SERVICE}/CreateCertificate": Unary(self._create),
            f"{_SERVICE}/DeleteCertificate": Unary(self._delete),
        }

    async def _list(self, call: Call, message: Message) -> Answer:
        self._access.require(call.caller, "certificates", "get", "")
        kind = text(message, "certType")
        subtype = text(message, "certSubType")
        found = await self._certificates.list(
            pattern=text(message, "hostNamePattern"), kind="" if kind == "*" else kind
        )
        return listing([one.to_json() for one in found if subtype in ("", "*", one.subtype)])

    async def _create(self, call: Call, message: Message) -> Answer:
        self._access.require(call.caller, "certificates", "create", "")
        upsert = bool(message.get("upsert"))
        created: list[Certificate] = []
        for item in part(message, "certificates").get("items") or ():
            created += await self._put(item, upsert=upsert)
        return listing([one.to_json() for one in created])

    async def _put(self, item: Mapping[str, Any], *, upsert: bool) -> Sequence[Certificate]:
        server, data = text(item, "serverName"), _data(item)
        match text(item, "certType"):
            case "ssh":
                key = HostKey(server, text(item, "certSubType"), data.strip())
                new = await self._certificates.add_keys([key], upsert=upsert)
                return [Certificate(one.hosts, SSH, one.type, _fingerprint(one)) for one in new]
            case "https":
                pems = split_pem(data)
                await self._certificates.add_server(server, pems, upsert=upsert)
                found = [described(pem) for pem in pems]
                return [Certificate(server, HTTPS, one.key_type, one.subject) for one in found]
            case other:
                raise ApiError(
                    ApiCode.UNKNOWN, f"certificates are of type ssh or https, not '{other}'"
                )

    async def _delete(self, call: Call, message: Message) -> Answer:
        self._access.require(call.caller, "certificates", "delete", "")
        kind = text(message, "certType")
        gone = await self._certificates.delete(
            text(message, "hostNamePattern"),
            kind="" if kind == "*" else kind,
            subtype=text(message, "certSubType"),
        )
        return listing([one.to_json() for one in gone])


def _data(item: Mapping[str, Any]) -> str:
    try:
        return base64.b64decode(text(item, "certData"), validate=True).decode()
    except (binascii.Error, ValueError):
        raise ApiError(ApiCode.UNKNOWN, "the data of a certificate is not text") from None


def _fingerprint(key: HostKey) -> str:
    """Bare and unpadded, as the contract answers it here and nowhere else."""
    try:
        data = base64.b64decode(key.data, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return base64.b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
