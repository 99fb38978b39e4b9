"""Logs in to Azure's registries as the process's own identity: its token is exchanged for one of
the registry (Azure Container Registry, "Authenticate with a registry", AAD OAuth2 exchange).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

import orjson

from tiphys.adapters.packages.errors import Step, failed, trying
from tiphys.adapters.packages.oci.reference import place_of
from tiphys.adapters.packages.web.client import Ask, Web, parsed
from tiphys.adapters.packages.web.status import require_ok
from tiphys.model.errors import UnsupportedRepositoryError
from tiphys.model.repository import (
    AzureWorkloadIdentity,
    BasicLogin,
    Confidential,
    Credentials,
    Repository,
)

_SCOPE: Final = "https://management.core.windows.net/.default"
_USER: Final = "00000000-0000-0000-0000-000000000000"
"""The user that a token of the registry belongs to."""
_GOOD_FOR: Final = 1200.0
"""Seconds; the registry gives its tokens three hours."""
_ANSWER: Final = 1 << 20


class Identities(Protocol):
    """Tokens of the identity that the process was given. Raises RepositoryError."""

    async def identity(self, scope: str, repository: Repository) -> Confidential: ...


class RegistryLogins:
    """Implements Logins. Without identities a repository that wants one is refused."""

    def __init__(
        self,
        web: Web,
        identities: Identities | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._web = web
        self._identities = identities
        self._clock = clock
        self._kept: dict[str, tuple[BasicLogin, float]] = {}

    async def login(self, repository: Repository) -> Credentials:
        if not isinstance(repository.credentials, AzureWorkloadIdentity):
            return repository.credentials
        base = _base(repository)
        kept, until = self._kept.get(base, (None, 0.0))
        if kept is not None and until > self._clock():
            return kept
        with trying("Azure workload identity"):
            login = await self._exchanged(base, repository)
        self._kept[base] = (login, self._clock() + _GOOD_FOR)
        return login

    async def _exchanged(self, base: str, repository: Repository) -> BasicLogin:
        if self._identities is None:
            raise UnsupportedRepositoryError("this process has none", url=base)
        token = await self._identities.identity(_SCOPE, repository)
        form = {
            "grant_type": "access_token",
            "service": base.partition("://")[2],
            "access_token": str(token),
        }
        url = f"{base}/oauth2/exchange"
        ask = Ask(url, method="POST", form=form)
        async with self._web.ask(ask, repository) as answer:
            require_ok(answer.status, url, has_login=True)
            text = await answer.read(_ANSWER)
        try:
            found = orjson.loads(text)["refresh_token"]
        except (orjson.JSONDecodeError, TypeError, KeyError):
            found = None
        if not isinstance(found, str) or not found:
            raise failed(Step.LOGIN, "the registry answers without a token", url)
        return BasicLogin(_USER, Confidential(found))


def _base(repository: Repository) -> str:
    if "://" in repository.url and not repository.url.lower().startswith("oci://"):
        return str(parsed(repository.url).origin())
    return place_of(repository).base
