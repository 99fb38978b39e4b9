"""Signs the tokens that Tiphys issues: JSON Web Tokens by HS256."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.jwk import OctKey


def sign(claims: Mapping[str, Any], key: bytes) -> str:
    """The token in its compact form."""
    return jwt.encode({"alg": "HS256", "typ": "JWT"}, dict(claims), OctKey.import_key(key))
