"""What is sent to be let in: the Authorization header of a repository's credentials."""

from __future__ import annotations

from base64 import b64encode
from typing import Protocol
from urllib.parse import unquote, urlsplit

from tiphys.model.repository import (
    Anonymous,
    BasicLogin,
    BearerLogin,
    Confidential,
    Credentials,
    Repository,
)


class Logins(Protocol):
    """Exchanges credentials that cannot be sent as they are. Raises RepositoryError."""

    async def login(self, repository: Repository) -> Credentials: ...


def authorization(credentials: Credentials, url: str) -> str:
    """Empty where nothing is sent: as in the contract, keys that open Git alone are not. A user
    in the URL counts where there is no other login.
    """
    match credentials:
        case BasicLogin(username=username, password=password) if username or password:
            return _basic(username, password)
        case BearerLogin(token=token) if token.strip():
            return f"Bearer {token.strip()}"
        case Anonymous():
            return _from_url(url)
        case _:
            return ""


def _basic(username: str, password: str) -> str:
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


def _from_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        if parts.username is None:
            return ""
        return _basic(unquote(parts.username), Confidential(unquote(parts.password or "")))
    except ValueError:
        return ""
