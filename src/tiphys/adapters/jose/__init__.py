"""Signs the tokens that Tiphys issues, and knows them again: JSON Web Tokens by HS256."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import OctKey

from tiphys.model.errors import TokenError

_ALGORITHM = "HS256"


class Signer:
    """Implements the TokenSigner of services.access."""

    def sign(self, claims: Mapping[str, Any], key: bytes) -> str:
        return sign(claims, key)

    def verify(self, token: str, key: bytes) -> Mapping[str, Any]:
        """Nothing of the token counts before its signature does, by this algorithm alone."""
        try:
            found = jwt.decode(token, OctKey.import_key(key), algorithms=[_ALGORITHM])
        except BadSignatureError:
            raise TokenError("token signature is invalid: signature is invalid") from None
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            raise TokenError("token is malformed: it is not signed as ours are") from None
        if not isinstance(found.claims, dict):
            raise TokenError("token is malformed: it has no claims")
        return found.claims


def sign(claims: Mapping[str, Any], key: bytes) -> str:
    """The token in its compact form."""
    return jwt.encode({"alg": _ALGORITHM, "typ": "JWT"}, dict(claims), OctKey.import_key(key))
