"""Where a URL leads, and the options that keep Git from going anywhere else."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Final

from tiphys.core.source.url import RepositoryUrl, Transport, is_metadata_address
from tiphys.model.errors import UnsupportedRepositoryError

_FIXED: Final = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "protocol.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "credential.helper=",
    "submodule.recurse=false",
    "fetch.writeCommitGraph=false",
    # As the contract lists refs; a redirect could lead to an address that was not judged.
    "http.followRedirects=false",
)


def local_options() -> list[str]:
    """Options of a run without a network."""
    return _as_arguments(_FIXED)


async def remote_options(url: RepositoryUrl) -> list[str]:
    """Options for one URL; raises UnsupportedRepositoryError when its host is a metadata service.

    Git is told the addresses that were judged, so that the name cannot change its mind between.
    """
    allowed = f"protocol.{url.transport}.allow=always"
    addresses = [] if url.transport is Transport.FILE else await _addresses(url)
    if not addresses:
        return _as_arguments((*_FIXED, allowed))
    pinned = f"http.curloptResolve={url.host}:{url.port}:{','.join(addresses)}"
    return _as_arguments((*_FIXED, allowed, pinned))


async def _addresses(url: RepositoryUrl) -> list[str]:
    """Empty for an address, and for a name that Git itself will fail to find."""
    if _is_address(url.host):
        return []
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if any(is_metadata_address(address) for address in addresses):
        raise UnsupportedRepositoryError(
            f"repository URL '{url.text}' is refused: its host is a metadata service", url=url.text
        )
    return [f"[{address}]" if ":" in address else address for address in addresses]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _as_arguments(settings: tuple[str, ...]) -> list[str]:
    return [argument for setting in settings for argument in ("-c", setting)]
