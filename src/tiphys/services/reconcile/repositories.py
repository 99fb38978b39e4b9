"""The repository Secrets of the control plane's namespace, without what is secret in them."""

from __future__ import annotations

from collections.abc import Callable

from tiphys.core.settings.repositories import (
    RepositorySecret,
    refusals,
    repository_secret,
)
from tiphys.model.live import ObjectList, WatchEvent, WatchState, WatchVerb
from tiphys.model.resource import ApiResource, Manifest


class RepositorySecrets:
    """A sink of a KindWatcher; `listener` hears of a Secret as it was and as it is."""

    def __init__(self) -> None:
        self._secrets: dict[str, RepositorySecret] = {}
        self.listener: Callable[[tuple[RepositorySecret, ...]], None] = lambda _changed: None
        self.listed = False

    def refusals(self, url: str, project: str) -> list[str]:
        return refusals(self._secrets.values(), url, project)

    def replaced(self, resource: ApiResource, objects: ObjectList) -> None:  # noqa: ARG002
        seen = {item["metadata"]["name"] for item in objects.items}
        self.listed = True
        for name in self._secrets.keys() - seen:
            self._put(name, None)
        for item in objects.items:
            self._take(item)

    def changed(self, resource: ApiResource, event: WatchEvent) -> None:  # noqa: ARG002
        if event.verb is WatchVerb.DELETED:
            self._put(event.manifest["metadata"]["name"], None)
        else:
            self._take(event.manifest)

    def fares(self, resource: ApiResource, state: WatchState) -> None:
        """What is known stays good until the watch is back."""

    def _take(self, manifest: Manifest) -> None:
        name = manifest["metadata"]["name"]
        self._put(name, repository_secret(manifest))

    def _put(self, name: str, secret: RepositorySecret | None) -> None:
        before = self._secrets.pop(name, None)
        if secret is not None:
            self._secrets[name] = secret
        if before != secret:
            self.listener(tuple(one for one in (before, secret) if one is not None))
