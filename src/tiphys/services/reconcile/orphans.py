"""Objects in an application's namespace that belong to no application, where its project asks.

They are looked for in the one namespace of the destination, in what is in memory already.
"""

from __future__ import annotations

from tiphys.core.app.conditions import Condition
from tiphys.core.project import may_be_orphaned, warns_of_orphans
from tiphys.model.application import Application
from tiphys.model.errors import ManifestDecodeError
from tiphys.model.live import LiveObject
from tiphys.model.resource import ResourceKey
from tiphys.model.status import ConditionType
from tiphys.services.clusters.ports import Clusters
from tiphys.services.clusters.reaching import view_of
from tiphys.services.live.ports import LiveIndex
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.reconcile.store import ApplicationStore


class Orphans:
    """Remembers the last count of each application, for metrics."""

    def __init__(self, store: ApplicationStore, clusters: Clusters, rules: ProjectRules) -> None:
        self._store = store
        self._clusters = clusters
        self._rules = rules
        self._counts: dict[str, int] = {}

    def counted(self, app: Application) -> bool:
        """Whether the application's project wants to know of orphaned objects."""
        try:
            project = self._rules.of(app)
        except ManifestDecodeError:
            return False
        return project is not None and project.spec.orphaned_resources is not None

    def place(self, name: str) -> str:
        """The namespace in which they are looked for; empty where nobody wants to know."""
        app = self._store.get(name)
        return app.spec.destination.namespace if app is not None and self.counted(app) else ""

    def last(self, name: str) -> int | None:
        """How many there were, None where nobody wants to know. `name` is the store's."""
        return self._counts.get(name) if self._store.get(name) is not None else None

    def look(self, app: Application) -> list[Condition]:
        """Counts them, and says so where the project wants it said."""
        name = self._store.key(app)
        project = self._rules.of(app) if self.counted(app) else None
        if project is None:
            self._counts.pop(name, None)
            return []
        count = self._counts[name] = len(self.nodes(app))
        if not count or not warns_of_orphans(project):
            return []
        text = f"Application has {count} orphaned resources"
        return [Condition(ConditionType.ORPHANED_RESOURCE_WARNING, text)]

    def nodes(self, app: Application) -> list[LiveObject]:
        """With what is below them; none where the project does not ask for them."""
        project = self._rules.of(app) if self.counted(app) else None
        if project is None:
            return []
        view = view_of(self._clusters, app.spec.destination)
        namespace = app.spec.destination.namespace
        managed = {
            ResourceKey(one.group, one.kind, one.namespace, one.name)
            for one in app.status.resources
        }
        roots = [
            found
            for found in view.index.namespaced(namespace)
            if not found.owners
            and found.key not in managed
            and not self._is_somebodys(found)
            and may_be_orphaned(project, found.key)
        ]
        return _with_dependants(roots, view.index)

    def _is_somebodys(self, found: LiveObject) -> bool:
        """What an application has tracked that is gone by now is nobody's."""
        return bool(found.instance) and self._store.get(found.instance) is not None


def _with_dependants(roots: list[LiveObject], index: LiveIndex) -> list[LiveObject]:
    seen: dict[str, LiveObject] = {}
    waiting = list(roots)
    while waiting:
        found = waiting.pop()
        if found.uid not in seen:
            seen[found.uid] = found
            waiting.extend(index.dependants(found.uid))
    return list(seen.values())
