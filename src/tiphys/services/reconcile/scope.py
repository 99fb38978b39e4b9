"""Which Applications are ours, by their namespace, and how they come into the store.

Only our own namespace is watched, unless settings name others: then one watch sees the whole
cluster, and what is not ours of it goes no further.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from tiphys.core.project.namespaces import matches_any
from tiphys.core.settings import Settings
from tiphys.model.live import ObjectList, WatchEvent, WatchState
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.reconcile.store import ApplicationStore

log = structlog.get_logger()


class Scope:
    """`namespace` is the control plane's. `outdated` is set when the watch has to begin anew."""

    def __init__(self, namespace: str, settings: Callable[[], Settings]) -> None:
        self._namespace = namespace
        self._settings = settings
        self._globs = settings().application_namespaces
        self.listed = asyncio.Event()
        self.outdated = asyncio.Event()

    @property
    def watched(self) -> str:
        """The namespace to watch; empty for all."""
        return "" if self._globs else self._namespace

    def settings_changed(self) -> None:
        globs = self._settings().application_namespaces
        if globs != self._globs:
            log.info("namespaces of applications changed", namespaces=list(globs))
            self._globs = globs
            self.outdated.set()

    def is_ours(self, manifest: Manifest) -> bool:
        namespace = (manifest.get("metadata") or {}).get("namespace") or ""
        return namespace == self._namespace or matches_any(self._globs, namespace)

    def replaced(self, resource: ApiResource, objects: ObjectList) -> None:  # noqa: ARG002
        self.listed.set()

    def changed(self, resource: ApiResource, event: WatchEvent) -> None:
        """Only what is kept of it matters."""

    def fares(self, resource: ApiResource, state: WatchState) -> None:
        """The watcher says itself when it is disturbed."""


class ApplicationScope(Scope):
    """A sink of the Applications' watch that keeps ours in the store."""

    def __init__(self, store: ApplicationStore, settings: Callable[[], Settings]) -> None:
        super().__init__(store.namespace, settings)
        self._store = store

    def replaced(self, resource: ApiResource, objects: ObjectList) -> None:
        self._store.replace_all(item for item in objects.items if self.is_ours(item))
        super().replaced(resource, objects)

    def changed(self, resource: ApiResource, event: WatchEvent) -> None:  # noqa: ARG002
        if self.is_ours(event.manifest):
            self._store.apply(event)
