"""Which applications an event concerns: by repository and revision, by live object, by place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from tiphys.core.app.spec import sources_of
from tiphys.core.source.places import place_key
from tiphys.model.application import Application
from tiphys.model.errors import ManifestDecodeError, RepositoryError
from tiphys.model.live import LiveChange
from tiphys.model.repository import Asked, Place
from tiphys.model.resource import ResourceKey
from tiphys.model.source import ApplicationSource
from tiphys.model.status import CompareLevel
from tiphys.services.live.ports import LiveIndex


class Followed(NamedTuple):
    """One source of an application: where it comes from, and the revision that is followed."""

    place: Place
    key: str
    asked: Asked


class SourceInterest:
    """The places and revisions that each application follows, of all its sources.

    `place` says where a source comes from; raises RepositoryError.
    """

    def __init__(self, place: Callable[[Application, ApplicationSource], Place]) -> None:
        self._place = place
        self._by_app: dict[str, tuple[Followed | None, ...]] = {}
        self._by_key: dict[str, set[str]] = {}

    def follow(self, name: str, app: Application) -> tuple[Sequence[Place], Sequence[Place]]:
        """Takes in what the application follows now; answers the places that came and that went.
        One that is opened otherwise than before has come, and gone.
        """
        try:
            sources = sources_of(app.spec)
        except ManifestDecodeError:
            return (), self.drop(name)
        before = self._places(name)
        self._by_app[name] = tuple(self._followed(app, source) for source in sources)
        now = self._places(name)
        for key in now.keys() - before.keys():
            self._by_key.setdefault(key, set()).add(name)
        for key in before.keys() - now.keys():
            _leave(self._by_key, key, name)
        came = [place for key, place in now.items() if before.get(key) != place]
        went = [place for key, place in before.items() if now.get(key) != place]
        return came, went

    def drop(self, name: str) -> Sequence[Place]:
        """The application follows nothing any more; answers the places that it followed."""
        places = self._places(name)
        self._by_app.pop(name, None)
        for key in places:
            _leave(self._by_key, key, name)
        return list(places.values())

    def urls(self, name: str) -> Sequence[str]:
        """Of the places that it follows."""
        return list(dict.fromkeys(one.repository.url for one in self._places(name).values()))

    def moved(
        self, place: Place, news: Mapping[Asked, str]
    ) -> Sequence[tuple[str, Mapping[int, str]]]:
        """Applications with the sources, by index, of which the revision moved, and where to;
        where no revision is named, all at this place, without any.
        """
        key = place_key(place)
        found = []
        for name in sorted(self._by_key.get(key, ())):
            moved = {
                at: news[one.asked]
                for at, one in enumerate(self._by_app[name])
                if one is not None and one.key == key and one.asked in news
            }
            if moved or not news:
                found.append((name, moved))
        return found

    def _followed(self, app: Application, source: ApplicationSource) -> Followed | None:
        """None where nobody knows how to open it: whoever compares says why."""
        if not source.repo_url:
            return None
        try:
            place = self._place(app, source)
        except RepositoryError:
            return None
        return Followed(place, place_key(place), Asked(source.target_revision, source.tag_prefix))

    def _places(self, name: str) -> dict[str, Place]:
        return {one.key: one.place for one in self._by_app.get(name, ()) if one is not None}


class PlaceInterest:
    """The namespace that each application deploys to."""

    def __init__(self) -> None:
        self._by_app: dict[str, str] = {}
        self._by_namespace: dict[str, set[str]] = {}

    def follow(self, name: str, namespace: str) -> None:
        """An empty namespace is none."""
        before = self._by_app.pop(name, "")
        if before:
            _leave(self._by_namespace, before, name)
        if namespace:
            self._by_app[name] = namespace
            self._by_namespace.setdefault(namespace, set()).add(name)

    def at(self, namespace: str) -> Sequence[str]:
        return sorted(self._by_namespace.get(namespace, ()))


def _leave(index: dict[str, set[str]], at: str, name: str) -> None:
    names = index.get(at)
    if names is not None:
        names.discard(name)
        if not names:
            del index[at]


class Concern(NamedTuple):
    """An application is concerned by a change, and how much has to be asked anew for it.

    Without an instance the object belongs to nobody: it matters to who looks for orphans.
    """

    instance: str
    level: CompareLevel
    change: LiveChange


def concerned(changes: Sequence[LiveChange], index: LiveIndex) -> Iterable[Concern]:
    """A change of a tracked object is compared; what changes below one only concerns the tree."""
    for change in changes:
        direct = {seen.instance for seen in (change.old, change.new) if seen and seen.instance}
        if direct:
            yield from (Concern(one, CompareLevel.RECENT, change) for one in sorted(direct))
        elif root := _root(change, index):
            yield Concern(root, CompareLevel.TREE_ONLY, change)
        elif change.key.namespace:
            yield Concern("", CompareLevel.TREE_ONLY, change)


def _root(change: LiveChange, index: LiveIndex) -> str:
    """The application at the top of an object's owners."""
    seen = change.new or change.old
    for owner in seen.owners if seen is not None else ():
        above = ResourceKey(owner.group, owner.kind, change.key.namespace, owner.name)
        root = index.root(above)
        if root is not None:
            return root.instance
    return ""
