"""Which places are one, and what kind of repository is asked."""

from __future__ import annotations

import pytest

from tiphys.core.source.places import opened_key, opens_alike, place_key, place_kind, place_of
from tiphys.model.repository import BasicLogin, Confidential, Place, Repository, RepositoryKind
from tiphys.model.source import ApplicationSource

URL = "https://git.example.com/web"


def test_credentials_and_spellings_make_no_other_place() -> None:
    login = Repository("https://Git.example.com/web.git", credentials=BasicLogin("a", SECRET))
    assert place_key(Place(Repository(URL))) == place_key(Place(login))


SECRET = Confidential("x")


@pytest.mark.parametrize(
    "other",
    [
        Place(Repository(URL + "/")),
        Place(Repository(URL, project="team")),
        Place(Repository(URL), "chart"),
    ],
)
def test_what_is_another_place(other: Place) -> None:
    assert place_key(Place(Repository(URL))) != place_key(other)


@pytest.mark.parametrize(
    ("url", "chart", "kind"),
    [
        (URL, "", RepositoryKind.GIT),
        ("git@git.example.com:web", "", RepositoryKind.GIT),
        (URL, "web", RepositoryKind.HELM),
        ("registry.example.com/charts", "web", RepositoryKind.HELM),
        ("oci://registry.example.com/charts", "web", RepositoryKind.HELM),
        (" OCI://registry.example.com/web", "", RepositoryKind.OCI),
    ],
)
def test_the_source_says_who_is_asked(url: str, chart: str, kind: RepositoryKind) -> None:
    source = ApplicationSource(repo_url=url, chart=chart)
    place = place_of(source, Repository(url, RepositoryKind.HELM))
    assert place == Place(Repository(url, RepositoryKind.HELM), chart)
    assert place_kind(place) is kind


def test_places_by_what_opens_them() -> None:
    one = Place(Repository(URL, credentials=BasicLogin("a", SECRET)))
    same = Place(Repository(URL, credentials=BasicLogin("a", Confidential("x"))))
    assert opened_key(one) == opened_key(same)
    assert opened_key(one) != opened_key(Place(Repository(URL)))
    assert opened_key(one) != opened_key(Place(one.repository, "chart"))


def test_two_ways_to_open_a_place() -> None:
    one = Repository(URL, credentials=BasicLogin("a", SECRET))
    assert opens_alike(one, one)
    assert opens_alike(one, Repository(URL + ".git", credentials=BasicLogin("a", SECRET)))
    assert not opens_alike(one, Repository(URL, credentials=BasicLogin("b", SECRET)))
