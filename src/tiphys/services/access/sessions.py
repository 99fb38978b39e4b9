"""Who is behind a token: our own tokens here, those of a provider by a port.

What was proven of a token is remembered by its digest, so that it costs microseconds the next
time. That is its signature alone: whether it has ended, was revoked, or whether its account is
another now, is looked at each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from tiphys.core.rbac.projects import project_of_subject
from tiphys.core.session.accounts import Capability
from tiphys.core.session.claims import (
    OWN_ALGORITHM,
    account_of,
    algorithm_of,
    check_account,
    check_times,
    local_claims,
    renewal,
)
from tiphys.core.session.errors import SessionError
from tiphys.core.session.ledger import EndedAll, Revoked, is_ended
from tiphys.model.access import ANONYMOUS, EVERYTHING, Caller
from tiphys.model.appproject import AppProject
from tiphys.model.errors import (
    ApiCode,
    ApiError,
    ExpiredError,
    ManifestDecodeError,
    TokenError,
)
from tiphys.model.resource import Manifest
from tiphys.services.access.book import AccountBook
from tiphys.services.access.ledger import SharedLedger
from tiphys.services.access.ports import TokenSigner, TokenVerifier
from tiphys.services.reconcile.named import NamedObjects

NO_SESSION = "no session information"
_REMEMBERED = 10_000
_LONGEST_TOKEN = 64 << 10
_FOR_EVER = 10 * 365 * 86_400
"""Seconds that an end is remembered for whose token has none."""


class OwnSessions:
    """`verifier` knows the tokens of the provider, where there is one. Implements Sessions."""

    def __init__(
        self,
        book: AccountBook,
        ledger: SharedLedger,
        projects: NamedObjects,
        signer: TokenSigner,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        disabled: bool = False,
        verifier: TokenVerifier | None = None,
    ) -> None:
        self.verifier = verifier
        self._book = book
        self._ledger = ledger
        self._signer = signer
        self._now = now
        self._new_id = new_id
        self._disabled = disabled
        self._listed = _ListedTokens(projects)
        self._proven: dict[bytes, Mapping[str, Any]] = {}
        self._proven_by = b""

    async def caller(self, token: str) -> tuple[Caller, str]:
        if self._disabled:
            return EVERYTHING, ""
        try:
            if not token:
                raise ApiError(ApiCode.UNAUTHENTICATED, NO_SESSION)
            return await self.verified(token)
        except ApiError as error:
            if error.code is ApiCode.UNAUTHENTICATED and self._book.anonymous():
                return ANONYMOUS, ""
            raise

    async def verified(self, token: str) -> tuple[Caller, str]:
        """As `caller`, where only the token counts. Raises ApiError, Unauthenticated."""
        try:
            if len(token) > _LONGEST_TOKEN:
                raise SessionError("token is malformed: it is too long")
            if self.verifier is not None and algorithm_of(token) != OWN_ALGORITHM:
                return await self._provider_s(self.verifier, token)
            return self._own(token)
        except (SessionError, TokenError) as error:
            raise _invalid(str(error)) from None

    def issue(self, subject: str, seconds: int, identifier: str = "") -> str:
        """A signed token; `seconds` 0 is for ever."""
        claims = local_claims(
            subject,
            issued=int(self._now().timestamp()),
            seconds=seconds,
            identifier=identifier or self._new_id(),
        )
        return self._signer.sign(claims, self._key())

    def login(self, name: str) -> str:
        """A token for somebody who has just proven who he is: always a new one."""
        return self.issue(f"{name}:{Capability.LOGIN.value}", self._book.session_seconds())

    async def end(self, token: str) -> Caller:
        """Nobody can use the token again. Raises ApiError for one that nobody can use now."""
        caller, _ = await self.verified(token)
        at = int(self._now().timestamp())
        change = Revoked(
            _digest(_identifier(caller.claims)), _digest(caller.subject), at, _until(caller, at)
        )
        await self._ledger.record(change)
        return caller

    async def end_all(self, caller: Caller) -> None:
        """Whatever the caller is logged in with, wherever, is good no longer."""
        at = int(self._now().timestamp())
        until = at + max(self._book.session_seconds(), 30 * 86_400)
        await self._ledger.record(EndedAll(_digest(caller.subject), at, until))

    # -- tokens of our own --------------------------------------------------------------------

    def _own(self, token: str) -> tuple[Caller, str]:
        claims = self._claims(token)
        now = self._now().timestamp()
        check_times(claims, now)
        caller = Caller(claims)
        subject = claims.get("sub")
        if not caller.is_local or not isinstance(subject, str):
            raise SessionError("token has invalid claims: token has invalid issuer")
        if project_of_subject(subject) is not None:
            self._check_project(subject, claims)
            return caller, ""
        name, capability = account_of(subject)
        account = self._book.accounts().get(name)
        revoked = self._is_ended(caller)
        check_account(account, name, capability, claims, revoked=revoked)
        seconds = renewal(claims, now) if capability is Capability.LOGIN else 0
        return caller, self.issue(subject, seconds) if seconds else ""

    def _claims(self, token: str) -> Mapping[str, Any]:
        key = self._key()
        if key != self._proven_by:
            self._proven.clear()
            self._proven_by = key
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        known = self._proven.get(digest)
        if known is None:
            known = self._signer.verify(token, key)
            if len(self._proven) >= _REMEMBERED:
                del self._proven[next(iter(self._proven))]
            self._proven[digest] = known
        return known

    def _key(self) -> bytes:
        key = self._book.key()
        if not key:
            raise SessionError("server.secretkey is missing")
        return key

    def _check_project(self, subject: str, claims: Mapping[str, Any]) -> None:
        _, project, role = subject.split(":")
        issued = claims.get("iat")
        identifier = claims.get("jti")
        if not self._listed.has(project, role, identifier, issued):
            raise SessionError(
                f"JWT token for role '{role}' issued at '{issued}' does not exist in project "
                f"'{project}'"
            )
        if isinstance(identifier, str) and self._is_ended(Caller(claims)):
            raise SessionError("token is revoked, please re-login")

    # -- tokens of the provider ---------------------------------------------------------------

    async def _provider_s(self, verifier: TokenVerifier, token: str) -> tuple[Caller, str]:
        try:
            claims, renewed = await verifier.verify(token)
        except ExpiredError as error:
            raise ExpiredError(f"invalid session: {error}", issuer=error.issuer) from None
        except ApiError as error:
            raise _invalid(str(error)) from None
        caller = Caller(claims)
        if caller.is_anonymous or caller.is_local:
            # Nobody but ourselves may speak for our own accounts.
            raise SessionError("token has invalid claims: token has invalid issuer")
        if self._is_ended(caller):
            raise SessionError("token is revoked, please re-login")
        return caller, renewed

    def _is_ended(self, caller: Caller) -> bool:
        ledger = self._ledger.present()
        if not ledger.revoked and not ledger.cuts:
            return False
        identifier = _identifier(caller.claims)
        subject = _digest(caller.subject)
        return is_ended(ledger, _digest(identifier), subject, caller.issued or 0)


class _ListedTokens:
    """Which tokens of their roles the projects list, read once for each state of a project."""

    def __init__(self, projects: NamedObjects) -> None:
        self._projects = projects
        self._known: dict[str, tuple[Manifest, frozenset[tuple[str, str | int]]]] = {}

    def has(self, project: str, role: str, identifier: object, issued: object) -> bool:
        """By its id, or by the time of its issue where none was ever listed."""
        listed = self._listed(project)
        return any(
            isinstance(known, str | int) and (role, known) in listed
            for known in (identifier, issued)
        )

    def _listed(self, project: str) -> frozenset[tuple[str, str | int]]:
        manifest = self._projects.get(project)
        if manifest is None:
            self._known.pop(project, None)
            return frozenset()
        known = self._known.get(project)
        if known is None or known[0] is not manifest:
            known = self._known[project] = manifest, _tokens(manifest)
        return known[1]


def _tokens(manifest: Manifest) -> frozenset[tuple[str, str | int]]:
    try:
        by_role = AppProject(manifest).status.jwt_tokens_by_role
    except ManifestDecodeError:
        return frozenset()
    listed: set[tuple[str, str | int]] = set()
    for role, tokens in by_role.items():
        for token in tokens.items:
            without_id = token.id in ("", str(token.iat))
            listed |= {(role, token.iat)} if without_id else {(role, token.id)}
    return frozenset(listed)


def _identifier(claims: Mapping[str, Any]) -> str:
    found = claims.get("jti") or claims.get("at_hash") or ""
    return found if isinstance(found, str) else ""


def _until(caller: Caller, at: int) -> int:
    end = caller.claims.get("exp")
    return int(end) if isinstance(end, int | float) else at + _FOR_EVER


def _digest(text: str) -> str:
    """Short, and whatever a provider puts into its claims."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]


def _invalid(text: str) -> ApiError:
    return ApiError(ApiCode.UNAUTHENTICATED, f"invalid session: {text}")
