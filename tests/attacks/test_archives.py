"""Charts and layers made to get out of their folder, or to fill up what there is.

Each attack is tried twice: it fails against what there is, and it is noticed where its defence is
switched off. One that passed either way would prove nothing.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.tars import entry, link, tar
from tiphys.adapters.packages.archive import building, store
from tiphys.adapters.packages.archive import tar as tar_module
from tiphys.adapters.packages.archive.building import TreeBuilder
from tiphys.adapters.packages.archive.inflate import Inflated
from tiphys.adapters.packages.archive.limits import ArchiveError, ArchiveLimits
from tiphys.adapters.packages.archive.store import TreeStore

SwitchOff = Callable[[pytest.MonkeyPatch], object]

# Out of bounds


def believing_names(patch: pytest.MonkeyPatch) -> None:
    def steps(_: TreeBuilder, name: str) -> list[str]:
        return [step for step in name.split("/") if step]

    patch.setattr(TreeBuilder, "_steps", steps)


def believing_links(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(store, "link_that_leaves", lambda _: None)


def no_following(patch: pytest.MonkeyPatch) -> None:
    """Only what a link itself says is looked at, not where it leads over others."""

    def leaves(parents: list[building.FolderNode], one: building.LinkNode) -> bool:
        depth = len(parents)
        for step in one.target.split("/"):
            depth += -1 if step == ".." else 1
            if depth < 1:
                return True
        return False

    patch.setattr(building, "_leaves", leaves)


def devices_as_files(patch: pytest.MonkeyPatch) -> None:
    kinds = {b"3": tar_module.MemberKind.FILE, b"4": tar_module.MemberKind.FILE}
    patch.setattr(tar_module, "_KINDS", {**tar_module._KINDS, **kinds})


def hard_links_to_anything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(TreeBuilder, "find", lambda *_: building.FileNode("", 0, 0))


OUT = {
    "parent": ([entry("../evil", b"x")], believing_names),
    "parent within": ([entry("web/../../evil", b"x")], believing_names),
    "absolute": ([entry("/etc/passwd", b"x")], believing_names),
    "nul and newline": ([entry("web/a\nb", b"x")], believing_names),
    "absolute link": ([entry("web/a", b"x"), link("web/l", "/etc/passwd")], believing_links),
    "link to a parent": ([link("web/l", "../../etc/passwd")], believing_links),
    "link next to the chart": (
        [entry("other/secret", b"x"), link("web/l", "../other/secret")],
        believing_links,
    ),
    "link over links": (
        [entry("web/a/b/c", b"x"), link("web/a/b/up", ".."), link("web/l", "a/b/up/../../x")],
        no_following,
    ),
    "file behind a link": (
        [link("web/l", "a"), entry("web/l/evil", b"x")],
        lambda patch: patch.setattr(building, "FolderNode", _OpenFolder),
    ),
    "device": ([entry("web/null", type=tarfile.CHRTYPE)], devices_as_files),
    "hard link": (
        [entry("web/h", type=tarfile.LNKTYPE, linkname="/etc/passwd")],
        hard_links_to_anything,
    ),
    "hard link up": (
        [entry("web/h", type=tarfile.LNKTYPE, linkname="../../etc/passwd")],
        hard_links_to_anything,
    ),
}


class _OpenFolder(building.FolderNode):
    """A folder in which nothing is in the way: as if a link could be gone through."""

    def __init__(self) -> None:
        super().__init__(_Open())


class _Open(dict[str, Any]):
    def setdefault(self, key: str, default: Any = None) -> Any:
        if not isinstance(self.get(key), building.FolderNode):
            self[key] = default
        return self[key]


def escapes(members: list[tuple[tarfile.TarInfo, bytes]], folder: Path) -> None:
    """Refused by name, and nothing is left, inside or outside."""
    trees = TreeStore(folder / "kept" / "trees")
    packed = io.BytesIO(gzip.compress(tar(*members)))
    with pytest.raises(ArchiveError, match="illegal filepath"):
        trees.unpack(packed, "d", "web", "d", what="chart")
    assert [path for path in folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", OUT)
def test_no_archive_gets_out(name: str, tmp_path: Path) -> None:
    escapes(OUT[name][0], tmp_path)


@pytest.mark.parametrize("name", OUT)
def test_an_archive_that_got_out_would_be_noticed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members, off = OUT[name]
    off(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        escapes(members, tmp_path)


# Exhaustion

Packed = Callable[[], bytes]

SMALL = ArchiveLimits(
    packed=1 << 20, extracted=3 << 20, entries=50, depth=10, name=300, ratio=20, ratio_from=1 << 18
)


def nobody_counts_bytes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Inflated, "_count", lambda *_: None)


def nobody_counts_entries(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(TreeBuilder, "_count", lambda *_: None)


def limits_of(**changed: int) -> SwitchOff:
    def off(patch: pytest.MonkeyPatch) -> None:
        patch.setitem(globals(), "SMALL", replace(SMALL, **changed))

    return off


def noise(size: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in range(0, size * 77, 308))[:size]


def claimed(size: int) -> bytes:
    """An extended header that says how long it is, and is."""
    info, _ = entry("x", type=tarfile.XHDTYPE, size=size)
    return info.tobuf(format=tarfile.USTAR_FORMAT) + bytes(size)


FULL: dict[str, tuple[Packed, SwitchOff]] = {
    "bomb": (lambda: gzip.compress(tar(entry("web/a", bytes(2 << 20)))), nobody_counts_bytes),
    "large": (lambda: gzip.compress(tar(entry("web/a", noise(4 << 20)))), nobody_counts_bytes),
    "plain and large": (lambda: tar(entry("web/a", noise(4 << 20))), nobody_counts_bytes),
    "bomb after bomb": (
        lambda: (
            gzip.compress(tar(entry("web/a", bytes(1 << 20)))[:-1024])
            + gzip.compress(tar(entry("web/b", bytes(1 << 20))))
        ),
        nobody_counts_bytes,
    ),
    "entries": (
        lambda: gzip.compress(tar(*(entry(f"web/{n}", b"x") for n in range(60)))),
        nobody_counts_entries,
    ),
    "folders": (
        lambda: gzip.compress(tar(*(entry(f"web/{n}/", type=tarfile.DIRTYPE) for n in range(60)))),
        nobody_counts_entries,
    ),
    "depth": (
        lambda: gzip.compress(tar(entry("web/" + "d/" * 12 + "f", b"x"))),
        limits_of(depth=99),
    ),
    "name": (
        lambda: gzip.compress(tar(entry("web/" + "n" * 400, b"x"))),
        limits_of(name=4096),
    ),
    "extended header": (
        lambda: claimed((1 << 20) + 512) + tar(entry("web/a", b"")),
        lambda patch: (
            patch.setattr(tar_module, "_EXTENDED", 1 << 30),
            patch.setattr(tar_module, "_pax_records", lambda _: []),
        ),
    ),
}


def fills(archive: bytes, folder: Path) -> None:
    trees = TreeStore(folder, limits=SMALL)
    with pytest.raises(ArchiveError, match=r"larg|more than|deeper|longer"):
        trees.unpack(io.BytesIO(archive), "d", "web", "d", what="chart")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", FULL)
def test_no_archive_fills_what_there_is(name: str, tmp_path: Path) -> None:
    fills(FULL[name][0](), tmp_path)


@pytest.mark.parametrize("name", FULL)
def test_an_archive_that_fills_would_be_noticed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, off = FULL[name]
    off(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        fills(archive(), tmp_path)


def test_a_size_that_is_only_claimed_takes_nothing(tmp_path: Path) -> None:
    """Terabytes in a header, and forty bytes behind it."""
    trees = TreeStore(tmp_path)
    for kind in (tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
        info, _ = entry("web/a", type=kind, size=1 << 40)
        header = info.tobuf(format=tarfile.GNU_FORMAT)
        with pytest.raises(ArchiveError):
            trees.unpack(io.BytesIO(header + b"x" * 40), "d", "web", "d", what="chart")
    assert list(tmp_path.iterdir()) == []
