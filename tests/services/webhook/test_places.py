"""The repositories behind a push are asked once, and say for whom it means something."""

from __future__ import annotations

import pytest

from tests.services.reconcile.world import URL, World, application
from tiphys.model.application import Application
from tiphys.model.errors import RepositoryUnreachableError
from tiphys.services.webhook.places import FollowedPlaces


def app(name: str, revision: str, *, url: str = URL, target: str = "main") -> Application:
    made = application(name, path=name)
    made["spec"]["source"].update({"repoURL": url, "targetRevision": target})
    made["status"] = {
        "sync": {
            "status": "Synced",
            "revision": revision,
            "comparedTo": {"source": made["spec"]["source"]},
        }
    }
    return Application.from_manifest(made)


async def test_one_listing_tells_of_all_whose_folder_differs() -> None:
    world = World()
    places = FollowedPlaces(world.refs, world.desired)
    old = world.git.commit(URL, {"a/cm.yaml": "1", "b/cm.yaml": "1"})
    world.git.commit(URL, {"a/cm.yaml": "2", "b/cm.yaml": "1"})
    apps = {"a": app("a", old), "b": app("b", old), "c": app("c", old, target="none")}
    listings = world.git.requests["ls-remote"]
    found = await places.touched(apps, dict.fromkeys(apps, (0,)))
    # Of a revision that is not there nothing is known.
    assert found == {"a", "c"}
    assert world.git.requests["ls-remote"] - listings == 1


async def test_of_a_place_that_is_away_all_may_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    places = FollowedPlaces(world.refs, world.desired)
    old = world.git.commit(URL, {"a/cm.yaml": "1"})

    async def away(*_parts: object) -> set[str]:
        raise RepositoryUnreachableError("away", url=URL)

    monkeypatch.setattr(world.desired, "touched", away)
    assert await places.touched({"a": app("a", old)}, {"a": (0,)}) == {"a"}
    world.git.failure = RepositoryUnreachableError("away", url=URL)
    assert await places.touched({"a": app("a", old)}, {"a": (0,)}) == {"a"}


async def test_watched_places_are_poked(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    poked: list[str] = []
    monkeypatch.setattr(world.refs, "poke", poked.append)
    await FollowedPlaces(world.refs, world.desired).ask([URL])
    assert poked == [URL]
