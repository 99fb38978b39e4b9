"""Exchanges credentials for tokens, and keeps each until shortly before its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tiphys.adapters.tokens.azure import DEVOPS, AzureLogins
from tiphys.adapters.tokens.calls import Calls
from tiphys.adapters.tokens.github import GitHubLogins, owner_of
from tiphys.adapters.tokens.google import GoogleLogins
from tiphys.adapters.tokens.kept import Kept
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import (
    AzureServicePrincipal,
    AzureWorkloadIdentity,
    BasicLogin,
    BearerLogin,
    Confidential,
    GitHubApp,
    GoogleServiceAccount,
    Repository,
)

_USUAL: Final = 60
"""Minutes."""


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """`environment` is the process's: Azure's identity and proxies are in it, and how many minutes
    what a GitHub App was given is kept for.
    """

    environment: Mapping[str, str] = field(default_factory=dict)


class TokenLogins:
    """`login` is for Git, `identity` for whoever needs Azure's token for another scope."""

    def __init__(
        self, settings: TokenSettings | None = None, *, now: Callable[[], float] = time.time
    ) -> None:
        settings = settings or TokenSettings()
        calls = Calls(now, settings.environment)
        self._github = GitHubLogins(calls, now, _minutes(settings.environment) * 60.0)
        self._google = GoogleLogins(calls, now)
        self._azure = AzureLogins(calls, now, settings.environment)
        self._logins = Kept[BasicLogin | BearerLogin](now)
        self._identities = Kept[Confidential](now)

    async def login(self, repository: Repository) -> BasicLogin | BearerLogin:
        """Raises RepositoryError, also for credentials that are no such account."""
        return await self._logins.get(_key(repository), lambda: self._asked(repository))

    def refused(self, repository: Repository) -> None:
        """The server did not take it: the next one is a new one."""
        self._logins.forget(_key(repository))

    async def identity(self, scope: str, repository: Repository) -> Confidential:
        """The access token of the process's own Azure identity for a scope."""
        return await self._identities.get(scope, lambda: self._azure.identity(scope, repository))

    async def _asked(self, repository: Repository) -> tuple[BasicLogin | BearerLogin, float]:
        match repository.credentials:
            case GitHubApp() as app:
                return await self._github.token(app, repository)
            case GoogleServiceAccount() as account:
                return await self._google.token(account, repository)
            case AzureWorkloadIdentity():
                token, until = await self._azure.identity(DEVOPS, repository)
                return BearerLogin(token), until
            case AzureServicePrincipal() as known:
                token, until = await self._azure.principal(known, DEVOPS, repository)
                return BearerLogin(token), until
            case _:
                raise RepositoryError(
                    "its credentials are nothing that a token is exchanged for", url=repository.url
                )


def _minutes(environment: Mapping[str, str]) -> int:
    """One that cannot be read counts as unset."""
    text = environment.get("ARGOCD_GITHUB_APP_CREDS_EXPIRATION_DURATION", "")
    usable = text.isascii() and text.isdigit() and len(text) < 8 and int(text) > 0
    return int(text) if usable else _USUAL


def _key(repository: Repository) -> Hashable:
    """One token serves all repositories of an installation, where it is found by its owner."""
    known = repository.credentials
    searched = isinstance(known, GitHubApp) and not known.installation_id
    return (known, owner_of(repository.url) if searched else "")
