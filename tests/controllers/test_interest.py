"""Whom an event concerns."""

from __future__ import annotations

from typing import Any, cast

from tests.services.reconcile.world import URL, application
from tiphys.controllers.interest import PlaceInterest, SourceInterest, concerned
from tiphys.model.application import Application
from tiphys.model.live import LiveChange, LiveObject
from tiphys.model.resource import OwnerReference, ResourceKey
from tiphys.model.status import CompareLevel
from tiphys.services.live.ports import LiveIndex

OTHER = "https://git.example.com/other"


def app(name: str = "web", url: Any = URL, revision: str = "main") -> Application:
    made = application(name)
    made["spec"]["source"] |= {"repoURL": url, "targetRevision": revision}
    return Application(made)


def test_each_repository_comes_and_goes_once() -> None:
    interest = SourceInterest()
    assert interest.follow("web", app()) == (URL, "")
    assert interest.follow("web", app(revision="v2")) == ("", "")
    assert interest.follow("web", app(url=OTHER)) == (OTHER, URL)
    assert interest.drop("web") == OTHER
    assert interest.drop("web") == ""


def test_a_spec_that_cannot_be_read_follows_nothing() -> None:
    interest = SourceInterest()
    interest.follow("web", app())
    assert interest.follow("web", app(url=7)) == ("", URL)
    assert interest.follow("web", app()) == (URL, "")


def test_only_those_whose_revision_moved() -> None:
    interest = SourceInterest()
    for one in (app("b"), app("a"), app("tagged", revision="v1"), app("else", url=OTHER)):
        interest.follow(one.name, one)
    assert interest.moved(URL, {"main": "c1"}) == [("a", "c1"), ("b", "c1")]
    assert interest.moved(URL, {"v1": ""}) == [("tagged", "")]
    assert [name for name, _ in interest.moved(URL, {})] == ["a", "b", "tagged"]
    assert interest.moved("https://unknown", {}) == []


def live(
    name: str, instance: str = "", owners: tuple[OwnerReference, ...] = (), kind: str = "Pod"
) -> LiveObject:
    at = ResourceKey("", kind, "demo", name)
    return LiveObject(at, "v1", f"uid-{name}", "1", instance=instance, owners=owners)


class Roots:
    """An index that knows one tracked object."""

    def __init__(self, root: LiveObject) -> None:
        self._root = root

    def root(self, key: ResourceKey) -> LiveObject | None:
        return self._root if key == self._root.key else None


def told(*changes: LiveChange) -> list[tuple[str, CompareLevel]]:
    index = cast("LiveIndex", Roots(live("top", "web", kind="Service")))
    return [(one.instance, one.level) for one in concerned(changes, index)]


def change(old: LiveObject | None, new: LiveObject | None) -> LiveChange:
    seen = new or old
    assert seen is not None
    return LiveChange(seen.key, old, new)


def test_a_tracked_object_is_compared_by_its_old_and_its_new_owner() -> None:
    moved = change(live("x", "web"), live("x", "api"))
    assert sorted(told(moved)) == [("api", CompareLevel.RECENT), ("web", CompareLevel.RECENT)]


def test_what_is_below_concerns_the_tree_only() -> None:
    owner = OwnerReference("", "Service", "top", "uid-top")
    unknown = OwnerReference("", "Service", "elsewhere", "u")
    below = live("pod", owners=(unknown, owner))
    assert told(change(None, below)) == [("web", CompareLevel.TREE_ONLY)]
    assert told(change(below, None)) == [("web", CompareLevel.TREE_ONLY)]


def test_what_belongs_to_no_application_may_be_an_orphan() -> None:
    loose = change(None, live("loose"))
    assert told(loose) == [("", CompareLevel.TREE_ONLY)]
    at = ResourceKey("", "Node", "", "n1")
    assert told(LiveChange(at, None, LiveObject(at, "v1", "u", "1"))) == []


def test_applications_are_found_by_where_they_deploy_to() -> None:
    places = PlaceInterest()
    places.follow("web", "demo")
    places.follow("api", "demo")
    places.follow("none", "")
    assert places.at("demo") == ["api", "web"]
    places.follow("web", "other")
    assert (places.at("demo"), places.at("other")) == (["api"], ["web"])
    places.follow("web", "")
    assert places.at("other") == []
