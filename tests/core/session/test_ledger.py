"""What is remembered of logins: it is bounded, and floods push out nothing that matters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.core.session.ledger import (
    Attempts,
    Change,
    Cut,
    EndedAll,
    Failed,
    Ledger,
    Limits,
    Revoked,
    Succeeded,
    after,
    is_ended,
    refuses,
    source_of,
)
from tiphys.core.session.stored import read, write

LIMITS = Limits()
NOW = 10_000


def ledger(*changes: Change, limits: Limits = LIMITS, now: int = NOW) -> Ledger:
    return after(Ledger(), changes, limits, now)


def failed(times: int, account: str = "alice", source: str = "", at: int = NOW) -> list[Change]:
    return [Failed(account, source, at)] * times


def test_five_failures_are_too_many_for_five_minutes() -> None:
    assert not refuses(ledger(*failed(4)), "alice", "", LIMITS, NOW)
    known = ledger(*failed(5))
    assert refuses(known, "alice", "", LIMITS, NOW)
    assert refuses(known, "alice", "", LIMITS, NOW + 300)
    assert not refuses(known, "alice", "", LIMITS, NOW + 301)
    assert not refuses(known, "bob", "", LIMITS, NOW)


def test_failures_of_long_ago_are_not_counted_on() -> None:
    known = ledger(*failed(4, at=NOW - 301), *failed(1))
    assert known.accounts["alice"] == Attempts(1, NOW)


def test_without_a_window_failures_last() -> None:
    limits = Limits(window=0)
    known = ledger(*failed(5, at=1), limits=limits)
    assert refuses(known, "alice", "", limits, NOW)


def test_a_success_forgets_the_account_s_failures_and_no_others() -> None:
    known = ledger(*failed(5, source="1.1.1.1"), *failed(2, "bob"), Succeeded("alice"))
    assert known.accounts == {"bob": Attempts(2, NOW)}
    assert known.sources == {"1.1.1.1": Attempts(5, NOW)}


def test_an_address_is_refused_whatever_the_name() -> None:
    known = ledger(*failed(100, account="", source="1.1.1.1"))
    assert known.accounts == {}
    assert refuses(known, "alice", "1.1.1.1", LIMITS, NOW)
    assert refuses(known, "", "1.1.1.1", LIMITS, NOW)
    assert not refuses(known, "alice", "1.1.1.2", LIMITS, NOW)


def test_a_flood_of_names_and_addresses_leaves_who_is_refused_refused() -> None:
    limits = Limits(names=10)
    flood = [Failed(f"user-{number}", f"1.1.{number // 256}.{number % 256}", NOW + 1)
             for number in range(2_000)]  # fmt: skip
    known = ledger(*failed(5, source="9.9.9.9"), *flood, limits=limits)
    assert refuses(known, "alice", "", limits, NOW)
    assert len(known.accounts) == 10
    assert len(known.sources) == 500
    assert known.sources["9.9.9.9"] == Attempts(5, NOW)


def test_admin_is_the_last_to_be_forgotten() -> None:
    limits = Limits(names=1)
    known = ledger(*failed(1, "admin"), *failed(9, "alice"), limits=limits)
    assert set(known.accounts) == {"admin"}


def test_tokens_that_were_ended() -> None:
    known = ledger(Revoked("t1", "alice", NOW, NOW + 50))
    assert is_ended(known, "t1", "alice", NOW - 1)
    assert not is_ended(known, "t2", "alice", NOW - 1)
    assert after(known, [], LIMITS, NOW + 50) == Ledger()


def test_all_sessions_of_somebody() -> None:
    known = ledger(
        Revoked("t1", "alice", NOW, NOW + 50),
        Revoked("t2", "bob", NOW, NOW + 50),
        EndedAll("alice", NOW, NOW + 100),
    )
    assert set(known.revoked) == {"bob t2"}
    assert is_ended(known, "t9", "alice", NOW)
    assert not is_ended(known, "t9", "alice", NOW + 1)
    assert not is_ended(known, "t9", "carol", NOW)
    assert after(known, [], LIMITS, NOW + 100) == Ledger()


def test_a_later_end_of_all_does_not_undo_an_earlier_one() -> None:
    known = ledger(EndedAll("alice", NOW, NOW + 100), EndedAll("alice", NOW - 5, NOW + 50))
    assert known.cuts == {"alice": Cut(NOW, NOW + 100)}


def test_who_ends_too_many_sessions_ends_all_that_he_has() -> None:
    changes: list[Change] = [
        Revoked(f"t{number}", "alice", NOW + number, NOW + 1_000) for number in range(201)
    ]
    known = ledger(Revoked("b", "bob", NOW, NOW + 1_000), *changes)
    assert set(known.revoked) == {"bob b"}
    assert known.cuts == {"alice": Cut(NOW + 200, NOW + 1_000)}
    for number in range(201):
        assert is_ended(known, f"t{number}", "alice", NOW - 1)


def test_so_many_that_all_together_are_too_many() -> None:
    changes: list[Change] = [
        Revoked(f"t{number}", f"user-{number % 40}", NOW, NOW + 1_000) for number in range(4_001)
    ]
    known = ledger(*changes)
    assert len(known.revoked) <= 4_000
    assert all(is_ended(known, f"t{number}", f"user-{number % 40}", NOW) for number in range(4_001))


@pytest.mark.parametrize(
    ("peer", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", ""),
    ],
)
def test_addresses(peer: str, source: str) -> None:
    assert source_of(peer) == source


_TEXTS = st.sampled_from(["", "a", "b", "c"])
_TIMES = st.integers(NOW - 400, NOW + 400)
_CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.builds(Failed, _TEXTS, _TEXTS, _TIMES),
    st.builds(Succeeded, _TEXTS),
    st.builds(Revoked, _TEXTS, _TEXTS, _TIMES, _TIMES),
    st.builds(EndedAll, _TEXTS, _TIMES, _TIMES),
)


@given(st.lists(_CHANGES, max_size=12))
def test_what_is_written_is_read_again(changes: list[Change]) -> None:
    known = ledger(*changes)
    assert read(write(known)) == known


@given(st.lists(_CHANGES, max_size=12), _TEXTS, _TEXTS, _TIMES)
def test_what_is_ended_stays_ended(
    changes: list[Change], token: str, subject: str, issued: int
) -> None:
    before = ledger(Revoked(token, subject, issued, NOW + 500))
    assert is_ended(after(before, changes, LIMITS, NOW), token, subject, issued)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"accounts":[]}', "nonsense"])
def test_what_is_no_ledger(text: str) -> None:
    assert read(text) is None
