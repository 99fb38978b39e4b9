"""The path of an application, with the contract's messages."""

from __future__ import annotations

import pytest

from tiphys.core.source.paths import application_path, link_target, require_folder
from tiphys.model.errors import RenderError
from tiphys.model.render import EntryKind


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("", ""),
        (".", ""),
        ("a", "a"),
        ("./a//b/", "a/b"),
        ("a/../b", "b"),
        ("a/..", ""),
        ("..a", "..a"),
    ],
)
def test_a_path_is_cleaned(written: str, path: str) -> None:
    assert application_path(written) == path


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("/etc", "/etc: app path is absolute"),
        ("..", "..: app path outside root"),
        ("a/../../b", "a/../../b: app path outside root"),
    ],
)
def test_a_path_that_leads_out(written: str, text: str) -> None:
    with pytest.raises(RenderError) as caught:
        application_path(written)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (None, "./x: app path does not exist"),
        (EntryKind.FILE, "./x: app path is not a directory"),
    ],
)
def test_only_a_folder_is_rendered(kind: EntryKind | None, text: str) -> None:
    with pytest.raises(RenderError) as caught:
        require_folder("./x", kind)
    assert str(caught.value) == text


def test_a_folder_is_fine() -> None:
    require_folder("x", EntryKind.FOLDER)


@pytest.mark.parametrize(
    ("path", "target", "led"),
    [
        ("a/link", "b", "a/b"),
        ("link", "b/c", "b/c"),
        ("a/link", "../b", "b"),
        ("a/link", "../../b", None),
        ("a/link", "/etc", None),
    ],
)
def test_where_a_link_leads(path: str, target: str, led: str | None) -> None:
    assert link_target(path, target) == led
