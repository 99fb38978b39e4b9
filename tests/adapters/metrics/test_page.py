"""The page as Prometheus reads it: names and labels of the contract, nothing else."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tiphys.adapters.metrics.counters import PrometheusMetrics
from tiphys.adapters.metrics.figures import FiguresCollector
from tiphys.adapters.metrics.page import MetricsPage
from tiphys.model.metrics import (
    AppFigures,
    AppLabels,
    ApplyCommand,
    ClusterFigures,
    MetricsOptions,
)
from tiphys.model.traffic import KubeRequest, KubeVerb

SERVER = "https://kubernetes.default.svc"
APP = AppLabels("argocd", "web", "default", SERVER)
REQUEST = KubeRequest(
    SERVER, "PATCH", KubeVerb.PATCH, "deployments", "demo", 200, 0.02, sent=10, received=20
)
FIGURES = AppFigures(
    namespace="argocd",
    name="web",
    project="default",
    automated=True,
    repository="https://git.example.com/apps",
    server=SERVER,
    destination_namespace="demo",
    sync="Synced",
    health="",
    operation="",
    labels=(("team/name", "blue"),),
    conditions=(("OrphanedResourceWarning", 1), ("SyncError", 2)),
    orphans=3,
)
CLUSTER = ClusterFigures(
    server=SERVER,
    name="in-cluster",
    version="v1.36.3",
    connected=True,
    kinds=40,
    objects=1234,
    age=2.5,
    labels=(("zone", "a"),),
)
APP_KEY = {"namespace": "argocd", "name": "web", "project": "default"}


def build(options: MetricsOptions | None = None) -> tuple[MetricsPage, PrometheusMetrics]:
    page = MetricsPage()
    metrics = PrometheusMetrics(page.registry, hostname="node-1")
    told = options or MetricsOptions()
    page.tell(FiguresCollector(lambda: [FIGURES], lambda: [CLUSTER], lambda: told))
    return page, metrics


async def samples(page: MetricsPage) -> dict[str, list[tuple[dict[str, str], float]]]:
    body, _ = await page()
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


async def test_an_application_is_told_with_its_labels() -> None:
    page, _ = build()
    assert (await samples(page))["argocd_app_info"] == [
        (
            {
                **APP_KEY,
                "autosync_enabled": "true",
                "repo": "https://git.example.com/apps",
                "dest_server": SERVER,
                "dest_namespace": "demo",
                "sync_status": "Synced",
                "health_status": "Unknown",
                "operation": "",
            },
            1.0,
        )
    ]
    assert (await samples(page))["argocd_app_orphaned_resources_count"] == [(APP_KEY, 3.0)]


async def test_labels_and_conditions_are_told_only_when_asked_for() -> None:
    page, _ = build()
    assert not (await samples(page)).keys() & {
        "argocd_app_labels",
        "argocd_app_condition",
        "argocd_cluster_labels",
    }
    page, _ = build(
        MetricsOptions(
            application_labels=("team/name", "absent"),
            application_conditions=("SyncError",),
            cluster_labels=("zone",),
        )
    )
    found = await samples(page)
    assert found["argocd_app_labels"] == [
        ({**APP_KEY, "label_team_name": "blue", "label_absent": ""}, 1.0)
    ]
    assert found["argocd_app_condition"] == [({**APP_KEY, "condition": "SyncError"}, 2.0)]
    assert found["argocd_cluster_labels"] == [
        ({"server": SERVER, "name": "in-cluster", "label_zone": "a"}, 1.0)
    ]


async def test_clusters_are_told() -> None:
    page, _ = build()
    found = await samples(page)
    version = {"server": SERVER, "k8s_version": "v1.36.3"}
    assert found["argocd_cluster_info"] == [({**version, "name": "in-cluster"}, 1.0)]
    assert found["argocd_cluster_connection_status"] == [(version, 1.0)]
    assert found["argocd_cluster_api_resources"] == [({"server": SERVER}, 40.0)]
    assert found["argocd_cluster_api_resource_objects"] == [({"server": SERVER}, 1234.0)]
    assert found["argocd_cluster_cache_age_seconds"] == [({"server": SERVER}, 2.5)]


async def test_a_cluster_never_read_has_no_age() -> None:
    page = MetricsPage()
    unknown = ClusterFigures("https://far", "far", "", False, 0, 0, None, ())
    page.tell(FiguresCollector(list, lambda: [unknown], MetricsOptions))
    found = await samples(page)
    assert found["argocd_cluster_cache_age_seconds"] == [({"server": "https://far"}, -1.0)]
    assert found["argocd_cluster_connection_status"][0][1] == 0.0


async def test_syncs_and_passes_are_counted() -> None:
    page, metrics = build()
    metrics.synced(APP, "Succeeded", dry_run=False, seconds=3.0)
    metrics.synced(APP, "Failed", dry_run=True, seconds=1.5)
    metrics.reconciled("argocd", SERVER, 0.3)
    found = await samples(page)
    key = {**APP_KEY, "dest_server": SERVER}
    assert found["argocd_app_sync_total"] == [
        ({**key, "phase": "Succeeded", "dry_run": "false"}, 1.0),
        ({**key, "phase": "Failed", "dry_run": "true"}, 1.0),
    ]
    assert found["argocd_app_sync_duration_seconds_total"] == [(key, 4.5)]
    bounds = [labels["le"] for labels, _ in found["argocd_app_reconcile_bucket"]]
    assert bounds == ["0.25", "0.5", "1.0", "2.0", "4.0", "8.0", "16.0", "+Inf"]
    assert found["argocd_app_reconcile_count"] == [
        ({"namespace": "argocd", "dest_server": SERVER}, 1.0)
    ]
    metrics.clear()
    assert "argocd_app_sync_total" not in (await samples(page))


async def test_requests_are_counted_and_those_of_a_sync_by_application() -> None:
    page, metrics = build()
    metrics.requested(REQUEST, APP)
    metrics.requested(REQUEST, None)
    found = await samples(page)
    assert found["argocd_app_k8s_request_total"] == [
        (
            {
                **APP_KEY,
                "server": SERVER,
                "response_code": "200",
                "verb": "Patch",
                "resource_kind": "deployments",
                "resource_namespace": "demo",
                "dry_run": "false",
            },
            1.0,
        )
    ]
    assert found["argocd_kubectl_requests_total"] == [
        ({"host": SERVER, "method": "PATCH", "code": "200"}, 2.0)
    ]
    at = {"host": SERVER, "verb": "Patch"}
    assert found["argocd_kubectl_request_duration_seconds_count"] == [(at, 2.0)]
    assert found["argocd_kubectl_request_size_bytes_sum"] == [(at, 20.0)]
    assert found["argocd_kubectl_response_size_bytes_sum"] == [(at, 40.0)]


async def test_a_write_is_pending_until_it_ends() -> None:
    page, metrics = build()
    labels = {"hostname": "node-1", "command": "apply"}
    with metrics.applying(ApplyCommand.APPLY):
        assert (await samples(page))["argocd_kubectl_exec_pending"] == [(labels, 1.0)]
    found = await samples(page)
    assert found["argocd_kubectl_exec_pending"] == [(labels, 0.0)]
    assert found["argocd_kubectl_exec_total"] == [(labels, 1.0)]


async def test_events_of_clusters_are_counted() -> None:
    page, metrics = build()
    metrics.heard(SERVER, "apps", "Deployment")
    metrics.handled(SERVER, 7, 0.01)
    found = await samples(page)
    assert found["argocd_cluster_events_total"] == [
        ({"server": SERVER, "group": "apps", "kind": "Deployment"}, 1.0)
    ]
    assert found["argocd_resource_events_processed_in_batch"] == [({"server": SERVER}, 7.0)]
    assert found["argocd_resource_events_processing_count"] == [({"server": SERVER}, 1.0)]


async def test_redis_is_asked_nothing() -> None:
    page, _ = build()
    found = await samples(page)
    labels = {"hostname": "node-1", "initiator": "argocd-application-controller"}
    assert found["argocd_redis_request_total"] == [({**labels, "failed": "false"}, 0.0)]
    assert found["argocd_redis_request_duration_count"] == [(labels, 0.0)]
