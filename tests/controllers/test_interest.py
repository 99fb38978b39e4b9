"""Whom an event concerns."""

from __future__ import annotations

from typing import Any, cast

from tests.services.reconcile.world import URL, application
from tiphys.controllers.interest import PlaceInterest, SourceInterest, concerned
from tiphys.model.application import Application, ApplicationSource
from tiphys.model.errors import RepositoryError
from tiphys.model.live import LiveChange, LiveObject
from tiphys.model.repository import Asked, Place, Repository
from tiphys.model.resource import OwnerReference, ResourceKey
from tiphys.model.status import CompareLevel
from tiphys.services.live.ports import LiveIndex

OTHER = "https://git.example.com/other"
CHARTS = "https://charts.example.com"


def app(name: str = "web", url: Any = URL, revision: str = "main") -> Application:
    made = application(name)
    made["spec"]["source"] |= {"repoURL": url, "targetRevision": revision}
    return Application(made)


def several(*sources: dict[str, Any], name: str = "web") -> Application:
    made = application(name)
    del made["spec"]["source"]
    made["spec"]["sources"] = list(sources)
    return Application(made)


def place(url: str = URL, chart: str = "", project: str = "") -> Place:
    return Place(Repository(url, project=project), chart)


def interested() -> SourceInterest:
    return SourceInterest(lambda _app, source: place(source.repo_url, source.chart))


def test_each_repository_comes_and_goes_once() -> None:
    interest = interested()
    assert interest.follow("web", app()) == ([place()], [])
    assert interest.follow("web", app(revision="v2")) == ([], [])
    assert interest.follow("web", app(url=OTHER)) == ([place(OTHER)], [place()])
    assert interest.drop("web") == [place(OTHER)]
    assert interest.drop("web") == []


def test_all_sources_are_followed_each_place_once() -> None:
    interest = interested()
    sources = (
        {"repoURL": URL, "path": "a"},
        {"repoURL": CHARTS, "chart": "redis", "targetRevision": "7.x"},
        {"repoURL": CHARTS, "chart": "web", "targetRevision": "1.x"},
        {"repoURL": URL, "ref": "values"},
    )
    came, went = interest.follow("web", several(*sources))
    assert came == [place(), place(CHARTS, "redis"), place(CHARTS, "web")]
    assert went == []
    assert interest.urls("web") == [URL, CHARTS]
    came, went = interest.follow("web", several(*sources[:2]))
    assert (came, went) == ([], [place(CHARTS, "web")])


def test_other_credentials_take_the_place_of_those_that_were() -> None:
    opened = {"with": Repository(URL)}
    interest = SourceInterest(lambda _app, _source: Place(opened["with"]))
    interest.follow("web", app())
    before, opened["with"] = Place(opened["with"]), Repository(URL, lfs=True)
    assert interest.follow("web", app()) == ([Place(opened["with"])], [before])
    assert interest.moved(before, {Asked("main"): "c1"}) == [("web", {0: "c1"})]


def test_a_source_that_nobody_can_open_is_not_followed() -> None:
    def opened(_app: Application, source: ApplicationSource) -> Place:
        if source.repo_url == OTHER:
            raise RepositoryError("the Secret cannot be read", url=OTHER)
        return place(source.repo_url)

    interest = SourceInterest(opened)
    sources = ({"repoURL": OTHER, "path": "a"}, {"repoURL": URL, "path": "b"}, {"repoURL": ""})
    assert interest.follow("web", several(*sources)) == ([place()], [])
    assert interest.moved(place(), {Asked(""): "c1"}) == [("web", {1: "c1"})]


def test_a_spec_that_cannot_be_read_follows_nothing() -> None:
    interest = interested()
    interest.follow("web", app())
    assert interest.follow("web", app(url=7)) == ((), [place()])
    assert interest.follow("web", app()) == ([place()], [])


def test_only_those_whose_revision_moved() -> None:
    interest = interested()
    for one in (app("b"), app("a"), app("tagged", revision="v1"), app("else", url=OTHER)):
        interest.follow(one.name, one)
    assert interest.moved(place(), {Asked("main"): "c1"}) == [("a", {0: "c1"}), ("b", {0: "c1"})]
    assert interest.moved(place(), {Asked("v1"): ""}) == [("tagged", {0: ""})]
    assert interest.moved(place(), {Asked("main", "v"): "c1"}) == []
    assert [name for name, _ in interest.moved(place(), {})] == ["a", "b", "tagged"]
    assert interest.moved(place("https://unknown"), {}) == []


def test_which_sources_moved() -> None:
    interest = interested()
    sources = (
        {"repoURL": URL, "path": "a", "targetRevision": "main"},
        {"repoURL": OTHER, "path": "b", "targetRevision": "main"},
        {"repoURL": URL, "ref": "values", "targetRevision": "v1"},
        {"repoURL": URL, "path": "c", "targetRevision": "main"},
    )
    interest.follow("web", several(*sources))
    news = {Asked("main"): "c1", Asked("v2"): "c2"}
    assert interest.moved(place(), news) == [("web", {0: "c1", 3: "c1"})]
    assert interest.moved(place(OTHER), news) == [("web", {1: "c1"})]


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
