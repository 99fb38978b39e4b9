"""Whom to believe: certificates of servers and keys of SSH hosts, in two ConfigMaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tiphys.core.repositories.certificates import HTTPS, described, parsed, split_pem
from tiphys.core.repositories.knownhosts import (
    SSH,
    HostKey,
    adding,
    chosen,
    host_matches,
    parse_known_hosts,
    rewritten,
)
from tiphys.model.errors import ApiCode, ApiError, SettingsError
from tiphys.services.repositories.configmaps import ConfigMapEditor
from tiphys.services.repositories.registry import CERTIFICATES, KNOWN_HOSTS, KNOWN_HOSTS_KEY

_FINGERPRINT = "SHA256:"
"""Of SSH keys nothing follows, in the contract as here."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One row of `cert list`."""

    server: str
    type: str
    subtype: str
    info: str

    def to_json(self) -> dict[str, Any]:
        return {
            "serverName": self.server,
            "certType": self.type,
            "certSubType": self.subtype,
            "certData": None,
            "certInfo": self.info,
        }


class CertificateCatalogue:
    """All methods raise ApiError and KubeError."""

    def __init__(self, config_maps: ConfigMapEditor) -> None:
        self._config_maps = config_maps

    async def list(self, *, pattern: str = "", kind: str = "") -> Sequence[Certificate]:
        """By a glob of host names and a type; empty ones mean all."""
        found: list[Certificate] = []
        if kind in ("", SSH):
            keys = parse_known_hosts(await self._known_hosts())
            found += [_of_key(key) for key in keys if chosen(key, pattern=pattern)]
        if kind in ("", HTTPS):
            data = await self._config_maps.read(CERTIFICATES)
            for server in sorted(data):
                if host_matches(server, pattern):
                    found += _of_server(server, data[server])
        return found

    async def add_server(self, server: str, pems: Sequence[str], *, upsert: bool) -> None:
        """The certificates that a host may have."""
        if not pems:
            raise ApiError(ApiCode.UNKNOWN, "no valid PEM data received")
        for pem in pems:
            try:
                parsed(pem)
            except SettingsError as error:
                raise ApiError(ApiCode.UNKNOWN, str(error)) from None
        text = "".join(pems)

        def put(data: Mapping[str, str]) -> Mapping[str, str]:
            if data.get(server, text) != text and not upsert:
                raise ApiError(
                    ApiCode.UNKNOWN,
                    f"TLS certificate for server '{server}' already exists, "
                    "and upsert was not specified",
                )
            return {**data, server: text}

        await self._config_maps.change(CERTIFICATES, put)

    async def add_keys(self, keys: Sequence[HostKey], *, upsert: bool) -> Sequence[HostKey]:
        """Answers those that are new."""
        new: list[HostKey] = []

        def put(data: Mapping[str, str]) -> Mapping[str, str]:
            text = data.get(KNOWN_HOSTS_KEY, "")
            added = adding(parse_known_hosts(text), keys, upsert=upsert)
            new[:] = added.new
            if not added.new:
                return data
            return {**data, KNOWN_HOSTS_KEY: rewritten(text, added.keys)}

        await self._config_maps.change(KNOWN_HOSTS, put)
        return new

    async def delete(
        self, pattern: str, *, kind: str = "", subtype: str = ""
    ) -> Sequence[Certificate]:
        """Answers those that went. Of servers the subtype does not matter."""
        gone: list[Certificate] = []
        if kind in ("", SSH):
            gone += await self._removed(KNOWN_HOSTS, _without_keys(pattern, subtype))
        if kind in ("", HTTPS):
            gone += await self._removed(CERTIFICATES, _without_servers(pattern))
        return gone

    async def _removed(self, name: str, remove: _Remove) -> Sequence[Certificate]:
        gone: list[Certificate] = []

        def put(data: Mapping[str, str]) -> Mapping[str, str]:
            left, gone[:] = remove(data)
            return left

        await self._config_maps.change(name, put)
        return gone

    async def _known_hosts(self) -> str:
        return (await self._config_maps.read(KNOWN_HOSTS)).get(KNOWN_HOSTS_KEY, "")


_Remove = Callable[[Mapping[str, str]], tuple[Mapping[str, str], list[Certificate]]]


def _without_keys(pattern: str, subtype: str) -> _Remove:
    def remove(data: Mapping[str, str]) -> tuple[Mapping[str, str], list[Certificate]]:
        text = data.get(KNOWN_HOSTS_KEY, "")
        keys = parse_known_hosts(text)
        gone = [key for key in keys if chosen(key, pattern=pattern, subtype=subtype)]
        if not gone:
            return data, []
        left = rewritten(text, [key for key in keys if key not in gone])
        return {**data, KNOWN_HOSTS_KEY: left}, [_of_key(key) for key in gone]

    return remove


def _without_servers(pattern: str) -> _Remove:
    def remove(data: Mapping[str, str]) -> tuple[Mapping[str, str], list[Certificate]]:
        gone = [server for server in sorted(data) if host_matches(server, pattern)]
        left = {server: text for server, text in data.items() if server not in gone}
        return left, [one for server in gone for one in _of_server(server, data[server])]

    return remove


def _of_key(key: HostKey) -> Certificate:
    return Certificate(key.hosts, SSH, key.type, _FINGERPRINT)


def _of_server(server: str, text: str) -> list[Certificate]:
    found = [described(pem) for pem in split_pem(text)]
    return [Certificate(server, HTTPS, one.key_type, one.subject) for one in found]
