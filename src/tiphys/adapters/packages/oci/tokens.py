"""What opens a registry: nothing, user and password, or a token that is got with them.

As the distribution project's token authentication says: the registry names a realm, a service and
a scope, the realm answers with a token, which is good for one repository and a while.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from yarl import URL

from tiphys.adapters.packages.errors import Step, failed
from tiphys.adapters.packages.login import Logins, authorization
from tiphys.adapters.packages.oci.challenge import challenges
from tiphys.adapters.packages.oci.reference import Place
from tiphys.adapters.packages.web.client import Ask, Web
from tiphys.adapters.packages.web.status import require_ok
from tiphys.model.repository import Repository

_KEPT: Final = 2000
_ANSWER: Final = 1 << 20
_SHORTEST: Final = 60.0
"""Seconds that a token is good for where its answer does not say, and at least."""
_MARGIN: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Kept:
    header: str
    until: float


@dataclass(frozen=True, slots=True)
class Door:
    """What a token opens: some registries want another one for each thing that is asked of them."""

    repository: Repository
    place: Place
    purpose: str = "pull"


class Tokens:
    """Authorization headers by what they open, as long as they are good."""

    def __init__(
        self, web: Web, logins: Logins, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._web = web
        self._logins = logins
        self._clock = clock
        self._kept: OrderedDict[Door, _Kept] = OrderedDict()

    def known(self, door: Door) -> str:
        """Empty where none is known, which may be all that is needed."""
        kept = self._kept.get(door)
        return kept.header if kept is not None and kept.until > self._clock() else ""

    def forget(self, door: Door) -> None:
        self._kept.pop(door, None)

    async def has_login(self, repository: Repository) -> bool:
        return bool(authorization(await self._logins.login(repository), repository.url))

    async def obtain(self, door: Door, asked: Sequence[str]) -> str:
        """The header that answers to a registry's challenges, empty where there is none. Raises
        RepositoryError where a token is refused.
        """
        login = authorization(await self._logins.login(door.repository), door.repository.url)
        found = {one.scheme: one.parameters for one in challenges(asked)}
        if login.startswith("Bearer "):
            return self._keep(door, login, float("inf"))
        realm = found.get("bearer", {}).get("realm", "")
        if realm:
            return await self._token(door, found["bearer"], login)
        if login and ("basic" in found or not found):
            return self._keep(door, login, float("inf"))
        return ""

    async def _token(self, door: Door, asked: Mapping[str, str], login: str) -> str:
        url = _token_url(asked, door.place)
        home = door.place.base
        ask = Ask(str(url), authorization=login, home=home, login_at=str(url.origin()))
        async with self._web.ask(ask, door.repository) as answer:
            require_ok(answer.status, str(url), has_login=bool(login))
            text = await answer.read(_ANSWER)
        try:
            said = orjson.loads(text)
            token = said.get("token") or said.get("access_token")
            good_for = float(said.get("expires_in") or _SHORTEST)
        except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError):
            token, good_for = None, 0.0
        if not isinstance(token, str) or not token or not token.isprintable():
            raise failed(Step.LOGIN, f"{url.host} answers without a token", str(url))
        return self._keep(door, f"Bearer {token}", max(good_for, _SHORTEST) - _MARGIN)

    def _keep(self, door: Door, header: str, seconds: float) -> str:
        self._kept[door] = _Kept(header, self._clock() + seconds)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return header


def _token_url(asked: Mapping[str, str], place: Place) -> URL:
    """Raises RepositoryError where a login would go out in the clear that came in over TLS."""
    try:
        url = URL(asked["realm"])
    except ValueError:
        url = URL()
    safe = url.scheme == "https" or (url.scheme == "http" and place.base.startswith("http://"))
    if not safe or not url.host:
        raise failed(Step.LOGIN, "the registry names no https:// realm for tokens", place.base)
    scope = asked.get("scope") or (f"repository:{place.name}:pull" if place.name else "")
    query = {"service": asked.get("service", ""), "scope": scope}
    return url.update_query({name: value for name, value in query.items() if value})
