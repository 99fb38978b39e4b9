"""Names resolved for requests of our own: to no address that a server may not lead to."""

from __future__ import annotations

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

from tiphys.core.source.url import is_metadata_address


class JudgedResolver(AbstractResolver):
    """`near` are the hosts of the repository itself and of its proxy, which may be on loopback as
    they are permitted; another may not be led there.
    """

    def __init__(self, *near: str) -> None:
        self._inner = DefaultResolver()
        self._near = near

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if any(forbidden(str(each["host"]), host in self._near) for each in found):
            raise OSError(f"{host} leads to an address that is refused")
        return found

    async def close(self) -> None:
        await self._inner.close()


def forbidden(address: str, near: bool) -> bool:
    if is_metadata_address(address):
        return True
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return not near and (parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified)
