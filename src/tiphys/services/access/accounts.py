"""Accounts as their owners and administrators use them. All calls raise ApiError and KubeError."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from tiphys.core.rbac.names import ALL_ACTIONS, RESOURCES
from tiphys.core.rbac.projects import project_of_subject
from tiphys.core.session.accounts import Account, AccountToken, Capability
from tiphys.core.session.settings import fits
from tiphys.model.access import Caller
from tiphys.model.errors import ApiCode, ApiError
from tiphys.services.access.book import AccountBook
from tiphys.services.access.logins import Logins
from tiphys.services.access.ports import Access, Passwords
from tiphys.services.access.sessions import OwnSessions

log = structlog.get_logger()

_ACCOUNTS = "accounts"
_FRESH = 300
"""Seconds within which somebody of a provider logged in who may change a password."""
_ENFORCES_ROLLBACK = "server.rbac.rollback.enforce.enable"


class AccountUse:
    """`namespace` is the control plane's."""

    def __init__(
        self,
        book: AccountBook,
        sessions: OwnSessions,
        logins: Logins,
        access: Access,
        passwords: Passwords,
        *,
        namespace: str,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._book = book
        self._sessions = sessions
        self._logins = logins
        self._access = access
        self._passwords = passwords
        self._namespace = namespace
        self._now = now
        self._new_id = new_id

    def list(self, caller: Caller) -> Sequence[Account]:
        """Those that the caller may see, by name."""
        accounts = self._book.accounts()
        return [accounts[name] for name in sorted(accounts) if self._may_see(caller, name)]

    def get(self, caller: Caller, name: str) -> Account:
        self._check(caller, "get", name)
        account = self._book.accounts().get(name)
        if account is None:
            raise ApiError(ApiCode.NOT_FOUND, f"account '{name}' does not exist")
        return account

    def can_i(self, caller: Caller, resource: str, action: str, target: str) -> bool:
        if action not in ALL_ACTIONS:
            raise _unknown(ALL_ACTIONS, action)
        if resource not in RESOURCES:
            raise _unknown(RESOURCES, resource)
        if action == "rollback" and not self._enforces_rollback():
            action = "sync"
        return self._access.allows(caller, resource, action, self._shortened(target))

    async def create_token(
        self, caller: Caller, name: str, *, expires_in: int = 0, identifier: str = ""
    ) -> str:
        """An API key; `expires_in` are seconds, 0 is for ever."""
        self._check(caller, "update", name)
        known_as = identifier or self._new_id()
        issued = int(self._now().timestamp())
        token = AccountToken(known_as, issued, issued + expires_in if expires_in > 0 else 0)

        def add(account: Account) -> Account:
            if account.token(known_as) is not None:
                raise _not_added(f"account already has token with id '{known_as}'")
            if not account.can(Capability.API_KEY):
                raise _not_added(f"account '{name}' does not have apiKey capability")
            return replace(account, tokens=(*account.tokens, token))

        subject = f"{name}:{Capability.API_KEY.value}"
        # Signed first: a token that nobody holds must not be listed.
        signed = self._sessions.issue(subject, max(expires_in, 0), known_as)
        await self._book.change(name, add)
        log.info("created an API key", account=name, id=known_as, by=caller.username)
        return signed

    async def delete_token(self, caller: Caller, name: str, identifier: str) -> None:
        self._check(caller, "update", name)

        def remove(account: Account) -> Account:
            if account.token(identifier) is None:
                raise ApiError(ApiCode.NOT_FOUND, f"token with id '{identifier}' does not exist")
            left = tuple(one for one in account.tokens if one.id != identifier)
            return replace(account, tokens=left)

        await self._book.change(name, remove)
        log.info("deleted an API key", account=name, id=identifier, by=caller.username)

    async def update_password(
        self, caller: Caller, name: str, *, current: str, new: str, peer: str = ""
    ) -> None:
        """`current` is the caller's own. An empty `name` is the caller's."""
        changed = name or caller.subject
        if changed != caller.subject or not caller.is_local:
            self._access.require(caller, _ACCOUNTS, "update", name)
        if caller.is_local:
            await self._prove(caller, changed, current, peer)
        elif not caller.everything:
            self._check_fresh(caller)
        self._check_pattern(new)
        hashed = await self._passwords.hash(new)
        at = int(self._now().timestamp())
        await self._book.change(
            changed, lambda account: replace(account, password=hashed, password_changed=at)
        )
        log.info("changed a password", account=changed, by=caller.username)

    # -- parts --------------------------------------------------------------------------------

    async def _prove(self, caller: Caller, changed: str, current: str, peer: str) -> None:
        subject = caller.subject
        if changed == subject and project_of_subject(subject) is not None:
            raise ApiError(
                ApiCode.INVALID_ARGUMENT,
                f'password can only be changed for local users, not user "{subject}"',
            )
        try:
            await self._logins.verified(subject, current, peer=peer)
        except ApiError:
            raise ApiError(ApiCode.INVALID_ARGUMENT, "current password does not match") from None

    def _check_fresh(self, caller: Caller) -> None:
        if caller.issued is None or self._now().timestamp() - caller.issued > _FRESH:
            raise ApiError(
                ApiCode.UNKNOWN,
                "SSO token is too old. Please use 'argocd relogin' to get a new token",
            )

    def _check_pattern(self, password: str) -> None:
        pattern = self._book.password_pattern()
        fitting = fits(pattern, password)
        if fitting is None:
            raise ApiError(ApiCode.UNKNOWN, f"passwordPattern is no expression: {pattern}")
        if not fitting:
            raise ApiError(
                ApiCode.UNKNOWN,
                f"new password does not match the following expression: {pattern}",
            )

    def _check(self, caller: Caller, action: str, name: str) -> None:
        """An account may always look after itself."""
        if not _is_own(caller, name):
            self._access.require(caller, _ACCOUNTS, action, name)

    def _may_see(self, caller: Caller, name: str) -> bool:
        return _is_own(caller, name) or self._access.allows(caller, _ACCOUNTS, "get", name)

    def _enforces_rollback(self) -> bool:
        text = self._book.general().get(_ENFORCES_ROLLBACK, "")
        if text in ("", "0", "f", "F", "false", "FALSE", "False"):
            return False
        if text in ("1", "t", "T", "true", "TRUE", "True"):
            return True
        raise ApiError(ApiCode.UNKNOWN, f"{_ENFORCES_ROLLBACK}: {text!r} is no boolean")

    def _shortened(self, target: str) -> str:
        """Applications of the control plane's own namespace are known without it."""
        match target.split("/"):
            case [project, namespace, name] if namespace == self._namespace:
                return f"{project}/{name}"
            case _:
                return target


def _is_own(caller: Caller, name: str) -> bool:
    return caller.is_local and caller.subject == name


def _not_added(text: str) -> ApiError:
    return ApiError(ApiCode.UNKNOWN, f"failed to update account with new token: {text}")


def _unknown(known: Sequence[str], word: str) -> ApiError:
    return ApiError(ApiCode.INVALID_ARGUMENT, f"[{' '.join(known)}] does not contain {word}")
