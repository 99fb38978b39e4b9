"""Repository URLs: which are accepted, and when two of them mean one repository.

Everything is judged before a program sees the URL: a value that could be read as an option,
that holds control characters, or that leads to a cloud's metadata service ends here.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from tiphys.model.errors import UnsupportedRepositoryError
from tiphys.model.repository import Confidential


class Transport(StrEnum):
    HTTP = "http"
    HTTPS = "https"
    SSH = "ssh"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class RepositoryUrl:
    """A URL that passed. `text` is what Git is given, `host` is lower-case and empty for files.

    Of the user information only an SSH user stays in the text, for it is part of the address.
    """

    text: str
    transport: Transport
    host: str
    port: int
    path: str
    user: str = ""
    password: Confidential = field(default=Confidential(""))


_SCP_FORM = re.compile(r"^(?P<host>[^/:]+):(?P<path>(?!//|:).+)$")
_SCP_PARTS = re.compile(
    r"^(?:(?P<user>[^/:@]*)@)?(?P<host>\[[^\]/@]+\]|[^/:@]+):(?P<path>(?!//|:).+)$"
)
_SSH_HOST = re.compile(r"[a-z0-9_][a-z0-9._-]*", re.ASCII)
_SSH_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+$-]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]")
_PORTS = {Transport.HTTP: 80, Transport.HTTPS: 443, Transport.SSH: 22, Transport.FILE: 0}
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
        return _parse_scp(text)
    scheme = text.partition("://")[0].lower()
    if scheme not in set(Transport):
        raise _refuse(text, f"the transport {scheme} is not supported; {_SUPPORTED}")
    return _parse(text, Transport(scheme))


_SUPPORTED = "https, http, ssh and file are"


def _parse(text: str, transport: Transport) -> RepositoryUrl:
    try:
        parts = urlsplit(text)
        port = parts.port or _PORTS[transport]
    except ValueError:
        raise _refuse(text, "it is not a valid URL") from None
    host = (parts.hostname or "").rstrip(".")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    path = unquote(parts.path)
    if transport is Transport.SSH:
        if password:
            raise _refuse(text, "it holds a password, and SSH takes a key")
        _check_ssh(text, user, host, path)
    elif _CONTROL.search(user + password):
        raise _refuse(text, "its user information holds a blank or a control character")
    _check_host(text, transport, host, path)
    shown = text if transport is Transport.SSH else without_user(text)
    return RepositoryUrl(shown, transport, host, port, path, user, Confidential(password))


def _parse_scp(text: str) -> RepositoryUrl:
    match = _SCP_PARTS.match(text)
    if match is None:
        raise _refuse(text, f"it has no scheme; {_SUPPORTED} supported")
    host = match["host"].strip("[]").lower().rstrip(".")
    user, path = match["user"] or "", match["path"]
    _check_ssh(text, user, host, path)
    _check_host(text, Transport.SSH, host, path)
    return RepositoryUrl(text, Transport.SSH, host, _PORTS[Transport.SSH], path, user)


def _check_host(text: str, transport: Transport, host: str, path: str) -> None:
    if transport is Transport.FILE:
        if host or not path.startswith("/"):
            raise _refuse(text, "a file URL needs an absolute path and no host")
    elif not host or host.startswith("-"):
        raise _refuse(text, "its host is missing or begins with a dash")
    elif is_metadata_host(host):
        raise _refuse(text, "its host is a metadata service")


def _check_ssh(text: str, user: str, host: str, path: str) -> None:
    """Users and hosts reach `ssh` as arguments, and may be put into commands of its settings."""
    if user and not _SSH_USER.fullmatch(user):
        raise _refuse(text, "its user is no name that SSH takes")
    if host and not _SSH_HOST.fullmatch(host) and not _is_address(host):
        raise _refuse(text, "its host is no name that SSH takes")
    if path.lstrip("/").startswith("-") or _CONTROL.search(path):
        raise _refuse(text, "its path begins with a dash, or holds a blank or control character")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def is_metadata_host(host: str) -> bool:
    """Whether a lower-case name or address, in whatever form, is a cloud's metadata service."""
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
