"""Which proxy a host is asked through: the repository's, or that of the environment."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from tiphys.model.repository import Proxy


def proxy_for(
    scheme: str, host: str, port: int | None, proxy: Proxy, environment: Mapping[str, str]
) -> str:
    """As it is written; empty for a direct connection. The environment's is never meant for this
    machine or its link.
    """
    if proxy.url:
        text, exceptions = proxy.url, proxy.exceptions
    else:
        text = _variable(environment, f"{scheme}_proxy")
        exceptions = proxy.exceptions or _variable(environment, "no_proxy")
        if is_near(host):
            return ""
    return "" if excepted(host, port, exceptions) else text


def is_near(host: str) -> bool:
    """Whether a host, as it is written, is this machine or on its link."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.strip("[]").partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_link_local or address.is_unspecified


def excepted(host: str, port: int | None, exceptions: str) -> bool:
    """The forms of NO_PROXY: `*`, a domain and all below it, `.domain`, an address, a network, each
    but the networks with a port or without.
    """
    name = host.lower().rstrip(".").strip("[]")
    return any(
        _matches(entry, name, port)
        for entry in (one.strip().lower() for one in exceptions.split(","))
        if entry
    )


def _matches(entry: str, host: str, port: int | None) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        return _in_network(host, entry)
    name, given = _split_port(entry)
    if given is not None and given != port:
        return False
    name = name.removeprefix("*")
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith(f".{name}")


def _split_port(entry: str) -> tuple[str, int | None]:
    name, _, port = entry.rpartition(":")
    if name and port.isdecimal() and (":" not in name or name.startswith("[")):
        return name.strip("[]"), int(port)
    return entry.strip("[]"), None


def _in_network(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, "") or environment.get(name.upper(), "")
