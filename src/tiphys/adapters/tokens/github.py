"""A GitHub App's login: a signed statement of who it is, exchanged for an installation's token.

The API is GitHub's REST API, version 2022-11-28, or that of a GitHub Enterprise Server.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from tiphys.adapters.tokens.calls import Call, Calls, refused
from tiphys.adapters.tokens.kept import Kept
from tiphys.core.source.url import parse_repository_url
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import BasicLogin, Confidential, GitHubApp, Repository

_PUBLIC: Final = "https://api.github.com"
_USER: Final = "x-access-token"
_VALID: Final = 540
"""Seconds; GitHub takes at most ten minutes."""
_SKEW: Final = 60
_PAGES: Final = 100


class GitHubLogins:
    """Nothing is kept for longer than `longest` seconds."""

    def __init__(self, calls: Calls, now: Callable[[], float], longest: float) -> None:
        self._calls = calls
        self._now = now
        self._longest = longest
        self._installations = Kept[int](now)

    async def token(self, app: GitHubApp, repository: Repository) -> tuple[BasicLogin, float]:
        """The login, and until when it holds."""
        installation = app.installation_id or await self._installation(app, repository)
        call = self._call(
            app,
            "POST",
            f"/app/installations/{installation}/access_tokens",
            "GitHub App: installation token",
            repository,
        )
        body = await self._calls.fetch(call, repository)
        try:
            until = datetime.fromisoformat(str(body["expires_at"])).timestamp()
            login = BasicLogin(_USER, Confidential(body["token"]))
            return login, min(until, self._now() + self._longest)
        except (KeyError, TypeError, ValueError):
            raise RepositoryError(
                f"{call.what}: the answer holds no token", url=repository.url
            ) from None

    async def _installation(self, app: GitHubApp, repository: Repository) -> int:
        owner = owner_of(repository.url)
        key = (app.app_id, app.base_url, app.private_key, owner)
        return await self._installations.get(key, lambda: self._find(app, owner, repository))

    async def _find(self, app: GitHubApp, owner: str, repository: Repository) -> tuple[int, float]:
        """All installations are asked for: an owner may be an organisation or a person."""
        for page in range(1, _PAGES + 1):
            call = self._call(
                app,
                "GET",
                f"/app/installations?per_page=100&page={page}",
                "GitHub App: installations",
                repository,
            )
            answer = await self._calls.send(call, repository)
            if answer.status != 200 or not isinstance(answer.body, list):
                raise refused(call, answer, repository)
            for each in answer.body:
                if _login(each) == owner and isinstance(each.get("id"), int):
                    return each["id"], self._now() + self._longest
            if len(answer.body) < 100:
                break
        raise RepositoryError(
            f"GitHub App: no installation for '{owner}' is known: ensure the GitHub App "
            f"(ID: {app.app_id}) is installed for this organization",
            url=repository.url,
        )

    def _call(
        self, app: GitHubApp, method: str, path: str, what: str, repository: Repository
    ) -> Call:
        headers = {
            "Authorization": f"Bearer {self._statement(app, repository)}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        base = (app.base_url or _PUBLIC).rstrip("/")
        return Call(method, base + path, what, headers, own=True)

    def _statement(self, app: GitHubApp, repository: Repository) -> str:
        at = int(self._now())
        claims = {"iat": at - _SKEW, "exp": at + _VALID, "iss": str(app.app_id)}
        return signed(claims, app.private_key, "githubAppPrivateKey", repository)


def signed(claims: dict[str, Any], key: str, name: str, repository: Repository) -> str:
    """RS256 by a PEM key; `name` is what an error calls that."""
    # Most sign nothing, and to load it takes a tenth of a second of the start.
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import RSAKey

    try:
        return jwt.encode({"alg": "RS256", "typ": "JWT"}, claims, RSAKey.import_key(str(key)))
    except (JoseError, ValueError, TypeError):
        raise RepositoryError(
            f"{name} is no RSA private key in PEM form", url=repository.url
        ) from None


def owner_of(url: str) -> str:
    """The first segment of the path, lower-case: whose repository it is."""
    path = parse_repository_url(url).path.strip("/")
    return quote(path.partition("/")[0].lower(), safe="._-")


def _login(installation: Any) -> str:
    account = installation.get("account") if isinstance(installation, dict) else None
    return str(account.get("login", "")).lower() if isinstance(account, dict) else ""
