"""All Applications as they are stored, for those who list and follow many of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tiphys.model.live import ObjectList, WatchEvent, WatchState, WatchVerb
from tiphys.model.resource import ApiResource, Manifest

_DIGITS = 20


@dataclass(frozen=True, slots=True)
class CatalogueEvent:
    """`manifest` of what is gone is as it was last."""

    verb: WatchVerb
    manifest: Manifest

    @property
    def gone(self) -> bool:
        return self.verb is WatchVerb.DELETED


class ApplicationCatalogue:
    """A sink of the watch on Applications, by (namespace, name). `current` while nothing disturbs
    the watch: what is known is then a moment old at most.
    """

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], Manifest] = {}
        self._listeners: list[Callable[[CatalogueEvent], None]] = []
        self.listed = False
        self.current = False
        self.version = ""

    def get(self, namespace: str, name: str) -> Manifest | None:
        return self._objects.get((namespace, name))

    def __iter__(self) -> Iterator[Manifest]:
        return iter(self._objects.values())

    def __len__(self) -> int:
        return len(self._objects)

    def follow(self, listener: Callable[[CatalogueEvent], None]) -> Callable[[], None]:
        """The answer ends it. Listeners are called within the loop and must not wait."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def replaced(self, resource: ApiResource, objects: ObjectList) -> None:  # noqa: ARG002
        before, self._objects = self._objects, {_key(item): item for item in objects.items}
        self.version = objects.resource_version
        self.listed = True
        for key, manifest in before.items():
            if key not in self._objects:
                self._tell(WatchVerb.DELETED, manifest)
        for key, manifest in self._objects.items():
            known = before.get(key)
            if known is None:
                self._tell(WatchVerb.ADDED, manifest)
            elif _version(known) != _version(manifest):
                self._tell(WatchVerb.MODIFIED, manifest)

    def changed(self, resource: ApiResource, event: WatchEvent) -> None:  # noqa: ARG002
        key = _key(event.manifest)
        self.version = _version(event.manifest)
        if event.verb is WatchVerb.DELETED:
            self._objects.pop(key, None)
        else:
            self._objects[key] = event.manifest
        self._tell(event.verb, event.manifest)

    def fares(self, resource: ApiResource, state: WatchState) -> None:  # noqa: ARG002
        """What is known stays good until the watch is back."""
        self.current = state is WatchState.CURRENT

    def _tell(self, verb: WatchVerb, manifest: Manifest) -> None:
        for listener in tuple(self._listeners):
            listener(CatalogueEvent(verb, manifest))


def _key(manifest: Manifest) -> tuple[str, str]:
    metadata: dict[str, Any] = manifest["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _version(manifest: Manifest) -> str:
    return str(manifest["metadata"].get("resourceVersion", ""))


def version_number(manifest: Manifest) -> int:
    return whole(_version(manifest))


def whole(text: str) -> int:
    """A resourceVersion as a number; 0 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < _DIGITS else 0
