"""Our own tokens: what they say, and when they are refused."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from tiphys.core.session.accounts import Account, AccountToken, Capability
from tiphys.core.session.claims import (
    account_of,
    algorithm_of,
    check_account,
    check_times,
    local_claims,
    renewal,
)
from tiphys.core.session.errors import SessionError

ALICE = Account(
    name="alice",
    capabilities=(Capability.LOGIN, Capability.API_KEY),
    password_changed=100,
    tokens=(AccountToken("key", 200),),
)


def test_claims_are_those_of_the_contract_in_its_order() -> None:
    claims = local_claims("admin:login", issued=1795428276, seconds=86400, identifier="f517")
    assert json.dumps(claims, separators=(",", ":")) == (
        '{"iss":"argocd","sub":"admin:login","exp":1795514676,"nbf":1795428276,'
        '"iat":1795428276,"jti":"f517"}'
    )


def test_a_token_for_ever_has_no_end() -> None:
    assert "exp" not in local_claims("a:apiKey", issued=1, seconds=0, identifier="x")


@pytest.mark.parametrize(
    ("subject", "name", "capability"),
    [
        ("alice:login", "alice", Capability.LOGIN),
        ("alice:apiKey", "alice", Capability.API_KEY),
        ("alice", "alice", Capability.API_KEY),
        ("alice:other", "alice:other", Capability.API_KEY),
    ],
)
def test_whose_a_token_is(subject: str, name: str, capability: Capability) -> None:
    assert account_of(subject) == (name, capability)


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ({"exp": 100}, "token has invalid claims: token is expired"),
        ({"exp": 99.5}, "token has invalid claims: token is expired"),
        ({"nbf": 101}, "token has invalid claims: token is not valid yet"),
        ({"exp": "200"}, "token has invalid claims: a time is no number"),
        ({"iat": True}, "token has invalid claims: a time is no number"),
    ],
)
def test_times_that_are_over(claims: dict[str, Any], text: str) -> None:
    with pytest.raises(SessionError, match=text):
        check_times(claims, 100)


def test_times_that_are_good() -> None:
    check_times({}, 100)
    check_times({"exp": 101, "nbf": 100, "iat": 100}, 100)


def _check(
    account: Account | None = ALICE,
    capability: Capability = Capability.LOGIN,
    revoked: bool = False,
    **claims: Any,
) -> None:
    check_account(
        account, "alice", capability, {"jti": "key", "iat": 100, **claims}, revoked=revoked
    )


def test_an_account_that_is_good() -> None:
    _check()
    _check(capability=Capability.API_KEY)
    _check(replace(ALICE, password_changed=None), iat=None)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"account": None}, "account 'alice' does not exist"),
        ({"account": replace(ALICE, enabled=False)}, "account alice is disabled"),
        (
            {"account": replace(ALICE, capabilities=(Capability.API_KEY,))},
            "account alice does not have 'login' capability",
        ),
        ({"jti": ""}, "token id is missing"),
        ({"jti": 5}, "token id is missing"),
        ({"revoked": True}, "token is revoked, please re-login"),
        (
            {"capability": Capability.API_KEY, "jti": "other"},
            "account alice does not have token with id other",
        ),
        ({"iat": 99}, "account password has changed since token issued"),
        ({"iat": None}, "account password has changed since token issued"),
        (
            {"iat": 99, "capability": Capability.API_KEY},
            "account password has changed since token issued",
        ),
    ],
)
def test_an_account_that_is_good_no_more(given: dict[str, Any], text: str) -> None:
    with pytest.raises(SessionError) as caught:
        _check(**given)
    assert str(caught.value) == text


def test_the_first_thing_that_is_wrong_is_told() -> None:
    with pytest.raises(SessionError, match="is disabled"):
        _check(replace(ALICE, enabled=False, capabilities=()), revoked=True, jti="")


def test_a_login_is_renewed_in_its_last_five_minutes() -> None:
    claims = {"iat": 0, "exp": 1000}
    assert renewal(claims, 700) == 0
    assert renewal(claims, 701) == 1000
    assert renewal({"iat": 0}, 701) == 0
    assert renewal({"exp": 1000}, 701) == 0


def _head(value: object) -> str:
    text = base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    return f"{text}.e30.sig"


@pytest.mark.parametrize(
    ("token", "algorithm"),
    [
        (_head({"alg": "HS256"}), "HS256"),
        (_head({"alg": "none"}), "none"),
        (_head({}), ""),
        (_head([]), ""),
        ("", ""),
        ("\N{SNOWMAN}.x.y", ""),
        ("bm9wZQ.x.y", ""),
    ],
)
def test_what_a_token_says_that_it_is_signed_with(token: str, algorithm: str) -> None:
    assert algorithm_of(token) == algorithm
