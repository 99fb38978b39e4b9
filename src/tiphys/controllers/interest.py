"""Which applications an event concerns: by repository and revision, and by live object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tiphys.core.app.spec import effective_source
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
        before = self._by_app.get(name, ("", ""))[0]
        self._by_app[name] = (source.repo_url, source.target_revision)
        if source.repo_url == before:
            return "", ""
        self._leave(name, before)
        self._by_url.setdefault(source.repo_url, set()).add(name)
        return source.repo_url, before

    def drop(self, name: str) -> str:
        """The application follows nothing any more; answers the URL that it followed."""
        url, _ = self._by_app.pop(name, ("", ""))
        self._leave(name, url)
        return url

    def _leave(self, name: str, url: str) -> None:
        names = self._by_url.get(url)
        if names is not None:
            names.discard(name)
            if not names:
                del self._by_url[url]

    def moved(self, url: str, revisions: Mapping[str, str]) -> list[tuple[str, str]]:
        """Applications whose revision moved, with the commit; where none is named, all."""
        found = []
        for name in sorted(self._by_url.get(url, ())):
            revision = self._by_app[name][1]
            if not revisions:
                found.append((name, ""))
            elif revision in revisions:
                found.append((name, revisions[revision]))
        return found


def concerned(
    changes: Sequence[LiveChange], index: LiveIndex
) -> Iterable[tuple[str, CompareLevel, ResourceKey]]:
    """Instances whose objects changed, with how much has to be asked anew, and by what.

    A change of a tracked object is compared; what changes below one only concerns the tree.
    """
    for change in changes:
        direct = {seen.instance for seen in (change.old, change.new) if seen and seen.instance}
        for instance in direct:
            yield instance, CompareLevel.RECENT, change.key
        if direct:
            continue
        seen = change.new or change.old
        if seen is None:
            continue
        above = [
            ResourceKey(owner.group, owner.kind, change.key.namespace, owner.name)
            for owner in seen.owners
        ]
        for key in above:
            root = index.root(key)
            if root is not None:
                yield root.instance, CompareLevel.TREE_ONLY, change.key
                break
