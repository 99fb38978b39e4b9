"""Which applications an event concerns: by repository and revision, by live object, by place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tiphys.core.app.spec import effective_source
from tiphys.core.source.url import normal_form
from tiphys.model.application import Application
from tiphys.model.errors import ManifestDecodeError
from tiphys.model.live import LiveChange
from tiphys.model.resource import ResourceKey
from tiphys.model.status import CompareLevel
from tiphys.services.live.ports import LiveIndex


class SourceInterest:
    """The repository and revision that each application follows."""

    def __init__(self) -> None:
        self._by_app: dict[str, tuple[str, str]] = {}
        self._by_url: dict[str, set[str]] = {}

    def follow(self, name: str, app: Application) -> tuple[str, str]:
        """Takes in what the application follows now; answers the URL that came and that went."""
        try:
            source = effective_source(app.spec)
        except ManifestDecodeError:
            return "", self.drop(name)
        before = self.url(name)
        self._by_app[name] = (source.repo_url, source.target_revision)
        if source.repo_url == before:
            return "", ""
        _leave(self._by_url, normal_form(before), name)
        self._by_url.setdefault(normal_form(source.repo_url), set()).add(name)
        return source.repo_url, before

    def drop(self, name: str) -> str:
        """The application follows nothing any more; answers the URL that it followed."""
        url, _ = self._by_app.pop(name, ("", ""))
        _leave(self._by_url, normal_form(url), name)
        return url

    def url(self, name: str) -> str:
        """Empty where it follows nothing."""
        return self._by_app.get(name, ("", ""))[0]

    def moved(self, url: str, revisions: Mapping[str, str]) -> list[tuple[str, str]]:
        """Applications whose revision moved, with the commit; where none is named, all."""
        found = []
        for name in sorted(self._by_url.get(normal_form(url), ())):
            revision = self._by_app[name][1]
            if not revisions:
                found.append((name, ""))
            elif revision in revisions:
                found.append((name, revisions[revision]))
        return found


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
