"""Webhooks over the catalogue of Applications, by the instance names that the controller uses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tiphys.core.manifest.tracking import instance_name
from tiphys.model.application import Application
from tiphys.model.live import WatchVerb
from tiphys.model.resource import Manifest
from tiphys.services.applications.catalogue import ApplicationCatalogue, CatalogueEvent
from tiphys.services.webhook.index import PushIndex


class CataloguedApplications:
    """Implements Applications, and keeps the index. `namespace` is the control plane's."""

    def __init__(self, catalogue: ApplicationCatalogue, namespace: str, index: PushIndex) -> None:
        self._catalogue = catalogue
        self._namespace = namespace
        self._index = index
        self._places: dict[str, tuple[str, str]] = {}
        catalogue.follow(self._changed)
        for manifest in catalogue:
            self._changed(CatalogueEvent(WatchVerb.ADDED, manifest))

    def get(self, name: str) -> Application | None:
        place = self._places.get(name)
        found = self._catalogue.get(*place) if place is not None else None
        return None if found is None else Application.from_manifest(found)

    def _changed(self, event: CatalogueEvent) -> None:
        namespace, name = _place(event.manifest)
        known = instance_name(namespace, name, self._namespace)
        if event.verb is WatchVerb.DELETED:
            self._places.pop(known, None)
            self._index.follow(known, None)
        else:
            self._places[known] = namespace, name
            self._index.follow(known, Application.from_manifest(event.manifest))


class PlacesElsewhere:
    """Implements PushedPlaces where another process follows repositories: whoever may be concerned
    is refreshed, and that process finds out by itself whom it is not about.
    """

    async def ask(self, urls: Collection[str]) -> None:
        """A refresh looks at the repository in any case."""

    async def touched(
        self,
        apps: Mapping[str, Application],
        sources: Mapping[str, Sequence[int]],  # noqa: ARG002
    ) -> set[str]:
        return set(apps)


def _place(manifest: Manifest) -> tuple[str, str]:
    metadata = manifest["metadata"]
    return metadata.get("namespace") or "", metadata["name"]
