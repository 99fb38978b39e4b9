"""Figures that are read from the present state at a scrape, so that no change of it costs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tiphys.core.settings.glob import matches
from tiphys.model.metrics import AppFigures, ClusterFigures, MetricsOptions

_APP = ("namespace", "name", "project")
_INVALID = re.compile(r"[^a-zA-Z0-9_]")


@dataclass(eq=False)
class FiguresCollector(Collector):
    """Each callable answers for the moment in which it is called, which is when `look` is: on the
    event loop. `collect` may run in a thread then.
    """

    applications: Callable[[], list[AppFigures]]
    clusters: Callable[[], list[ClusterFigures]]
    options: Callable[[], MetricsOptions]
    _seen: tuple[list[AppFigures], list[ClusterFigures], MetricsOptions] = field(
        default_factory=lambda: ([], [], MetricsOptions())
    )

    def look(self) -> None:
        self._seen = (self.applications(), self.clusters(), self.options())

    def collect(self) -> Iterator[Metric]:
        apps, clusters, options = self._seen
        yield _info(apps)
        yield _orphans(apps)
        if options.application_labels:
            yield _labels(apps, options.application_labels)
        if options.application_conditions:
            yield _conditions(apps, options.application_conditions)
        yield from _clusters(clusters)
        if options.cluster_labels:
            yield _cluster_labels(clusters, options.cluster_labels)

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked before the first scrape."""
        return ()


def _info(apps: Iterable[AppFigures]) -> Metric:
    family = GaugeMetricFamily(
        "argocd_app_info",
        "Applications and how they stand.",
        labels=(
            *_APP,
            "autosync_enabled",
            "repo",
            "dest_server",
            "dest_namespace",
            "sync_status",
            "health_status",
            "operation",
        ),
    )
    for app in apps:
        labels = [
            *_key(app),
            "true" if app.automated else "false",
            app.repository,
            app.server,
            app.destination_namespace,
            app.sync or "Unknown",
            app.health or "Unknown",
            app.operation,
        ]
        family.add_metric(labels, 1.0)
    return family


def _orphans(apps: Iterable[AppFigures]) -> Metric:
    family = GaugeMetricFamily(
        "argocd_app_orphaned_resources_count",
        "Objects in the destination's namespace that belong to no application.",
        labels=_APP,
    )
    for app in apps:
        if app.orphans is not None:
            family.add_metric(_key(app), float(app.orphans))
    return family


def _labels(apps: Iterable[AppFigures], names: tuple[str, ...]) -> Metric:
    family = GaugeMetricFamily(
        "argocd_app_labels", "Labels of applications.", labels=(*_APP, *map(_label, names))
    )
    for app in apps:
        family.add_metric([*_key(app), *_values(dict(app.labels), names)], 1.0)
    return family


def _conditions(apps: Iterable[AppFigures], wanted: tuple[str, ...]) -> Metric:
    family = GaugeMetricFamily(
        "argocd_app_condition", "Conditions of applications.", labels=(*_APP, "condition")
    )
    for app in apps:
        for name, count in app.conditions:
            if any(matches(glob, name) for glob in wanted):
                family.add_metric([*_key(app), name], float(count))
    return family


def _clusters(clusters: list[ClusterFigures]) -> Iterator[Metric]:
    info = GaugeMetricFamily(
        "argocd_cluster_info", "Clusters.", labels=("server", "k8s_version", "name")
    )
    connection = GaugeMetricFamily(
        "argocd_cluster_connection_status",
        "1 where a cluster can be reached, else 0.",
        labels=("server", "k8s_version"),
    )
    kinds = GaugeMetricFamily(
        "argocd_cluster_api_resources", "Kinds that are watched.", labels=("server",)
    )
    objects = GaugeMetricFamily(
        "argocd_cluster_api_resource_objects", "Objects that are known.", labels=("server",)
    )
    age = GaugeMetricFamily(
        "argocd_cluster_cache_age_seconds",
        "Seconds since the state of a cluster was read; -1 where it is not known.",
        labels=("server",),
    )
    for one in clusters:
        info.add_metric([one.server, one.version, one.name], 1.0)
        connection.add_metric([one.server, one.version], 1.0 if one.connected else 0.0)
        kinds.add_metric([one.server], float(one.kinds))
        objects.add_metric([one.server], float(one.objects))
        age.add_metric([one.server], -1.0 if one.age is None else one.age)
    yield from (info, connection, kinds, objects, age)


def _cluster_labels(clusters: Iterable[ClusterFigures], names: tuple[str, ...]) -> Metric:
    family = GaugeMetricFamily(
        "argocd_cluster_labels",
        "Labels of clusters.",
        labels=("server", "name", *map(_label, names)),
    )
    for one in clusters:
        family.add_metric([one.server, one.name, *_values(dict(one.labels), names)], 1.0)
    return family


def _key(app: AppFigures) -> list[str]:
    return [app.namespace, app.name, app.project]


def _label(name: str) -> str:
    return f"label_{_INVALID.sub('_', name)}"


def _values(labels: Mapping[str, str], names: tuple[str, ...]) -> list[str]:
    return [labels.get(name, "") for name in names]
