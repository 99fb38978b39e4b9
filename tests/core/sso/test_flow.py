from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from tiphys.core.sso.flow import (
    Authorization,
    Pending,
    challenge,
    is_implicit,
    logout_url,
    offline,
    same_text,
)

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


def asked(url: str) -> dict[str, str]:
    return {name: texts[0] for name, texts in parse_qs(urlsplit(url).query).items()}


def test_the_challenge_is_that_of_rfc_7636() -> None:
    # Appendix B of the RFC.
    assert challenge(VERIFIER) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_plain_request_asks_for_a_code() -> None:
    url = Authorization(
        client_id="web", redirect_uri="https://cd/auth/callback", scopes=["openid"], state="abc"
    ).url("https://id/auth?tenant=a%20b")
    assert url.startswith("https://id/auth?tenant=a%20b&")
    assert asked(url) == {
        "tenant": "a b",
        "client_id": "web",
        "redirect_uri": "https://cd/auth/callback",
        "response_type": "code",
        "scope": "openid",
        "state": "abc",
    }


def test_all_that_can_be_asked() -> None:
    url = Authorization(
        client_id="web",
        redirect_uri="https://cd/auth/callback",
        scopes=["openid", "groups"],
        state="abc",
        verifier=VERIFIER,
        nonce="n",
        claims={"groups": {"essential": True}},
        domain_hint="example.org",
        connector="gh",
        implicit=True,
    ).url("https://id/auth")
    found = asked(url)
    assert json.loads(found.pop("claims")) == {"id_token": {"groups": {"essential": True}}}
    assert found == {
        "client_id": "web",
        "redirect_uri": "https://cd/auth/callback",
        "response_type": "id_token",
        "scope": "openid groups",
        "state": "abc",
        "code_challenge": challenge(VERIFIER),
        "code_challenge_method": "S256",
        "nonce": "n",
        "domain_hint": "example.org",
        "connector_id": "gh",
    }


@pytest.mark.parametrize(
    "pending",
    [Pending("s", ""), Pending("s", "https://cd/x", "v"), Pending("s", "https://cd/x", "", "n")],
)
def test_a_pending_login_is_read_as_it_was_written(pending: Pending) -> None:
    assert Pending.of(pending.text()) == pending


def test_a_pending_login_is_three_lines() -> None:
    assert Pending("state", "https://cd/x", "verifier").text() == "state\nhttps://cd/x\nverifier"
    assert Pending.of("state\nhttps://cd/x") is None


@pytest.mark.parametrize(
    ("types", "implicit"),
    [((), False), (("code", "id_token"), False), (("id_token",), True)],
)
def test_the_implicit_flow_is_for_those_without_codes(
    types: tuple[str, ...], implicit: bool
) -> None:
    assert is_implicit(types) is implicit


@pytest.mark.parametrize(
    ("supported", "scopes"),
    [
        (None, ("openid", "offline_access")),
        (("openid", "offline_access"), ("openid", "offline_access")),
        (("openid",), ("openid",)),
    ],
)
def test_a_refresh_token_is_asked_for_where_there_may_be_one(
    supported: tuple[str, ...] | None, scopes: tuple[str, ...]
) -> None:
    assert offline(("openid",), supported) == scopes
    assert offline(("offline_access",), supported) == ("offline_access",)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("a", "a", True), ("a", "b", False), ("", "", False), ("a", "\ud800", False)],
)
def test_nothing_is_the_same_as_nothing(one: str, other: str, same: bool) -> None:
    assert same_text(one, other) is same


def test_the_provider_s_logout_is_told_of_the_token() -> None:
    template = (
        "https://id/logout?id_token_hint={{token}}&post_logout_redirect_uri={{logoutRedirectURL}}"
    )
    assert logout_url(template, token="a.b+c", back="https://cd/x?y") == (
        "https://id/logout?id_token_hint=a.b%2Bc&post_logout_redirect_uri=https%3A%2F%2Fcd%2Fx%3Fy"
    )
