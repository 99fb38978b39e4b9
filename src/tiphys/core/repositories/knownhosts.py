"""OpenSSH's known_hosts as it is listed and edited; ssh itself reads the text as it stands."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from tiphys.model.errors import ApiCode, ApiError

SSH = "ssh"
_TYPE = re.compile(r"[a-z0-9][A-Za-z0-9@.-]*")
_NAME = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_WITH_PORT = re.compile(r"\[(?P<name>[^\]]+)\]:[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class HostKey:
    """One line. `hosts` is its first word, with commas, patterns and hashes as they stand.
    `marker` is `@cert-authority`, `@revoked` or empty.
    """

    hosts: str
    type: str
    data: str
    marker: str = ""

    @property
    def line(self) -> str:
        return " ".join(part for part in (self.marker, self.hosts, self.type, self.data) if part)


@dataclass(frozen=True, slots=True)
class Added:
    """What adding keys came to: all of the file, and what is new in it."""

    keys: tuple[HostKey, ...]
    new: tuple[HostKey, ...]


def parse_known_hosts(text: str) -> tuple[HostKey, ...]:
    """The lines that are keys; comments and what cannot be read are left out."""
    return tuple(key for line in text.splitlines() if (key := _parse(line)) is not None)


def rewritten(text: str, keys: Iterable[HostKey]) -> str:
    """The file with these keys in it and no others. What is no key stays where it is, for ssh may
    read what we do not; lines of keys that stay are left as they are.
    """
    left = list(keys)
    lines: list[str] = []
    for line in text.splitlines():
        key = _parse(line)
        if key is None:
            lines.append(line)
        elif key in left:
            left.remove(key)
            lines.append(line)
        elif (at := _place(left, key)) is not None:
            lines.append(left.pop(at).line)
    return "".join(f"{line}\n" for line in (*lines, *(key.line for key in left)))


def single_hosts(keys: Iterable[HostKey]) -> tuple[HostKey, ...]:
    """One key a host, for a line may name several."""
    return tuple(replace(key, hosts=host) for key in keys for host in key.hosts.split(",") if host)


def adding(there: Sequence[HostKey], more: Iterable[HostKey], *, upsert: bool) -> Added:
    """Raises ApiError for a name that is none, and for another key of a host and type."""
    keys = list(there)
    new: list[HostKey] = []
    for key in more:
        if key.marker or not is_host_name(key.hosts):
            raise ApiError(ApiCode.UNKNOWN, f"invalid hostname in request: {key.hosts}")
        at = _place(keys, key)
        if at is None:
            keys.append(key)
            new.append(key)
        elif keys[at].data != key.data:
            if not upsert:
                raise ApiError(
                    ApiCode.UNKNOWN,
                    f"key for '{key.hosts}' (subtype: '{key.type}') already exists, "
                    "and upsert was not specified",
                )
            keys[at] = key
            new.append(key)
    return Added(tuple(keys), tuple(new))


def chosen(key: HostKey, *, pattern: str = "", subtype: str = "") -> bool:
    """Whether a key is meant by a glob of host names and a type; an empty one means all."""
    return host_matches(key.hosts, pattern) and subtype in ("", "*", key.type)


def host_matches(host: str, pattern: str) -> bool:
    """As a shell matches, except that brackets of `[host]:port` may stand for themselves."""
    return pattern in ("", host) or fnmatchcase(host, pattern)


def is_host_name(text: str) -> bool:
    """A plain name or address, or `[name]:port`; neither a pattern nor a hash."""
    found = _WITH_PORT.fullmatch(text)
    name = found["name"] if found else text
    if found and ":" in name:
        return re.fullmatch(r"[0-9A-Fa-f:.]+", name) is not None
    return len(name) <= 253 and _NAME.fullmatch(name) is not None


def _place(keys: Sequence[HostKey], key: HostKey) -> int | None:
    for index, one in enumerate(keys):
        if (one.marker, one.hosts, one.type) == (key.marker, key.hosts, key.type):
            return index
    return None


def _parse(line: str) -> HostKey | None:
    words = line.split()
    marker = words.pop(0) if words and words[0].startswith("@") else ""
    if len(words) < 3 or words[0].startswith("#") or not _TYPE.fullmatch(words[1]):
        return None
    key = HostKey(words[0], words[1], words[2], marker)
    return key if _is_key(key) else None


def _is_key(key: HostKey) -> bool:
    """The data repeats the type, which tells a key from any other base64."""
    try:
        data = base64.b64decode(key.data, validate=True)
    except (binascii.Error, ValueError):
        return False
    name = key.type.encode()
    return data[:4] == len(name).to_bytes(4, "big") and data[4 : 4 + len(name)] == name
