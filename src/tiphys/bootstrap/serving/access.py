"""Wires who may what: policies, sessions, accounts, and the methods on them."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tiphys.adapters.jose import Signer
from tiphys.adapters.kube import KubeClient, Transport
from tiphys.adapters.passwords import Bcrypt
from tiphys.bootstrap.following import CONFIG_MAPS, Following, listed
from tiphys.core.session.accounts import Capability
from tiphys.core.session.ledger import Limits
from tiphys.services.access.accounts import AccountUse
from tiphys.services.access.beginning import Beginning
from tiphys.services.access.book import AccountBook
from tiphys.services.access.enforcer import POLICIES, Enforcer
from tiphys.services.access.ledger import SharedLedger
from tiphys.services.access.logins import Logins, Pace
from tiphys.services.access.sessions import OwnSessions
from tiphys.services.reconcile.named import NamedObjects

if TYPE_CHECKING:
    from tiphys.api.calls import Handlers

_AT_ONCE = 50
"""Logins that run side by side in all replicas together."""


@dataclass(frozen=True, slots=True)
class AccessParts:
    """What other pieces are given of it. The provider's tokens are known once somebody sets
    `sessions.verifier`.
    """

    enforcer: Enforcer
    sessions: OwnSessions
    logins: Logins
    accounts: AccountUse
    book: AccountBook

    def handlers(self) -> Handlers:
        from tiphys.api.handlers.account import AccountHandlers
        from tiphys.api.handlers.session import SessionHandlers

        return {
            **AccountHandlers(self.accounts).methods(),
            **SessionHandlers(self.logins, self.enforcer).methods(),
        }

    def has_logins(self) -> bool:
        """Whether somebody may log in with a name and a password."""
        accounts = self.book.accounts().values()
        return any(one.enabled and one.can(Capability.LOGIN) for one in accounts)


async def open_access(
    stack: AsyncExitStack,
    transport: Transport,
    client: KubeClient,
    *,
    namespace: str,
    config_maps: NamedObjects,
    secrets: NamedObjects,
    projects: NamedObjects,
    now: Callable[[], datetime],
    environment: Mapping[str, str],
    disable_auth: bool = False,
    counted: Callable[[bool], None] = lambda _good: None,
) -> AccessParts:
    """Makes what a first start makes, and reads the policies. `config_maps` and `secrets` are
    listed; `counted` hears of each login whether it was good. Raises KubeError and SettingsError.
    """
    policies = NamedObjects()
    one = KubeClient(transport, only=POLICIES)
    Following(one, namespace, stack).follow(CONFIG_MAPS, policies)
    await listed(policies)
    enforcer = Enforcer(policies, projects, zone=datetime.now().astimezone().tzinfo)
    enforcer.load()
    passwords = Bcrypt()
    stack.callback(passwords.close)
    book = AccountBook(client, client, config_maps, secrets, namespace=namespace)
    beginning = Beginning(client, client, book, passwords, namespace=namespace, now=now)
    await beginning.prepare()
    ledger = SharedLedger(
        client, client, secrets, namespace=namespace, now=now, limits=_limits(environment)
    )
    sessions = OwnSessions(
        book, ledger, projects, Signer(), now=now, new_id=_new_id, disabled=disable_auth
    )
    pace = Pace(time.monotonic, random.SystemRandom().random, at_once=_at_once(environment))
    logins = Logins(book, sessions, ledger, passwords, now=now, pace=pace, counted=counted)
    accounts = AccountUse(
        book, sessions, logins, enforcer, passwords, namespace=namespace, now=now, new_id=_new_id
    )
    return AccessParts(enforcer, sessions, logins, accounts, book)


def _new_id() -> str:
    return str(uuid.uuid4())


def _limits(environment: Mapping[str, str]) -> Limits:
    usual = Limits()
    return Limits(
        failures=_number(environment, "ARGOCD_SESSION_FAILURE_MAX_FAIL_COUNT", usual.failures),
        window=_number(environment, "ARGOCD_SESSION_FAILURE_WINDOW_SECONDS", usual.window),
        names=_number(environment, "ARGOCD_SESSION_MAX_CACHE_SIZE", usual.names),
    )


def _at_once(environment: Mapping[str, str]) -> int:
    most = _number(environment, "ARGOCD_MAX_CONCURRENT_LOGIN_REQUESTS_COUNT", _AT_ONCE)
    replicas = _number(environment, "ARGOCD_API_SERVER_REPLICAS", 1)
    return max(1, most // max(1, replicas))


def _number(environment: Mapping[str, str], name: str, usual: int) -> int:
    text = environment.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else usual
