"""A folder of this machine in place of a repository: which source it stands for, and where."""

from __future__ import annotations

import pytest

from tiphys.bootstrap.folders import checkout, with_path
from tiphys.core.app.asking import Asking
from tiphys.model.errors import RenderError
from tiphys.model.repository import Place, Repository
from tiphys.model.source import ApplicationSource
from tiphys.services.applications.values import LocalFiles

URL, OTHER = "https://git.example.com/apps", "https://git.example.com/other"
CHART = ApplicationSource(repo_url="https://charts.example.com", chart="web", target_revision="1.x")


def source(path: str = "", ref: str = "", url: str = URL) -> ApplicationSource:
    return ApplicationSource(repo_url=url, path=path, ref=ref)


def asking(*sources: ApplicationSource, several: bool = True) -> Asking:
    return Asking(sources, ("",) * len(sources), several)


def places(asked: Asking) -> tuple[Place, ...]:
    return tuple(Place(Repository(one.repo_url), one.chart) for one in asked.sources)


def folder(path: str, root: str = "/") -> LocalFiles:
    return LocalFiles(folder=path, root=root)


def found(files: LocalFiles, asked: Asking) -> tuple[str, list[str]]:
    """What is taken for the repository's root, and the paths of the sources in it."""
    root = checkout(files, asked, places(asked)).root
    return str(root), [one.path for one in with_path(files, asked, places(asked)).sources]


def test_the_only_source_is_where_the_folder_is() -> None:
    asked = asking(source("other"), several=False)
    assert found(folder("/home/me/apps/web", "/home/me"), asked) == ("/home/me", ["apps/web"])
    with pytest.raises(RenderError, match="app path outside root"):
        found(folder("/elsewhere", "/home/me"), asked)


def test_with_globs_the_folder_is_the_root() -> None:
    files = LocalFiles(folder="/home/me", root="/home/me", include=("*.yaml",))
    asked = asking(source("apps/web"), several=False)
    assert found(files, asked) == ("/home/me", ["apps/web"])


def test_other_sources_of_the_repository_are_read_there_too() -> None:
    asked = asking(source("apps/web"), source("apps/api"), source(ref="values"))
    assert found(folder("/home/me/apps/web"), asked) == ("/home/me", ["apps/web", "apps/api", ""])
    stands = checkout(folder("/home/me/apps/web"), asked, places(asked)).stands_for
    assert [stands(place) for place in places(asked)] == ["", "", ""]
    assert stands(Place(Repository(OTHER))) is None


def test_a_folder_at_another_path_needs_its_root() -> None:
    asked = asking(source("apps/web"))
    assert found(folder("/home/me/copy", "/home/me"), asked) == ("/home/me", ["copy"])


def test_values_beside_a_chart() -> None:
    asked = asking(CHART, source(ref="values"))
    assert found(folder("/home/me/values"), asked) == ("/home/me/values", ["", ""])
    stands = checkout(folder("/home/me/values"), asked, places(asked)).stands_for
    assert [stands(place) for place in places(asked)] == [None, ""]


def test_charts_alone_have_no_folder() -> None:
    with pytest.raises(RenderError, match="no source is in a Git repository"):
        found(folder("/home/me"), asking(CHART))
