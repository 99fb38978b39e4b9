"""Which proxy is taken, and which hosts are excepted from it."""

from __future__ import annotations

import pytest

from tiphys.core.source.proxies import excepted, is_near, proxy_for
from tiphys.model.repository import Proxy

OURS = "http://proxy.example.com:3128"
GIVEN = {"https_proxy": "http://of.environment:1", "NO_PROXY": "inner.example.com"}


@pytest.mark.parametrize(
    ("host", "proxy", "taken"),
    [
        ("git.example.com", Proxy(OURS), OURS),
        ("git.example.com", Proxy(OURS, "example.com"), ""),
        # The repository's takes the place of the environment's, exceptions too.
        ("inner.example.com", Proxy(OURS), OURS),
        ("127.0.0.1", Proxy(OURS), OURS),
        ("git.example.com", Proxy(), "http://of.environment:1"),
        ("inner.example.com", Proxy(), ""),
        ("inner.example.com", Proxy("", "other"), "http://of.environment:1"),
        ("127.0.0.1", Proxy(), ""),
    ],
)
def test_the_repository_s_proxy_or_that_of_the_environment(
    host: str, proxy: Proxy, taken: str
) -> None:
    assert proxy_for("https", host, 443, proxy, GIVEN) == taken
    assert proxy_for("https", host, 443, Proxy(), {}) == ""


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("localhost", True),
        ("a.LocalHost.", True),
        ("127.0.0.9", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("169.254.1.1", True),
        ("fe80::1%eth0", True),
        ("0.0.0.0", True),  # noqa: S104
        ("10.0.0.1", False),
        ("2001:db8::1", False),
        ("localhost.example.com", False),
    ],
)
def test_what_is_near(host: str, near: bool) -> None:
    assert is_near(host) is near


@pytest.mark.parametrize(
    ("exceptions", "found"),
    [
        ("*", True),
        ("git.example.com", True),
        (" other , GIT.example.com ", True),
        ("example.com", True),
        (".example.com", True),
        ("*.example.com", True),
        ("git.example.com:8443", True),
        ("git.example.com:443", False),
        (".git.example.com", False),
        ("ample.com", False),
        ("10.0.0.0/8", False),
        ("", False),
        (",,", False),
    ],
)
def test_names_that_are_excepted(exceptions: str, found: bool) -> None:
    assert excepted("Git.Example.com.", 8443, exceptions) is found


@pytest.mark.parametrize(
    ("host", "exceptions", "found"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3:443", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.0.0.0/x", False),
        ("[2001:db8::1]", "[2001:db8::1]:443", True),
        ("2001:db8::1", "2001:db8::1", True),
        ("2001:db8::1", "2001:db8::/32", True),
    ],
)
def test_addresses_that_are_excepted(host: str, exceptions: str, found: bool) -> None:
    assert excepted(host, 443, exceptions) is found
