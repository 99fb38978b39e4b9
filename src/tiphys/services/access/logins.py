"""Login by name and password, in a time and in words that tell nothing of why it failed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from tiphys.core.session.accounts import Account, Capability
from tiphys.core.session.ledger import Failed, Succeeded, refuses, source_of
from tiphys.model.errors import ApiCode, ApiError
from tiphys.services.access.book import AccountBook
from tiphys.services.access.ledger import SharedLedger
from tiphys.services.access.ports import Passwords
from tiphys.services.access.sessions import OwnSessions

log = structlog.get_logger()

_INVALID = "Invalid username or password"
_LONGEST_NAME = 32
_BURNT = "$2a$10$Hfs8Gv.yjvL4vZGn88RkR.DfZIHvKQgNoojQscvQosyuB1SJFWVZq"
"""What the passwords of accounts are compared with that there are not: it takes as long."""
_BURNT_ACCOUNT = Account(name="", enabled=False)


@dataclass(frozen=True, slots=True)
class Pace:
    """`least` and `most` are the seconds that an attempt takes, whatever comes of it; `spread`
    gives a number between 0 and 1, `clock` seconds. `at_once` attempts run side by side.
    """

    clock: Callable[[], float]
    spread: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    least: float = 0.5
    most: float = 1.0
    at_once: int = 50


class Logins:
    """`counted` hears of each attempt whether it was good."""

    def __init__(
        self,
        book: AccountBook,
        sessions: OwnSessions,
        ledger: SharedLedger,
        passwords: Passwords,
        *,
        now: Callable[[], datetime],
        pace: Pace,
        counted: Callable[[bool], None] = lambda _good: None,
    ) -> None:
        self._book = book
        self._sessions = sessions
        self._ledger = ledger
        self._passwords = passwords
        self._now = now
        self._pace = pace
        self._counted = counted
        self._running = 0
        self._turns: dict[str, asyncio.Lock] = {}
        """By account: as many as there are."""

    async def login(self, name: str, password: str, *, token: str = "", peer: str = "") -> str:
        """A token of the account. `peer` is the address that it is asked from.

        Raises ApiError.
        """
        if self._running >= self._pace.at_once:
            raise _unauthenticated(_INVALID)
        self._running += 1
        try:
            return await self._login(name, password, token, peer)
        except ApiError:
            self._counted(False)
            raise
        finally:
            self._running -= 1

    async def _login(self, name: str, password: str, token: str, peer: str) -> str:
        if token:
            raise _unauthenticated(
                "token-based session creation no longer supported. "
                "please upgrade argocd cli to v0.7+"
            )
        if not name or not password:
            raise _unauthenticated("no credentials supplied")
        account = await self.verified(name, password, peer=peer)
        self._counted(True)
        log.info("logged in", account=account.name)
        return self._sessions.login(account.name)

    async def verified(self, name: str, password: str, *, peer: str = "") -> Account:
        """The account, if the password is its, and nobody tried too often. Raises ApiError."""
        begun = self._pace.clock()
        try:
            return await self._verified(name, password, source_of(peer))
        finally:
            pace = self._pace
            whole = pace.least + (pace.most - pace.least) * pace.spread()
            await pace.sleep(max(0.0, whole - (pace.clock() - begun)))

    async def _verified(self, name: str, password: str, source: str) -> Account:
        if len(name.encode(errors="replace")) > _LONGEST_NAME:
            raise ApiError(
                ApiCode.INVALID_ARGUMENT, f"Username is too long ({_LONGEST_NAME} bytes max)"
            )
        account = self._book.accounts().get(name)
        if account is None:
            await self._check(_BURNT_ACCOUNT, password, "", source)
            raise _unauthenticated(_INVALID)
        # One after another, so that attempts side by side are not more than are allowed.
        async with self._turns.setdefault(name, asyncio.Lock()):
            await self._check(account, password, name, source)
        _check_use(account)
        return account

    async def _check(self, account: Account, password: str, name: str, source: str) -> None:
        """`name` is empty where there is no such account: whoever tries is counted, not what."""
        ledger = self._ledger
        now = int(self._now().timestamp())
        if refuses(ledger.present(), name, source, ledger.limits, now):
            log.warning("too many failed logins", account=name, source=source)
            raise _unauthenticated(_INVALID)
        right = await self._passwords.check(password, account.password or _BURNT)
        if not right or not account.password or not name:
            await ledger.record(Failed(name, source, now))
            raise _unauthenticated(_INVALID)
        if name in ledger.present().accounts:
            await ledger.record(Succeeded(name))


def _check_use(account: Account) -> None:
    if not account.enabled:
        raise _unauthenticated(f"Account {account.name} is disabled")
    if not account.can(Capability.LOGIN):
        raise _unauthenticated(f"Account {account.name} does not have login capability")


def _unauthenticated(text: str) -> ApiError:
    return ApiError(ApiCode.UNAUTHENTICATED, text)
