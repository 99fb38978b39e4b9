"""A token in cookies: one where it fits, else parts that say how many they are."""

from __future__ import annotations

from collections.abc import Mapping

from tiphys.model.errors import ApiCode, ApiError

NAME = "argocd.token"
_MOST_BYTES = 4_093
"""What browsers keep of one cookie: its name, value and attributes."""
_NAME_BYTES = 15


def token_cookies(token: str, base_href: str, *, secure: bool, most: int = 20) -> list[str]:
    """Values of Set-Cookie. Raises ApiError for a token that needs too many."""
    attributes = f"path=/{base_href.strip('/')}; SameSite=lax; httpOnly"
    if secure:
        attributes += "; Secure"
    room = _MOST_BYTES - _NAME_BYTES - (len(attributes) + 2)
    if len(token) <= room:
        return [f"{NAME}={token}; {attributes}"]
    count = -(-len(token) // room)
    if count > most:
        raise ApiError(
            ApiCode.UNKNOWN,
            f"invalid cookie value, at {len(token)} long it is longer than the max length of "
            f"{room * most}",
        )
    parts = [token[at * room : (at + 1) * room] for at in range(count)]
    first = f"{NAME}={count}:{parts[0]}; {attributes}"
    rest = (f"{NAME}-{at}={part}; {attributes}" for at, part in enumerate(parts[1:], 1))
    return [first, *rest]


def token_of_cookies(header: str) -> str:
    """Empty where there is none. Raises ApiError where parts are missing."""
    return join_token(read_cookies(header)) if NAME in header else ""


def read_cookies(header: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for part in header.split(";"):
        name, equals, value = part.strip().partition("=")
        if equals and name not in found:
            found[name] = value.strip('"')
    return found


def join_token(cookies: Mapping[str, str]) -> str:
    value = cookies.get(NAME, "")
    count, colon, first = value.partition(":")
    if not colon:
        return value
    if not (count.isascii() and count.isdigit() and len(count) < 4):
        raise ApiError(ApiCode.UNAUTHENTICATED, "the token's cookie is none")
    parts = [first, *(cookies.get(f"{NAME}-{at}", "") for at in range(1, int(count)))]
    if "" in parts:
        raise ApiError(ApiCode.UNAUTHENTICATED, "a part of the token's cookies is missing")
    return "".join(parts)
