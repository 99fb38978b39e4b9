"""Small kinds of the control plane's namespace, kept by name: projects and settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tiphys.model.appproject import AppProject
from tiphys.model.live import ObjectList, WatchEvent, WatchState, WatchVerb
from tiphys.model.resource import ApiResource, Manifest


class NamedObjects:
    """A sink of a KindWatcher; `listener` hears the name of whatever changed.

    `version` is another object after each change: what is made of these is kept for as long.
    """

    def __init__(self, listener: Callable[[str], None] = lambda _name: None) -> None:
        self._objects: dict[str, Manifest] = {}
        self.listener = listener
        self.version = object()
        self.listed = False

    def get(self, name: str) -> Manifest | None:
        return self._objects.get(name)

    def names(self) -> Sequence[str]:
        return list(self._objects)

    def replaced(self, resource: ApiResource, objects: ObjectList) -> None:  # noqa: ARG002
        before = self._objects
        self._objects = {item["metadata"]["name"]: item for item in objects.items}
        self.listed = True
        self.version = object()
        for name in before.keys() | self._objects.keys():
            if before.get(name) != self._objects.get(name):
                self.listener(name)

    def changed(self, resource: ApiResource, event: WatchEvent) -> None:  # noqa: ARG002
        name = event.manifest["metadata"]["name"]
        if event.verb is WatchVerb.DELETED:
            self._objects.pop(name, None)
        else:
            self._objects[name] = event.manifest
        self.version = object()
        self.listener(name)

    def fares(self, resource: ApiResource, state: WatchState) -> None:
        """What is known stays good until the watch is back."""


class Projects:
    """AppProjects by name."""

    def __init__(self, objects: NamedObjects) -> None:
        self._objects = objects

    def find(self, name: str) -> AppProject | None:
        manifest = self._objects.get(name)
        return None if manifest is None else AppProject(manifest)
