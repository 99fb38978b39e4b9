"""Each place is asked by its kind, and what is kept of it is known."""

from __future__ import annotations

import pytest

from tests.fakes.git import FakeGit
from tiphys.model.errors import UnsupportedRepositoryError
from tiphys.model.repository import BasicLogin, Confidential, GitRefs, Place, Repository
from tiphys.services.sources.upstream import UpstreamByKind

URL = "https://git.example.com/web"


async def test_git_is_asked_where_the_source_says_nothing_else() -> None:
    git = FakeGit()
    commit = git.commit(URL, {"a": "1"})
    upstream = UpstreamByKind(git)
    listed = await upstream.list(Place(Repository(URL)), ())
    assert listed == GitRefs({"refs/heads/main": commit, "HEAD": commit})
    assert (await upstream.tree(Place(Repository(URL)), commit)).commit == commit


@pytest.mark.parametrize(
    ("place", "what"),
    [
        (Place(Repository("https://me:pw@charts.example.com"), "web"), "charts"),
        (Place(Repository("oci://registry.example.com/web")), "OCI artefacts"),
    ],
)
async def test_what_nobody_can_ask_is_refused(place: Place, what: str) -> None:
    upstream = UpstreamByKind(FakeGit())
    for asked in (upstream.list(place, ()), upstream.tree(place, "1.0.0")):
        with pytest.raises(UnsupportedRepositoryError, match=f"{what} are not to be had") as caught:
            await asked
        assert "pw" not in caught.value.url


async def test_repositories_are_tidied_as_they_were_opened_last() -> None:
    git = FakeGit()
    commit = git.commit(URL, {"a": "1"})
    upstream = UpstreamByKind(git)
    assert upstream.opened() == ()
    login = [BasicLogin("me", Confidential(text)) for text in ("old", "new")]
    opened = [Repository(URL), *(Repository(URL, credentials=one) for one in login)]
    for repository in opened:
        await upstream.list(Place(repository), ())
        await upstream.tree(Place(repository), commit)
    # With and without a login it is kept apart.
    assert upstream.opened() == (opened[0], opened[2])
