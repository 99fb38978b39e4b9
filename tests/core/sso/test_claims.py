from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.sso.claims import ALGORITHMS, SKEW, ClaimsError, TokenExpiredError, check_claims

NOW = 1_800_000_000.0
GOOD = {"iss": "https://id", "aud": "web", "sub": "u1", "exp": NOW + 300, "iat": NOW - 10}


def check(claims: dict[str, Any], *, skips: bool = False) -> None:
    check_claims(
        claims, issuer="https://id", audiences=("web", "cli"), now=NOW, skips_missing_audience=skips
    )


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"aud": ["other", "cli"]},
        {"nbf": NOW - 1},
        {"nbf": NOW + SKEW},
        {"iat": NOW + SKEW},
        {"exp": NOW - SKEW + 1},
    ],
)
def test_a_token_for_us_now(change: dict[str, Any]) -> None:
    check({**GOOD, **change})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"iss": "https://evil"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"aud": "other"}, "another audience"),
        ({"aud": ["other"]}, "another audience"),
        ({"aud": {"web": 1}}, "another audience"),
        ({"aud": None}, "no audience"),
        ({"aud": []}, "no audience"),
        ({"aud": ""}, "no audience"),
        ({"sub": ""}, "names nobody"),
        ({"sub": 5}, "names nobody"),
        ({"nbf": NOW + SKEW + 1}, "not valid yet"),
        ({"iat": NOW + SKEW + 1}, "in the future"),
        ({"exp": None}, "exp of the token is no time"),
        ({"exp": True}, "exp of the token is no time"),
        ({"exp": "soon"}, "exp of the token is no time"),
    ],
)
def test_a_token_that_is_not_believed(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ClaimsError, match=words):
        check({**GOOD, **change})


def test_an_expired_token_is_right_in_all_else() -> None:
    with pytest.raises(TokenExpiredError):
        check({**GOOD, "exp": NOW - SKEW})
    with pytest.raises(ClaimsError, match="audience"):
        check({**GOOD, "exp": NOW - SKEW, "aud": "other"})


def test_a_missing_audience_may_be_passed_over_and_a_wrong_one_never() -> None:
    check({**GOOD, "aud": None}, skips=True)
    with pytest.raises(ClaimsError, match="audience"):
        check({**GOOD, "aud": "other"}, skips=True)


def test_the_clock_may_differ_by_a_minute() -> None:
    assert SKEW == 60


def test_no_algorithm_with_a_shared_secret_and_none_without_a_signature() -> None:
    assert not any(one.startswith("HS") or one.lower() == "none" for one in ALGORITHMS)
