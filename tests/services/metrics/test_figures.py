"""Applications as figures: told as they are stored, whatever is in them."""

from __future__ import annotations

from typing import Any

from tests.fakes.kube import FakeCluster
from tests.services.reconcile.world import APPLICATIONS, AUTO, NAMESPACE, application
from tiphys.model.metrics import AppFigures, AppLabels, MetricsOptions
from tiphys.model.traffic import KubeRequest, KubeVerb
from tiphys.services.metrics.figures import AppFiguresSource, metrics_options
from tiphys.services.metrics.ports import NoMetrics
from tiphys.services.metrics.present import counting, in_name_of
from tiphys.services.reconcile.store import ApplicationStore

SERVER = "https://kubernetes.default.svc"


def figures(*manifests: dict[str, Any]) -> list[AppFigures]:
    store = ApplicationStore(FakeCluster(), APPLICATIONS, NAMESPACE)
    store.replace_all(manifests)
    return AppFiguresSource(store, server=lambda _app: SERVER, orphans=len)()


def test_an_application_is_told_as_it_stands() -> None:
    app = application("web", policy=AUTO, uid="u", resourceVersion="1", labels={"team": "blue"})
    app["spec"]["source"]["repoURL"] = "https://me:secret@Git.example.com/Apps.git"
    app["operation"] = {"sync": {}}
    app["status"] = {
        "sync": {"status": "Synced"},
        "health": {"status": "Healthy"},
        "conditions": [{"type": "SyncError"}, {"type": "SyncError"}, {"type": "UnknownError"}],
    }
    assert figures(app) == [
        AppFigures(
            namespace=NAMESPACE,
            name="web",
            project="default",
            automated=True,
            repository="https://git.example.com/apps",
            server=SERVER,
            destination_namespace="demo",
            sync="Synced",
            health="Healthy",
            operation="sync",
            labels=(("team", "blue"),),
            conditions=(("SyncError", 2), ("UnknownError", 1)),
            orphans=3,
        )
    ]


def test_what_is_skipped_is_not_told_and_what_is_misshapen_is() -> None:
    skipped = application(
        "skipped", uid="s", annotations={"argocd.argoproj.io/skip-reconcile": "true"}
    )
    odd = application("odd", uid="o", deletionTimestamp="2026-11-23T12:00:00Z") | {
        "spec": {"source": 7, "destination": [], "syncPolicy": {"automated": {"enabled": False}}},
        "status": {"sync": "broken"},
    }
    (seen,) = figures(skipped, odd)
    assert (seen.name, seen.project, seen.repository) == ("odd", "default", "")
    assert (seen.automated, seen.operation, seen.sync) == (False, "delete", "")


def test_several_sources_are_told_by_the_first() -> None:
    app = application("many", uid="m")
    app["spec"]["sources"] = [{"repoURL": "git@github.com:a/b"}, {"repoURL": "https://other"}]
    assert figures(app)[0].repository == "git@github.com/a/b"


def test_options_are_lists_with_commas() -> None:
    assert metrics_options({}) == MetricsOptions()
    assert metrics_options(
        {
            "controller.metrics.application.labels": "team, env,",
            "controller.metrics.application.conditions": "SyncError",
            "controller.metrics.cluster.labels": "zone",
        }
    ) == MetricsOptions(
        application_labels=("team", "env"),
        application_conditions=("SyncError",),
        cluster_labels=("zone",),
    )


def test_a_request_is_counted_in_the_name_in_which_it_is_made() -> None:
    class Counting(NoMetrics):
        def __init__(self) -> None:
            self.seen: list[AppLabels | None] = []

        def requested(self, request: KubeRequest, app: AppLabels | None) -> None:
            self.seen.append(app)

    metrics = Counting()
    count = counting(metrics)
    request = KubeRequest(SERVER, "GET", KubeVerb.GET, "pods", "demo", 200, 0.1)
    app = AppLabels(NAMESPACE, "web", "default", SERVER)
    count(request)
    with in_name_of(app):
        count(request)
    count(request)
    assert metrics.seen == [None, app, None]
