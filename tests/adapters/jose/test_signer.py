"""Tokens that are signed here: known again, and no others."""

from __future__ import annotations

import base64
import json

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from tiphys.adapters.jose import Signer
from tiphys.model.errors import TokenError

KEY = b"c2VjcmV0LWtleS1vZi10aGUtdGVzdHMtd2l0aC0zMi1ieXRlcw=="
CLAIMS = {"iss": "argocd", "sub": "admin:login", "iat": 1767268800}
RSA = RSAKey.generate_key(2048)


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_what_was_signed_is_known_again() -> None:
    signer = Signer()
    token = signer.sign(CLAIMS, KEY)
    assert signer.verify(token, KEY) == CLAIMS
    head = token.split(".")[0]
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "HS256", "typ": "JWT"}


def test_times_are_others_to_judge() -> None:
    signer = Signer()
    assert signer.verify(signer.sign({"exp": 1}, KEY), KEY) == {"exp": 1}


SIGNED = Signer().sign(CLAIMS, KEY)
HEAD, BODY, MARK = SIGNED.split(".")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        "..",
        f"{HEAD}.{BODY}",
        f"{HEAD}.{BODY}.",
        f"{HEAD}.{_part({**CLAIMS, 'sub': 'other:login'})}.{MARK}",
        f"{_part({'alg': 'none'})}.{BODY}.",
        f"{_part({'alg': 'none'})}.{BODY}.{MARK}",
        f"{_part({'alg': 'HS256', 'crit': ['x']})}.{BODY}.{MARK}",
        f"{_part(['alg'])}.{BODY}.{MARK}",
        f"{HEAD}.{_part('text')}.{MARK}",
        "\N{SNOWMAN}.\N{SNOWMAN}.\N{SNOWMAN}",
        jwt.encode({"alg": "HS384"}, CLAIMS, OctKey.import_key(KEY), algorithms=["HS384"]),
        jwt.encode({"alg": "RS256"}, CLAIMS, RSA, algorithms=["RS256"]),
        Signer().sign(CLAIMS, b"another-key-of-somebody-else-entirely"),
        # A public key taken for the secret one.
        Signer().sign(CLAIMS, RSA.as_pem(private=False)[-60:]),
    ],
)
def test_nothing_else_is(token: str) -> None:
    with pytest.raises(TokenError) as caught:
        Signer().verify(token, KEY)
    assert MARK not in str(caught.value)
    assert "admin" not in str(caught.value)
