"""What has to be remembered of logins: which failed, and which tokens were ended early.

All of it is bounded, and no flood pushes out what it must not: failures are counted for accounts
that there are, and apart from them for addresses; who ends more sessions than are remembered one
by one, ends all that he has.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar, assert_never

from tiphys.core.session.accounts import ADMIN

_Entry = TypeVar("_Entry")

_IPV6_NETWORK = 64
_PER_SUBJECT = 200
"""Sessions of one subject that are ended one by one."""
_REVOKED = 4_000
_SOURCES = 500
_ENDED = 2_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Failures in a row that are too many, and for how many seconds; 0 is until a success.

    Addresses are allowed many more than accounts: whole companies come from one.
    """

    failures: int = 5
    window: int = 300
    names: int = 2_000
    source_failures: int = 100


@dataclass(frozen=True, slots=True)
class Attempts:
    """`last` are seconds since 1970."""

    count: int
    last: int


@dataclass(frozen=True, slots=True)
class Revocation:
    """A token's, at `at`. It is known for as long as the token would have lasted."""

    subject: str
    at: int
    until: int


@dataclass(frozen=True, slots=True)
class Cut:
    """All tokens of a subject that were issued at `before` or earlier are ended."""

    before: int
    until: int


@dataclass(frozen=True, slots=True)
class Ledger:
    accounts: Mapping[str, Attempts] = field(default_factory=dict)
    sources: Mapping[str, Attempts] = field(default_factory=dict)
    revoked: Mapping[str, Revocation] = field(default_factory=dict)
    cuts: Mapping[str, Cut] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """`account` is empty where there is none of the name, `source` where it is not known."""

    account: str
    source: str
    at: int


@dataclass(frozen=True, slots=True)
class Succeeded:
    account: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """`at` is when, `until` when the token would have ended by itself."""

    token: str
    subject: str
    at: int
    until: int


@dataclass(frozen=True, slots=True)
class EndedAll:
    """Everything that the subject is logged in with."""

    subject: str
    at: int
    until: int


Change: TypeAlias = Failed | Succeeded | Revoked | EndedAll


def source_of(peer: str) -> str:
    """What counts as one address: of IPv6 a whole network, for anybody has that many."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _IPV6_NETWORK), strict=False))


def refuses(ledger: Ledger, account: str, source: str, limits: Limits, now: int) -> bool:
    """Whether a login is refused without looking at the password."""
    return _too_many(ledger.accounts.get(account), limits.failures, limits.window, now) or (
        _too_many(ledger.sources.get(source), limits.source_failures, limits.window, now)
    )


def is_ended(ledger: Ledger, token: str, subject: str, issued: int) -> bool:
    cut = ledger.cuts.get(subject)
    revoked = _key(token, subject) in ledger.revoked
    return revoked or (cut is not None and issued <= cut.before)


def after(ledger: Ledger, changes: Iterable[Change], limits: Limits, now: int) -> Ledger:
    """With the changes, and without what is over or too much."""
    return _pruned(applied(ledger, changes, limits), limits, now)


def applied(ledger: Ledger, changes: Iterable[Change], limits: Limits) -> Ledger:
    for change in changes:
        ledger = _after(ledger, change, limits)
    return ledger


def _after(ledger: Ledger, change: Change, limits: Limits) -> Ledger:
    match change:
        case Failed():
            return replace(
                ledger,
                accounts=_counted(ledger.accounts, change.account, change.at, limits.window),
                sources=_counted(ledger.sources, change.source, change.at, limits.window),
            )
        case Succeeded():
            return replace(ledger, accounts=_without(ledger.accounts, {change.account}))
        case Revoked():
            return _gathered(_revoked(ledger, change), change.at)
        case EndedAll():
            return _cut(ledger, change.subject, change.at, change.until)
        case _:
            assert_never(change)


def _revoked(ledger: Ledger, change: Revoked) -> Ledger:
    key = _key(change.token, change.subject)
    before = ledger.revoked.get(key)
    at = max(change.at, before.at if before else 0)
    until = max(change.until, before.until if before else 0)
    entry = Revocation(change.subject, at, until)
    return replace(ledger, revoked={**ledger.revoked, key: entry})


def _key(token: str, subject: str) -> str:
    """Ids are one provider's own: somebody else may have the same."""
    return f"{subject} {token}"


def _counted(
    known: Mapping[str, Attempts], key: str, at: int, window: int
) -> Mapping[str, Attempts]:
    if not key:
        return known
    before = known.get(key)
    count = 0 if before is None or _is_over(before, window, at) else before.count
    return {**known, key: Attempts(count + 1, at)}


def _gathered(ledger: Ledger, at: int) -> Ledger:
    """Who ended so many sessions that they are not remembered one by one, ends them all."""
    by_subject: dict[str, int] = {}
    for entry in ledger.revoked.values():
        by_subject[entry.subject] = by_subject.get(entry.subject, 0) + 1
    most = max(by_subject, key=lambda subject: by_subject[subject])
    if by_subject[most] <= _PER_SUBJECT and len(ledger.revoked) <= _REVOKED:
        return ledger
    return _cut(ledger, most, at, 0)


def _cut(ledger: Ledger, subject: str, at: int, until: int) -> Ledger:
    """What was ended one by one is among all."""
    before = ledger.cuts.get(subject, Cut(0, 0))
    own = {key: entry for key, entry in ledger.revoked.items() if entry.subject == subject}
    cut = Cut(
        max(at, before.before, *(entry.at for entry in own.values())),
        max(until, before.until, *(entry.until for entry in own.values())),
    )
    return replace(
        ledger, revoked=_without(ledger.revoked, own), cuts={**ledger.cuts, subject: cut}
    )


def _pruned(ledger: Ledger, limits: Limits, now: int) -> Ledger:
    window = limits.window
    accounts = {k: v for k, v in ledger.accounts.items() if not _is_over(v, window, now)}
    sources = {k: v for k, v in ledger.sources.items() if not _is_over(v, window, now)}
    cuts = {k: v for k, v in ledger.cuts.items() if v.until > now}
    latest = sorted(cuts, key=lambda subject: -cuts[subject].until)[:_ENDED]
    return Ledger(
        accounts=_fewest_gone(accounts, limits.names),
        sources=_fewest_gone(sources, _SOURCES),
        revoked={k: v for k, v in ledger.revoked.items() if v.until > now},
        cuts={subject: cuts[subject] for subject in latest},
    )


def _fewest_gone(known: Mapping[str, Attempts], most: int) -> Mapping[str, Attempts]:
    """What has failed least and longest ago goes first; never the administrator."""
    if len(known) <= most:
        return known
    order = sorted(known, key=lambda key: (key != ADMIN, -known[key].count, -known[key].last))
    return {key: known[key] for key in order[:most]}


def _is_over(attempts: Attempts, window: int, now: int) -> bool:
    return window > 0 and now - attempts.last > window


def _too_many(attempts: Attempts | None, most: int, window: int, now: int) -> bool:
    return attempts is not None and attempts.count >= most and not _is_over(attempts, window, now)


def _without(known: Mapping[str, _Entry], keys: Collection[str]) -> dict[str, _Entry]:
    return {key: value for key, value in known.items() if key not in keys}
