"""Archives as trees: what is read, what is refused, what stays on disk."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.tars import entry, link, tar, tgz
from tiphys.adapters.packages.archive.inflate import Inflated
from tiphys.adapters.packages.archive.limits import ArchiveError, ArchiveLimits
from tiphys.adapters.packages.archive.pack import PackTree
from tiphys.adapters.packages.archive.store import TreeStore
from tiphys.model.errors import RenderLimitError, RepositoryError
from tiphys.model.render import EntryKind


@pytest.fixture
def store(tmp_path: Path) -> TreeStore:
    return TreeStore(tmp_path / "trees")


def unpack(
    store: TreeStore, archive: bytes, folder: str | None = None, digest: str = "d"
) -> PackTree:
    return store.unpack(io.BytesIO(archive), digest, folder, digest, what="chart")


def data(tree: PackTree, path: str) -> bytes | None:
    found = tree.read([path])[path]
    return None if found is None else found.data


def test_names_of_every_form_are_read(store: TreeStore) -> None:
    long = "/".join(["folder" * 5] * 8) + "/file"
    for gnu in (False, True):
        archive = tar(
            entry("./plain", b"1"),
            entry("a/../up", b"2"),
            entry("subdir/..file.txt", b"3"),
            entry(long, b"4"),
            entry("ümlaut", b"5"),
            entry("folder/", type=tarfile.DIRTYPE),
            gnu=gnu,
        )
        tree = unpack(store, archive, digest=str(gnu))
        found = {path for path, one in tree.walk("").items() if one.kind is EntryKind.FILE}
        assert found == {"plain", "up", "subdir/..file.txt", long, "ümlaut"}
        assert data(tree, long) == b"4"
        assert tree.read(["folder"])["folder"] is not None


def test_what_tar_itself_writes_is_read(store: TreeStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "deep" / "run").write_text("#!/bin/sh")
    (source / "deep" / "run").chmod(0o755)
    (source / "deep" / "er" / "file").write_bytes(os.urandom(100_000))
    (source / "link").symlink_to("deep/run")
    (source / "hard").hardlink_to(source / "deep" / "run")
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as written:
        written.add(source, ".")
    tree = unpack(store, file.getvalue())
    assert data(tree, "deep/er/file") == (source / "deep" / "er" / "file").read_bytes()
    assert data(tree, "hard") == data(tree, "deep/run") == b"#!/bin/sh"
    run = tree.read(["deep/run"])["deep/run"]
    assert run is not None
    assert run.executable
    assert data(tree, "link") == b"deep/run"


def test_the_later_of_two_entries_wins(store: TreeStore) -> None:
    tree = unpack(store, tar(entry("a", b"1"), entry("a", b"2")))
    assert data(tree, "a") == b"2"


@pytest.mark.parametrize(
    "archive",
    [
        gzip.compress(tar(entry("a", b"x" * 3000)), mtime=0),
        gzip.compress(tar(entry("a", b"x" * 3000))[:1000])
        + gzip.compress(tar(entry("a", b"x" * 3000))[1000:]),
        gzip.compress(tar(entry("a", b"x" * 3000))) + bytes(700),
        tar(entry("a", b"x" * 3000)) + b"left behind",
    ],
    ids=["one", "two files", "padded", "plain"],
)
def test_every_form_of_packing(store: TreeStore, archive: bytes) -> None:
    assert data(unpack(store, archive), "a") == b"x" * 3000


@pytest.mark.parametrize(
    ("archive", "text"),
    [
        (b"", "does not hold a single folder"),
        (b"<html>not here</html>" * 40, "no tar archive"),
        (gzip.compress(b"<html>not here</html>" * 40), "no tar archive"),
        (gzip.compress(tar(entry("a", b"x" * 3000)))[:-30], "cut short"),
        (b"\x1f\x8b" + bytes(600), "no valid gzip"),
        (tar(entry("a", b"x" * 3000))[:2000], "ends in the middle"),
        (tar(entry("a", b"x")), "does not hold a single folder"),
        (tar(entry("a/x", b"x"), entry("b/x", b"x")), "does not hold a single folder"),
    ],
    ids=[
        "empty",
        "a page",
        "a zipped page",
        "cut short",
        "no gzip",
        "half",
        "a file",
        "two folders",
    ],
)
def test_what_is_no_archive_of_a_chart(store: TreeStore, archive: bytes, text: str) -> None:
    with pytest.raises(ArchiveError, match=text):
        unpack(store, archive, "chart")


def test_the_root_is_the_folder_of_the_chart(store: TreeStore) -> None:
    both = tar(entry("web/a", b"1"), entry("other/b", b"2"))
    assert set(unpack(store, both, "web").walk("")) == {"", "a"}
    assert set(unpack(store, both, "other", "d").walk("")) == {"", "b"}
    # As Helm: a folder of another name is the chart when it is alone.
    assert set(unpack(store, tar(entry("x/a", b"1")), "web", "e").walk("")) == {"", "a"}


def test_links_that_stay_are_kept_even_to_nowhere(store: TreeStore) -> None:
    archive = tar(
        entry("web/a/b", b"1"),
        link("web/up", "a/../a/b"),
        link("web/a/x", "../gone"),
        link("web/round", "round"),
        link("web/a/self", ".."),
    )
    assert data(unpack(store, archive, "web"), "a/x") == b"../gone"


def test_what_was_unpacked_outlives_the_process(tmp_path: Path) -> None:
    first = unpack(TreeStore(tmp_path), tgz({"a": "1", "b/c": "2"}, "web"), "web")
    again = TreeStore(tmp_path).open("d", "web", "d")
    assert again is not None
    assert again.walk("") == first.walk("")
    assert TreeStore(tmp_path).open("d", None, "d") is None
    assert TreeStore(tmp_path).open("other", "web", "d") is None


def test_a_pack_that_was_cut_short_is_none(tmp_path: Path) -> None:
    store = TreeStore(tmp_path)
    unpack(store, tgz({"a": "1" * 100}))
    (pack,) = tmp_path.iterdir()
    whole = pack.read_bytes()
    for size in (0, 10, len(whole) - 1):
        pack.write_bytes(whole[:size])
        assert store.open("d", None, "d") is None
    pack.write_bytes(whole)
    assert store.open("d", None, "d") is not None


def test_content_that_changed_on_disk_is_not_handed_out(tmp_path: Path) -> None:
    store = TreeStore(tmp_path)
    unpack(store, tgz({"a": "1" * 100}))
    (pack,) = tmp_path.iterdir()
    pack.write_bytes(b"2" + pack.read_bytes()[1:])
    tree = store.open("d", None, "d")
    assert tree is not None
    with pytest.raises(RepositoryError, match="damaged"):
        tree.read(["a"])
    assert store.open("d", None, "d") is None


def test_the_longest_unused_go_first(tmp_path: Path) -> None:
    store = TreeStore(tmp_path, size=200_000)
    packs = {}
    for number in range(4):
        if number == 3:
            # The first is used again, so that the second is the longest unused.
            assert store.open("0", None, "0") is not None
        before = set(tmp_path.iterdir()) if tmp_path.exists() else set()
        unpack(store, tgz({"a": os.urandom(30_000).hex()}), digest=str(number))
        (packs[number],) = set(tmp_path.iterdir()) - before
        for at, path in enumerate(sorted(set(tmp_path.iterdir()), key=lambda p: p.stat().st_mtime)):
            os.utime(path, (at + 1, at + 1))
    kept = {number for number, pack in packs.items() if pack.exists()}
    assert kept == {0, 2, 3}


def test_a_tree_stays_readable_when_it_had_to_go(tmp_path: Path) -> None:
    store = TreeStore(tmp_path, size=1000)
    tree = unpack(store, tgz({"a": "1" * 900}))
    unpack(store, tgz({"a": "2" * 900}), digest="e")
    assert store.open("d", None, "d") is None
    assert data(tree, "a") == b"1" * 900


def test_nothing_stays_of_an_archive_that_was_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError):
        unpack(TreeStore(tmp_path), tar(entry("a", b"1"), entry("../b", b"2")))
    assert list(tmp_path.iterdir()) == []


def test_one_call_brings_only_so_much_into_memory(tmp_path: Path) -> None:
    tree = unpack(TreeStore(tmp_path), tgz({"a": "1" * 600, "b": "2" * 600}))
    tree._limits = type(tree._limits)(data=1000)
    assert data(tree, "a") == b"1" * 600
    with pytest.raises(RenderLimitError):
        tree.walk("")


@given(
    st.dictionaries(
        st.lists(st.sampled_from(["a", "b", "cd", "e.yaml"]), min_size=1, max_size=4).map("/".join),
        st.binary(max_size=2000),
        max_size=6,
    )
)
def test_every_tree_is_read_as_it_was_packed(files: dict[str, bytes]) -> None:
    parents = {path.rpartition("/")[0] for path in files}
    clash = any(
        path == other or other.startswith(f"{path}/") for path in files for other in parents
    )
    archive = tar(*(entry(name, content) for name, content in files.items()))

    with tempfile.TemporaryDirectory() as folder:
        store = TreeStore(Path(folder))
        if clash:
            with pytest.raises(ArchiveError):
                unpack(store, archive)
            return
        tree = unpack(store, archive)
        read = tree.read(list(files))
        assert {path: one.data for path, one in read.items() if one is not None} == files


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=30), st.booleans())
def test_damage_is_refused_or_harmless(changes: list[tuple[int, int]], packed: bool) -> None:
    archive = bytearray(
        tar(
            entry("web/" + "n" * 150, b"x" * 600),
            link("web/link", "a"),
            entry("web/folder", type=tarfile.DIRTYPE),
            entry("web/ümlaut", b"y"),
        )
    )
    if packed:
        archive = bytearray(gzip.compress(bytes(archive)))
    for at, value in changes:
        archive[at % len(archive)] = value
    with tempfile.TemporaryDirectory() as folder:
        try:
            tree = unpack(TreeStore(Path(folder)), bytes(archive))
        except ArchiveError:
            return
        assert all(not path.startswith(("/", "..")) for path in tree.walk(""))


def test_reading_in_small_steps_gives_the_same() -> None:
    whole = os.urandom(300_000) + bytes(2_000_000)
    stream = Inflated(io.BytesIO(gzip.compress(whole)), ArchiveLimits())
    parts = []
    while part := stream.read(70_001):
        parts.append(part)
    assert b"".join(parts) == whole
