"""The cache on disk: what is kept is found by another process, and nothing else is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tiphys.adapters.cache import FolderCache

GROUP = "abcdef"


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_is_kept_is_found_after_a_restart(tmp_path: Path) -> None:
    FolderCache(tmp_path).keep(GROUP, "one", b"first")
    assert FolderCache(tmp_path).load(GROUP) == [b"first"]
    assert FolderCache(tmp_path).load("other") == []


def test_an_entry_is_for_our_eyes_only(tmp_path: Path) -> None:
    FolderCache(tmp_path).keep(GROUP, "one", b"first")
    (entry,) = files(tmp_path)
    assert entry.stat().st_mode & 0o077 == 0
    assert entry.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("spoil", ["cut", "changed", "elsewhere"])
def test_what_is_not_whole_is_no_entry(tmp_path: Path, spoil: str) -> None:
    cache = FolderCache(tmp_path)
    cache.keep(GROUP, "one", b"first" * 100)
    (entry,) = files(tmp_path)
    group = GROUP
    if spoil == "cut":
        entry.write_bytes(entry.read_bytes()[:-3])
    elif spoil == "changed":
        entry.write_bytes(entry.read_bytes()[:-1] + b"x")
    else:
        group = "abzzzz"
        (tmp_path / "ab" / group).mkdir()
        entry.rename(tmp_path / "ab" / group / "one")
    assert cache.load(group) == []
    assert files(tmp_path) == []


def test_the_longest_unused_go_when_there_is_no_room(tmp_path: Path) -> None:
    cache = FolderCache(tmp_path, size=11_000)
    for number in range(3):
        cache.keep(f"aa{number}", "one", os.urandom(3_000))
        (entry,) = files(tmp_path / "aa" / f"aa{number}")
        os.utime(entry, (number, number))
    assert len(cache.load("aa0")) == 1
    cache.keep("aa3", "one", os.urandom(3_000))
    assert [len(cache.load(f"aa{number}")) for number in range(4)] == [1, 0, 1, 1]


def test_a_group_keeps_its_youngest(tmp_path: Path) -> None:
    cache = FolderCache(tmp_path, per_group=2)
    for number in range(3):
        cache.keep(GROUP, str(number), str(number).encode())
        os.utime(tmp_path / "ab" / GROUP / str(number), (number, number))
    assert cache.load(GROUP) == [b"1", b"2"]


def test_the_same_entry_again_takes_no_more_room(tmp_path: Path) -> None:
    cache = FolderCache(tmp_path, size=5_000)
    for _ in range(5):
        cache.keep(GROUP, "one", os.urandom(3_000))
    assert len(cache.load(GROUP)) == 1


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = FolderCache(tmp_path / "file")
    cache.keep(GROUP, "one", b"first")
    assert cache.load(GROUP) == []


def test_an_entry_that_cannot_be_touched_is_an_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = FolderCache(tmp_path)
    cache.keep(GROUP, "one", b"first")

    def refused(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(os, "utime", refused)
    assert cache.load(GROUP) == [b"first"]
