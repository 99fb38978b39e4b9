"""The folders that keys lie in for a moment."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tiphys.adapters.git import private
from tiphys.adapters.git.private import PrivateFolders, write_private


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(private, "_IN_MEMORY", tmp_path)
    return tmp_path


def only(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def test_only_we_read_it_and_it_goes(memory: Path) -> None:
    folders = PrivateFolders(Path("/kept"))
    with folders.folder() as folder:
        path = write_private(folder / "key", "secret")
        assert path.read_text() == "secret\n"
        modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, folder, only(memory))]
        assert modes == [0o600, 0o700, 0o700]
        with pytest.raises(FileExistsError):
            write_private(path, "other")
    assert list(only(memory).iterdir()) == []
    folders.close()
    assert list(memory.iterdir()) == []


def test_it_goes_with_an_error_and_with_who_made_it(memory: Path) -> None:
    folders = PrivateFolders(Path("/kept"))
    with pytest.raises(ValueError, match="x"), folders.folder():
        raise ValueError("x")
    assert list(only(memory).iterdir()) == []
    del folders
    assert list(memory.iterdir()) == []


def test_what_a_killed_process_left_is_removed(memory: Path) -> None:
    killed = PrivateFolders(Path("/kept"))
    left = write_private(killed._new() / "key", "secret")
    next_one, other = PrivateFolders(Path("/kept")), PrivateFolders(Path("/other"))
    with other.folder():
        assert left.exists()
    with next_one.folder() as folder:
        assert not left.exists()
        assert only(folder.parent) == folder
    with killed.folder() as again:
        assert again.parent == folder.parent


def test_a_name_that_somebody_took_is_not_used(memory: Path) -> None:
    first = PrivateFolders(Path("/kept"))
    with first.folder() as folder:
        name = folder.parent.name
    first.close()
    elsewhere = memory / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    (memory / name).symlink_to(elsewhere)
    with PrivateFolders(Path("/kept")).folder() as folder:
        assert folder.parent.name.startswith(f"{name}-")
        assert list(elsewhere.iterdir()) == []
    (memory / name).unlink()
    (memory / name).mkdir(mode=0o755)
    with PrivateFolders(Path("/kept")).folder() as folder:
        assert folder.parent.name.startswith(f"{name}-")


def test_without_such_a_place_it_is_the_folder_for_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private, "_IN_MEMORY", tmp_path / "none")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with PrivateFolders(Path("/kept")).folder() as folder:
        assert folder.is_relative_to(tmp_path)
