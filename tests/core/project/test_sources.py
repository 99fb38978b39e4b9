"""Which repositories a project allows."""

import pytest

from tests.core.project.build import app_project, project
from tiphys.core.project import effective_project, source_permitted

URL = "https://git.example.com/team/app.git"


@pytest.mark.parametrize(
    "entries",
    [
        ["*"],
        [URL],
        ["https://GIT.example.com/team/app"],
        ["https://git.example.com/team/*"],
        ["https://git.example.com/**"],
        ["https://git.example.com/{team,other}/*"],
        ["https://elsewhere", URL],
        # A denial allows all that it does not deny.
        ["!https://elsewhere"],
        ["!https://elsewhere", "https://nowhere"],
    ],
)
def test_permitted(entries: list[str]) -> None:
    assert source_permitted(project(sourceRepos=entries), URL)


@pytest.mark.parametrize(
    "entries",
    [
        [],
        ["https://git.example.com/*"],
        ["https://git.example.com/team/app/*"],
        ["https://git.example.com/te[am/app"],
        ["!" + URL],
        ["*", "!" + URL],
        ["!" + URL, "*"],
        ["!*"],
    ],
)
def test_not_permitted(entries: list[str]) -> None:
    assert not source_permitted(project(sourceRepos=entries), URL)


def test_ssh_forms_are_one() -> None:
    allowed = project(sourceRepos=["git@example.com:team/app.git"])
    assert source_permitted(allowed, "ssh://git@example.com/team/app")


def test_repositories_of_the_project_are_sources() -> None:
    mine = ["https://git.example.com/Team/App.git", "https://git.example.com/*"]
    found = effective_project(app_project(), repositories=mine)
    assert source_permitted(found, "https://git.example.com/team/app")
    # It is a URL, whatever it looks like.
    assert not source_permitted(found, "https://git.example.com/other")
    denied = effective_project(app_project(sourceRepos=["!" + URL]), repositories=[URL])
    assert not source_permitted(denied, URL)
