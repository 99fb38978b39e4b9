"""Which proxy a URL is asked through: the repository's, or that of the environment."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from yarl import URL

from tiphys.adapters.packages.errors import Step, failed
from tiphys.adapters.packages.web.addresses import is_near
from tiphys.model.repository import Proxy


def proxy_for(url: URL, proxy: Proxy, environment: Mapping[str, str]) -> URL | None:
    """None for a direct connection. Raises RepositoryError for a proxy that cannot be spoken to."""
    if proxy.url:
        text, exceptions = proxy.url, proxy.exceptions
    else:
        text = _variable(environment, f"{url.scheme}_proxy")
        exceptions = proxy.exceptions or _variable(environment, "no_proxy")
        if is_near(url):
            return None  # the environment's proxy is never meant for this machine
    if not text or excepted(url, exceptions):
        return None
    return _parsed(text, url)


def excepted(url: URL, exceptions: str) -> bool:
    """The forms of NO_PROXY: `*`, a domain and all below it, `.domain`, an address, a network, each
    but the networks with a port or without.
    """
    host, port = (url.host or "").lower().rstrip("."), url.port
    return any(
        _matches(entry, host, port)
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
    if name.startswith("*."):
        name = name[1:]
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


def _parsed(text: str, url: URL) -> URL:
    try:
        parsed = URL(text if "://" in text else f"http://{text}")
        usable = parsed.scheme in {"http", "https"} and bool(parsed.host)
    except ValueError:
        usable = False
    if not usable:
        raise failed(Step.PROXY, "only http:// and https:// proxies can be used here", str(url))
    return parsed
