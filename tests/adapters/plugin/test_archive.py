"""What goes to a plugin, and what a plugin's process takes."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from tests.adapters.engine.trees import Link, Table
from tests.adapters.plugin.conftest import ContentTree
from tiphys.adapters.plugin.archive import Archive, ArchiveLimits, pack
from tiphys.adapters.plugin.errors import ArchiveError
from tiphys.adapters.plugin.unpack import UnpackLimits, unpack
from tiphys.model.errors import RenderLimitError

TREE: Table = {
    "app/a.txt": "a",
    "app/way": Link("../lib/x.txt"),
    "lib/x.txt": "x" * 5_000,
    "subdir/..file.txt": "dots",
}
Fill = Callable[[tarfile.TarFile], None]


def packed(table: Table = TREE, root: str = "", limits: ArchiveLimits | None = None) -> Archive:
    return pack(ContentTree(table), root, (), limits or ArchiveLimits())


def received(
    archive: IO[bytes], folder: Path, limits: UnpackLimits | None = None, *, modes: bool = False
) -> dict[str, str]:
    archive.seek(0)
    unpack(archive, folder, limits or UnpackLimits(), keeps_modes=modes)
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def crafted(fill: Fill) -> io.BytesIO:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        fill(tar)
    return file


def member(tar: tarfile.TarFile, name: str, text: str = "x", **fields: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(text)
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(text.encode()))


def link(tar: tarfile.TarFile, name: str, target: str) -> None:
    member(tar, name, "", type=tarfile.SYMTYPE, linkname=target)


def test_what_is_packed_comes_out(tmp_path: Path) -> None:
    assert received(packed().file, tmp_path) == {
        "app/a.txt": "a",
        "app/way": "x" * 5_000,
        "lib/x.txt": "x" * 5_000,
        "subdir/..file.txt": "dots",
    }


def test_a_folder_is_its_own_root(tmp_path: Path) -> None:
    assert received(packed(root="lib").file, tmp_path) == {"x.txt": "x" * 5_000}


def test_equal_folders_are_packed_alike() -> None:
    one, other = packed(), packed()
    assert (one.checksum, one.size) == (other.checksum, other.size)
    assert one.checksum != packed({**TREE, "new": ""}).checksum
    assert b"".join(one.chunks()) == b"".join(other.chunks())


def test_many_files(tmp_path: Path) -> None:
    table = {f"f{number % 7}/g/{number}.txt": str(number) for number in range(500)}
    assert received(packed(table).file, tmp_path) == table


@pytest.mark.parametrize(
    "limits", [ArchiveLimits(entries=3), ArchiveLimits(content=4_000), ArchiveLimits(archive=100)]
)
def test_too_much_is_not_sent(limits: ArchiveLimits) -> None:
    with pytest.raises(RenderLimitError, match="over the limit"):
        packed(limits=limits)


def test_modes_are_kept_on_demand(tmp_path: Path) -> None:
    file = crafted(lambda tar: member(tar, "run", mode=0o755))
    for modes, mode in ((True, 0o755), (False, 0o644)):
        folder = tmp_path / str(modes)
        folder.mkdir()
        received(file, folder, modes=modes)
        assert (folder / "run").stat().st_mode & 0o7777 == mode


def test_no_file_gets_more_than_its_bits(tmp_path: Path) -> None:
    received(crafted(lambda tar: member(tar, "run", mode=0o6755)), tmp_path, modes=True)
    assert (tmp_path / "run").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("name", ["../out", "/out", "a/../../out"])
def test_no_member_is_written_outside(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "root"
    folder.mkdir()
    with pytest.raises(ArchiveError):
        received(crafted(lambda tar: member(tar, name)), folder)
    assert os.listdir(tmp_path) == ["root"]


def _out(tar: tarfile.TarFile) -> None:
    link(tar, "way", "../..")


def _absolute(tar: tarfile.TarFile) -> None:
    link(tar, "way", "/etc/passwd")


def _on_the_way(tar: tarfile.TarFile) -> None:
    """Each link by itself stays inside, as its text reads."""
    member(tar, "top/x")
    link(tar, "a/b/c/l", "../../../top")
    link(tar, "m", "a/b/c/l/../../x")


def _through(tar: tarfile.TarFile) -> None:
    link(tar, "way", "..")
    link(tar, "way/other", "x")


@pytest.mark.parametrize("fill", [_out, _absolute, _on_the_way, _through])
def test_no_link_leads_out(tmp_path: Path, fill: Fill) -> None:
    folder = tmp_path / "root"
    folder.mkdir()
    with pytest.raises(ArchiveError, match=r"out-of-bounds symlinks, illegal filepath\. file: "):
        received(crafted(fill), folder)
    assert os.listdir(tmp_path) == ["root"]


def test_no_file_is_written_through_a_link(tmp_path: Path) -> None:
    folder = tmp_path / "root"
    folder.mkdir()

    def fill(tar: tarfile.TarFile) -> None:
        link(tar, "way", "..")
        member(tar, "way/out")

    with pytest.raises(ArchiveError):
        received(crafted(fill), folder)
    assert os.listdir(tmp_path) == ["root"]


def test_links_may_lead_nowhere(tmp_path: Path) -> None:
    def fill(tar: tarfile.TarFile) -> None:
        link(tar, "none", "not/there")
        link(tar, "loop", "loop")

    assert received(crafted(fill), tmp_path) == {}


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_nothing_but_files_folders_and_links(tmp_path: Path, kind: bytes) -> None:
    file = crafted(lambda tar: member(tar, "x", "", type=kind, linkname="/etc/passwd"))
    with pytest.raises(ArchiveError, match="only files, folders and links"):
        received(file, tmp_path)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    file = crafted(lambda tar: member(tar, "x", "0" * 1_000_000))
    with pytest.raises(ArchiveError, match="over the limits"):
        received(file, tmp_path, UnpackLimits(content=100_000))
    assert not (tmp_path / "x").exists()


def test_too_many_entries(tmp_path: Path) -> None:
    def fill(tar: tarfile.TarFile) -> None:
        for number in range(20):
            member(tar, str(number))

    with pytest.raises(ArchiveError, match="over the limits"):
        received(crafted(fill), tmp_path, UnpackLimits(entries=10))


@pytest.mark.parametrize("data", [b"", b"no archive", b"\x1f\x8b" + b"\0" * 50])
def test_what_is_no_archive(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ArchiveError, match="cannot be unpacked"):
        received(io.BytesIO(data), tmp_path)


def test_a_name_twice(tmp_path: Path) -> None:
    def fill(tar: tarfile.TarFile) -> None:
        member(tar, "x", "one")
        member(tar, "x", "two")

    with pytest.raises(ArchiveError, match="cannot be unpacked"):
        received(crafted(fill), tmp_path)
