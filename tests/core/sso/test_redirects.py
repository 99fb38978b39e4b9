from __future__ import annotations

import pytest

from tiphys.core.sso.redirects import callback_url, may_return

HOME = "https://cd.example.org"
BELOW = "https://shared.example.org/cd"
ALLOWED = (HOME, BELOW)


@pytest.mark.parametrize(
    "url",
    [
        "",
        HOME,
        f"{HOME}/",
        f"{HOME}/applications?view=tree#pod",
        "https://CD.example.org/applications",
        BELOW,
        f"{BELOW}/applications",
        f"{BELOW}/a%20b/../c",
    ],
)
def test_addresses_of_ours(url: str) -> None:
    assert may_return(url, ALLOWED)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.org/",
        "http://cd.example.org/",
        "https://cd.example.org:8443/",
        "https://cd.example.org@evil.example.org/",
        "https://cd.example.org\\@evil.example.org/",
        "//cd.example.org/",
        "/applications",
        "javascript:alert(1)",
        "https://shared.example.org/other",
        "https://shared.example.org/cd-evil",
        "https://shared.example.org/cd/../other",
        "https://shared.example.org/cd/%2e%2e/other",
        f"{HOME}/a\r\nSet-Cookie: x=y",
        f"{HOME}/a%0d%0aSet-Cookie:%20x=y",
        f"{HOME}/\t/evil",
        f"{HOME}/%5c%5cevil.example.org",
        "https://[broken/",
    ],
)
def test_addresses_of_others(url: str) -> None:
    assert not may_return(url, ALLOWED)


def test_an_address_of_ours_that_is_none_allows_nothing() -> None:
    assert not may_return(f"{HOME}/", ("", "nonsense", "https://[broken/"))


@pytest.mark.parametrize(
    ("host", "path", "url"),
    [
        ("cd.example.org", "/auth/login", f"{HOME}/auth/callback"),
        ("SHARED.example.org", "/cd/auth/login", f"{BELOW}/auth/callback"),
        ("shared.example.org", "/cd", f"{BELOW}/auth/callback"),
        ("shared.example.org", "/other/auth/login", f"{HOME}/auth/callback"),
        ("unknown.example.org", "/auth/login", f"{HOME}/auth/callback"),
    ],
)
def test_people_come_back_where_they_came_from(host: str, path: str, url: str) -> None:
    assert callback_url(HOME, ["nonsense", f"{BELOW}/"], host=host, path=path) == url
