"""The applications as figures, straight from what is stored: nothing is parsed that is not told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from tiphys.core.app.spec import DEFAULT_PROJECT
from tiphys.core.source.url import normal_form, without_user
from tiphys.model.application import Application
from tiphys.model.metrics import AppFigures, MetricsOptions
from tiphys.services.reconcile.again import skips
from tiphys.services.reconcile.store import ApplicationStore

_KEYS = {
    "application_labels": "controller.metrics.application.labels",
    "application_conditions": "controller.metrics.application.conditions",
    "cluster_labels": "controller.metrics.cluster.labels",
}


class AppFiguresSource:
    """`server` names the cluster of a destination, as its URL; `orphans` counts what belongs to
    no application in an application's namespace, by its key, None where nobody looks.
    """

    def __init__(
        self,
        store: ApplicationStore,
        *,
        server: Callable[[Application], str],
        orphans: Callable[[str], int | None] = lambda _key: None,
    ) -> None:
        self._store = store
        self._server = server
        self._orphans = orphans

    def __call__(self) -> list[AppFigures]:
        found = []
        for key in self._store.names():
            app = self._store.get(key)
            if app is not None and not skips(app):
                found.append(_figures(app, self._server(app), self._orphans(key)))
        return found


def metrics_options(params: Mapping[str, str]) -> MetricsOptions:
    """From argocd-cmd-params-cm, where each is a list with commas."""
    return MetricsOptions(**{field: _list(params.get(key, "")) for field, key in _KEYS.items()})


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _figures(app: Application, server: str, orphans: int | None) -> AppFigures:
    raw = app.raw
    spec = _map(raw.get("spec"))
    status = _map(raw.get("status"))
    destination = _map(spec.get("destination"))
    conditions = Counter(str(_map(one).get("type") or "") for one in status.get("conditions") or ())
    return AppFigures(
        namespace=app.namespace,
        name=app.name,
        project=str(spec.get("project") or DEFAULT_PROJECT),
        automated=_automated(spec),
        repository=_repository(spec),
        server=server,
        destination_namespace=str(destination.get("namespace") or ""),
        sync=str(_map(status.get("sync")).get("status") or ""),
        health=str(_map(status.get("health")).get("status") or ""),
        operation=_operation(app),
        labels=tuple(sorted(app.metadata.labels.items())),
        conditions=tuple(sorted(conditions.items())),
        orphans=orphans,
    )


def _repository(spec: Mapping[str, Any]) -> str:
    """The first source's in its normal form, without credentials."""
    sources = spec.get("sources") or [spec.get("source")]
    return without_user(normal_form(str(_map(sources[0]).get("repoURL") or "")))


def _automated(spec: Mapping[str, Any]) -> bool:
    automated = _map(spec.get("syncPolicy")).get("automated")
    return automated is not None and _map(automated).get("enabled") is not False


def _operation(app: Application) -> str:
    if app.metadata.deletion_timestamp:
        return "delete"
    return "sync" if app.raw.get("operation") is not None else ""


def _map(value: Any) -> Mapping[str, Any]:
    """What is not shaped as it should be says nothing."""
    return value if isinstance(value, Mapping) else {}
