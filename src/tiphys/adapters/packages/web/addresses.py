"""Judges where a name leads before anything is sent there.

The address that is judged is the one that is connected to, so that a name cannot change its mind
between. Metadata services of clouds are refused always; what another host sends us to (a redirect,
an absolute URL in an index, a token's realm) may not be on this machine or its link, either.
"""

from __future__ import annotations

import ipaddress
import socket

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from tiphys.adapters.packages.errors import shown
from tiphys.core.source.url import is_metadata_address, is_metadata_host
from tiphys.model.errors import UnsupportedRepositoryError


class JudgingResolver(AbstractResolver):
    """`near`: addresses of this machine and its link are no harm."""

    def __init__(self, *, near: bool) -> None:
        self._near = near
        self._resolver: ThreadedResolver | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if self._resolver is None:
            self._resolver = ThreadedResolver()
        try:
            found = await self._resolver.resolve(host, port, family)
        except UnicodeError:
            raise OSError(f"{host!r} is no name of a host") from None
        for one in found:
            _judge(one["host"], host, near=self._near)
        return found

    async def close(self) -> None:
        if self._resolver is not None:
            await self._resolver.close()


def judge_host(url: URL, *, near: bool) -> None:
    """Judges what needs no resolving: addresses, and the names of metadata services. Raises
    UnsupportedRepositoryError.
    """
    host = (url.host or "").lower().rstrip(".")
    if is_metadata_host(host):
        raise _refused(shown(url), "its host is a metadata service")
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return
    _judge(host, shown(url), near=near)


def is_near(url: URL) -> bool:
    """Whether a URL says itself that it leads to this machine, or to its link."""
    host = (url.host or "").lower().rstrip(".")
    return host == "localhost" or host.endswith(".localhost") or _near(host)


def _judge(address: str, text: str, *, near: bool) -> None:
    if is_metadata_address(address):
        raise _refused(text, "its host is a metadata service")
    if not near and _near(address):
        raise _refused(text, "another host sends us to this machine or its own link")


def _near(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    return parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified


def _refused(text: str, reason: str) -> UnsupportedRepositoryError:
    return UnsupportedRepositoryError(f"'{text}' is refused: {reason}", url=text)
