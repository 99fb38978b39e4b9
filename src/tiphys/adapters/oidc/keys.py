"""The provider's keys, and what they signed. A key that is not known yet is asked for.

Whoever makes up names of keys makes nobody ask more often than every few seconds.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from tiphys.core.sso.claims import ALGORITHMS
from tiphys.model.errors import IdentityError, IdentityUnreachableError, TokenError
from tiphys.model.identity import SignedClaims

_LEAST_PAUSE: Final = 5.0
"""Seconds between two questions for keys."""
_LONGEST_TOKEN: Final = 256 << 10
_MOST_KEYS: Final = 100
_STALE: Final = 3600.0
"""Seconds that known keys outlast a provider that does not answer."""
_FAMILIES: Final[Mapping[str, type[Key]]] = {
    "RS": RSAKey,
    "PS": RSAKey,
    "ES": ECKey,
    "Ed": OKPKey,
}


class KeySet:
    """`ask` brings the JWK set; it is asked again after `lifetime` seconds."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[Any]],
        *,
        lifetime: float,
        clock: Callable[[], float],
    ) -> None:
        self._ask = ask
        self._lifetime = lifetime
        self._clock = clock
        self._keys: list[Key] = []
        self._asked: float | None = None
        self._answered: float | None = None
        self._lock = asyncio.Lock()

    async def signed(self, token: str) -> SignedClaims:
        """Raises TokenError, and IdentityError where the keys could not be had."""
        algorithm, name = _header(token)
        await self._refresh(wanted=self._is_old())
        found = _verified(token, algorithm, self._fitting(algorithm, name))
        if found is None and await self._refresh(wanted=self._may_ask()):
            found = _verified(token, algorithm, self._fitting(algorithm, name))
        if found is None:
            raise TokenError("the token is not signed with a key of the provider")
        return SignedClaims(found)

    def _fitting(self, algorithm: str, name: str | None) -> list[Key]:
        family = _FAMILIES[algorithm[:2]]
        return [
            key
            for key in self._keys
            if isinstance(key, family)
            and (name is None or key.kid is None or key.kid == name)
            and key.get("alg") in (None, algorithm)
            and key.get("use") in (None, "sig")
        ]

    def _is_old(self) -> bool:
        return self._answered is None or self._clock() - self._answered >= self._lifetime

    def _may_ask(self) -> bool:
        return self._asked is None or self._clock() - self._asked >= _LEAST_PAUSE

    async def _refresh(self, *, wanted: bool) -> bool:
        """Whether the keys are newer than they were."""
        if not wanted:
            return False
        before = self._answered
        async with self._lock:
            if self._answered != before:
                return True
            if self._answered is not None and not self._may_ask():
                return False
            self._asked = self._clock()
            try:
                self._keys = _keys(await self._ask())
            except IdentityUnreachableError:
                if self._answered is None or self._clock() - self._answered > _STALE:
                    raise
                return False
            self._answered = self._clock()
            return True


def _verified(token: str, algorithm: str, keys: Iterable[Key]) -> Mapping[str, Any] | None:
    for key in keys:
        try:
            found = jws.deserialize_compact(token, key, algorithms=[algorithm])
        except (JoseError, ValueError, TypeError):
            continue
        try:
            claims = orjson.loads(found.payload)
        except orjson.JSONDecodeError:
            raise TokenError("the token's claims are no JSON") from None
        if not isinstance(claims, dict):
            raise TokenError("the token's claims are no object")
        return claims
    return None


def _header(token: str) -> tuple[str, str | None]:
    """Algorithm, and the key's name where the token says it; nothing else is looked at yet."""
    if len(token) > _LONGEST_TOKEN or token.count(".") != 2:
        raise TokenError("the token is malformed")
    part = token.partition(".")[0]
    try:
        header = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        raise TokenError("the token is malformed") from None
    if not isinstance(header, dict):
        raise TokenError("the token is malformed")
    algorithm, name = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise TokenError("the token is signed by an algorithm that is not accepted")
    return algorithm, name if isinstance(name, str) else None


def _keys(document: Any) -> list[Key]:
    """Those that can be read; providers may have others that are not for us."""
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list):
        raise IdentityError("the provider's key set is no list of keys")
    found: list[Key] = []
    kinds: Mapping[str, type[RSAKey | ECKey | OKPKey]] = {
        "RSA": RSAKey,
        "EC": ECKey,
        "OKP": OKPKey,
    }
    for one in listed[:_MOST_KEYS]:
        kind = kinds.get(one.get("kty", "")) if isinstance(one, dict) else None
        if kind is None:
            continue
        try:
            found.append(kind.import_key(one))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return found
