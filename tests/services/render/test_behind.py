"""An archive that is written behind: nothing is lost but by a crash, and nothing waits for it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from tiphys.services.render.behind import WriteBehind


class Kept:
    """Remembers what was written; `wrote` is set by every entry."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], bytes] = {}
        self.writes = 0
        self.wrote = threading.Event()

    def load(self, group: str) -> Sequence[bytes]:
        return [data for (at, _), data in self.entries.items() if at == group]

    def keep(self, group: str, name: str, data: bytes) -> None:
        self.entries[group, name] = data
        self.writes += 1
        self.wrote.set()


def test_what_waits_is_there_to_be_read() -> None:
    kept = Kept()
    behind = WriteBehind(kept, quiet=60.0)
    behind.keep("a", "1", b"old")
    behind.keep("a", "1", b"new")
    behind.keep("b", "1", b"other")
    assert behind.load("a") == [b"new"]
    assert kept.entries == {}
    behind.close()
    assert kept.entries == {("a", "1"): b"new", ("b", "1"): b"other"}
    assert kept.writes == 2


def test_a_quiet_moment_is_written_in() -> None:
    kept = Kept()
    behind = WriteBehind(kept, quiet=0.01)
    behind.keep("a", "1", b"x")
    assert kept.wrote.wait(10)
    behind.close()
    assert behind.load("a") == [b"x"]


def test_much_does_not_wait() -> None:
    kept = Kept()
    behind = WriteBehind(kept, quiet=60.0, size=4)
    behind.keep("a", "1", b"xxxx")
    assert kept.wrote.wait(10)
    behind.close()


def test_after_the_end_it_is_written_at_once() -> None:
    kept = Kept()
    behind = WriteBehind(kept, quiet=60.0)
    behind.close()
    behind.keep("a", "1", b"x")
    assert kept.entries == {("a", "1"): b"x"}


def test_an_archive_that_breaks_its_word_loses_no_more_than_an_entry() -> None:
    class Broken(Kept):
        def keep(self, group: str, name: str, data: bytes) -> None:
            if name == "bad":
                raise RuntimeError("hush")
            super().keep(group, name, data)

    kept = Broken()
    behind = WriteBehind(kept, quiet=0.01)
    behind.keep("a", "bad", b"x")
    behind.keep("a", "good", b"y")
    assert kept.wrote.wait(10)
    kept.wrote.clear()
    behind.keep("a", "later", b"z")
    assert kept.wrote.wait(10)
    behind.close()
    assert behind.load("a") == [b"y", b"z"]
