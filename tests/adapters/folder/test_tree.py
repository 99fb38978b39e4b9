"""A folder as a tree: what is seen of it, and that nothing outside of it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tiphys.adapters.folder import FolderTree
from tiphys.adapters.folder import tree as module
from tiphys.model.errors import RenderError, RenderLimitError
from tiphys.model.render import EntryKind


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder beside a file that is none of its business."""
    (tmp_path / "secret").write_text("outside")
    root = tmp_path / "root"
    (root / "app" / "deep").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("x")
    (root / "app" / "one.yaml").write_text("a: 1\n")
    (root / "app" / "run.sh").write_text("#!/bin/sh\n")
    (root / "app" / "run.sh").chmod(0o755)
    (root / "app" / "deep" / "two.txt").write_text("b")
    (root / "app" / "out").symlink_to("../../secret")
    (root / "away").symlink_to(tmp_path)
    return root


def test_files_folders_and_links(root: Path) -> None:
    found = FolderTree(root).read(["app", "app/one.yaml", "app/run.sh", "app/out", "none", ""])
    folder, file, program, link = (
        found[name] for name in ("app", "app/one.yaml", "app/run.sh", "app/out")
    )
    assert folder is not None
    assert folder.children == {
        "deep": EntryKind.FOLDER,
        "one.yaml": EntryKind.FILE,
        "out": EntryKind.LINK,
        "run.sh": EntryKind.FILE,
    }
    assert file is not None
    assert (file.kind, file.data, file.executable) == (EntryKind.FILE, b"a: 1\n", False)
    assert program is not None
    assert program.executable
    # A link is told of, and not followed.
    assert link is not None
    assert (link.kind, link.data) == (EntryKind.LINK, b"../../secret")
    assert found["none"] is None
    assert found[""] is not None
    assert ".git" not in found[""].children


@pytest.mark.parametrize(
    "path",
    ["../secret", "app/../../secret", "/etc/passwd", "away/secret", "app/out/x", "app//one.yaml",
     "app/one.yaml/x", "./app"],
)  # fmt: skip
def test_nothing_outside_is_seen(root: Path, path: str) -> None:
    tree = FolderTree(root)
    assert tree.read([path]) == {path: None}
    assert tree.oids([path]) == {path: None}
    assert tree.walk(path) == {}


def test_walk(root: Path) -> None:
    assert list(FolderTree(root).walk("app")) == [
        "app", "app/deep", "app/deep/two.txt", "app/one.yaml", "app/out", "app/run.sh",
    ]  # fmt: skip
    assert "away/secret" not in FolderTree(root).walk("")


def test_only_some_files(root: Path) -> None:
    tree = FolderTree(root, ["*.yaml", "two.*"])
    assert [path for path, entry in tree.walk("").items() if entry.kind is EntryKind.FILE] == [
        "app/deep/two.txt",
        "app/one.yaml",
    ]
    assert tree.read(["app/run.sh"]) == {"app/run.sh": None}


def test_ids_follow_what_is_there(root: Path) -> None:
    tree = FolderTree(root)
    paths = ["app", "app/one.yaml"]
    before = dict(tree.oids(paths))
    assert dict(tree.oids(paths)) == before
    (root / "app" / "one.yaml").write_text("a: 2\n")
    assert tree.oids(paths)["app/one.yaml"] != before["app/one.yaml"]
    (root / "app" / "new").write_text("")
    assert tree.oids(paths)["app"] != before["app"]


def test_what_cannot_be_in_a_repository(root: Path) -> None:
    os.mkfifo(root / "app" / "pipe")
    tree = FolderTree(root)
    assert tree.read(["app/pipe"]) == {"app/pipe": None}
    folder = tree.read(["app"])["app"]
    assert folder is not None
    assert "pipe" not in folder.children


def test_limits(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ENTRIES", 3)
    with pytest.raises(RenderLimitError):
        FolderTree(root).walk("app")
    monkeypatch.setattr(module, "_DATA", 3)
    with pytest.raises(RenderLimitError, match=r"'app/one.yaml' is too large"):
        FolderTree(root).read(["app/one.yaml"])


def test_a_file_that_cannot_be_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(RenderError, match=r"app/one.yaml: Permission denied"):
        FolderTree(root).read(["app/one.yaml"])
