"""Repository URLs: which are accepted, and when two of them mean one repository.

Everything is judged before a program sees the URL: a value that could be read as an option,
that holds control characters, or that leads to a cloud's metadata service ends here.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from tiphys.model.errors import UnsupportedRepositoryError


class Transport(StrEnum):
    HTTP = "http"
    HTTPS = "https"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class RepositoryUrl:
    """A URL that passed. `text` is what Git is given, `host` is lower-case and empty for files."""

    text: str
    transport: Transport
    host: str
    port: int
    path: str


_SCP_FORM = re.compile(r"^(?P<host>[^/:]+):(?P<path>(?!//|:).+)$")
_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]")
_PORTS = {Transport.HTTP: 80, Transport.HTTPS: 443, Transport.FILE: 0}
_METADATA_NAMES = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "instance-data",
        "instance-data.ec2.internal",
    }
)
_METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Azure, GCP, OpenStack and most others
        "169.254.170.2",  # credentials of ECS tasks
        "169.254.170.23",  # pod identity of EKS
        "169.254.0.23",  # Tencent
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "168.63.129.16",  # Azure's host
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    )
)


def normal_form(url: str) -> str:
    """The form that repositories are matched by and kept under.

    Only these four steps: the user part, `https://`, ports and a trailing slash make a difference.
    """
    text = url.strip().lower()
    if match := _SCP_FORM.match(text):
        text = f"{match['host']}/{match['path']}"
    return text.removesuffix(".git").removeprefix("ssh://")


def without_user(url: str) -> str:
    """For errors, logs and metrics: the same URL with its user information cut."""
    return re.sub(r"^([^/?#]*://)[^/?#]*@", r"\1", url)


def is_metadata_address(address: str) -> bool:
    """Whether an IP address, as text, is a cloud's metadata service."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        return (inner or parsed) in _METADATA_ADDRESSES
    return parsed in _METADATA_ADDRESSES


def parse_repository_url(url: str) -> RepositoryUrl:
    """Accept a URL or raise UnsupportedRepositoryError; its text never holds user information."""
    text = url.strip()
    if _CONTROL.search(text):
        raise _refuse(text, "it contains a blank or a control character")
    if not text or text.startswith("-"):
        raise _refuse(text, "it is empty or begins with a dash")
    if "://" not in text:
        if _SCP_FORM.match(text):
            raise _refuse(text, "the transport ssh is not supported by this version")
        raise _refuse(text, "it has no scheme; http, https and file are supported")
    scheme = text.partition("://")[0].lower()
    if scheme not in set(Transport):
        raise _refuse(text, f"the transport {scheme} is not supported by this version")
    return _parse(text, Transport(scheme))


def _parse(text: str, transport: Transport) -> RepositoryUrl:
    try:
        parts = urlsplit(text)
        port = parts.port or _PORTS[transport]
    except ValueError:
        raise _refuse(text, "it is not a valid URL") from None
    if "@" in parts.netloc:
        raise _refuse(text, "credentials in the URL are not supported by this version")
    host = (parts.hostname or "").rstrip(".")
    if transport is Transport.FILE:
        if host or not parts.path.startswith("/"):
            raise _refuse(text, "a file URL needs an absolute path and no host")
    elif not host or host.startswith("-"):
        raise _refuse(text, "its host is missing or begins with a dash")
    elif _leads_to_metadata(host):
        raise _refuse(text, "its host is a metadata service")
    return RepositoryUrl(text, transport, host, port, unquote(parts.path))


def _leads_to_metadata(host: str) -> bool:
    if host in _METADATA_NAMES:
        return True
    try:
        return is_metadata_address(host)
    except ValueError:
        address = _old_ipv4(host)
        return address is not None and ipaddress.IPv4Address(address) in _METADATA_ADDRESSES


def _old_ipv4(host: str) -> int | None:
    """The forms that inet_aton still takes: 2852039166, 0xA9FEA9FE, 0251.254.43518."""
    parts = host.split(".")
    if len(parts) > 4:
        return None
    numbers = [_c_number(part) for part in parts]
    value = 0
    for index, number in enumerate(numbers):
        last = index == len(numbers) - 1
        width = 8 * (4 - index) if last else 8
        if number is None or number >= 1 << width:
            return None
        value = value << width | number
    return value


def _c_number(text: str) -> int | None:
    """An unsigned number as C reads it: 0x for hexadecimal, a leading 0 for octal."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]{0,8}", text):
        return int(text[2:] or "0", 16)
    if re.fullmatch(r"0[0-7]{0,11}", text):
        return int(text, 8)
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,9}", text) else None


def _refuse(text: str, reason: str) -> UnsupportedRepositoryError:
    shown = _CONTROL.sub("?", without_user(text))
    return UnsupportedRepositoryError(f"repository URL '{shown}' is refused: {reason}", url=shown)
