"""Which applications have a source at a place: looked up by the place, never by going over all."""

from __future__ import annotations

from collections.abc import Iterable

from tiphys.core.app.spec import sources_of
from tiphys.core.webhook.events import PushEvent, RegistryEvent
from tiphys.core.webhook.matching import registry_key, registry_keys, source_keys, target_key
from tiphys.model.application import Application
from tiphys.model.errors import ManifestDecodeError

_REGISTRY = "oci:"


class PushIndex:
    """Kept up to date by changes of Applications."""

    def __init__(self) -> None:
        self._by_key: dict[str, set[str]] = {}
        self._by_app: dict[str, frozenset[str]] = {}

    def follow(self, name: str, app: Application | None) -> None:
        now = frozenset() if app is None else _keys(app)
        before = self._by_app.pop(name, frozenset())
        if now:
            self._by_app[name] = now
        for key in now - before:
            self._by_key.setdefault(key, set()).add(name)
        for key in before - now:
            names = self._by_key[key]
            names.discard(name)
            if not names:
                del self._by_key[key]

    def at(self, event: PushEvent | RegistryEvent) -> list[str]:
        found: set[str] = set()
        for key in _asked(event):
            found |= self._by_key.get(key, set())
        return sorted(found)


def _asked(event: PushEvent | RegistryEvent) -> Iterable[str]:
    if isinstance(event, RegistryEvent):
        return (_REGISTRY + registry_key(event),)
    return map(target_key, event.urls)


def _keys(app: Application) -> frozenset[str]:
    try:
        sources = sources_of(app.spec)
    except ManifestDecodeError:
        return frozenset()
    found: set[str] = set()
    for source in sources:
        found |= source_keys(source.repo_url)
        found |= {_REGISTRY + key for key in registry_keys(source)}
    return frozenset(found)
