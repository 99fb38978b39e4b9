"""The counters of the contract in Prometheus' client. Implements services.metrics' Metrics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from tiphys.model.metrics import AppLabels, ApplyCommand
from tiphys.model.traffic import KubeRequest, KubeVerb

_APP = ("namespace", "name", "project")
_PASS_SECONDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_REQUEST_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
_BYTES = (64.0, 256.0, 512.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 16777216.0)
_INITIATOR = "argocd-application-controller"


class PrometheusMetrics:
    """`hostname` is of the process. `clear` forgets what was counted of applications."""

    def __init__(self, registry: CollectorRegistry, *, hostname: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._hostname = hostname
        self._applications(registry)
        self._clusters(registry)
        self._requests(registry)
        self._redis(registry)

    def _applications(self, registry: CollectorRegistry) -> None:
        self._sync = Counter(
            "argocd_app_sync_total",
            "Syncs that ended, by phase.",
            (*_APP, "dest_server", "phase", "dry_run"),
            registry=registry,
        )
        self._sync_seconds = Counter(
            "argocd_app_sync_duration_seconds_total",
            "Seconds that syncs took.",
            (*_APP, "dest_server"),
            registry=registry,
        )
        self._app_requests = Counter(
            "argocd_app_k8s_request_total",
            "Requests to API servers in the course of syncs.",
            (
                *_APP,
                "server",
                "response_code",
                "verb",
                "resource_kind",
                "resource_namespace",
                "dry_run",
            ),
            registry=registry,
        )
        self._passes = Histogram(
            "argocd_app_reconcile",
            "Seconds that comparisons of applications took.",
            ("namespace", "dest_server"),
            buckets=_PASS_SECONDS,
            registry=registry,
        )

    def _clusters(self, registry: CollectorRegistry) -> None:
        self._heard = Counter(
            "argocd_cluster_events_total",
            "Objects that clusters told of.",
            ("server", "group", "kind"),
            registry=registry,
        )
        self._batch_seconds = Histogram(
            "argocd_resource_events_processing",
            "Seconds that a batch of live changes took.",
            ("server",),
            buckets=_PASS_SECONDS,
            registry=registry,
        )
        self._batch_size = Gauge(
            "argocd_resource_events_processed_in_batch",
            "Live changes in the last batch.",
            ("server",),
            registry=registry,
        )

    def _requests(self, registry: CollectorRegistry) -> None:
        self._applied = Counter(
            "argocd_kubectl_exec_total",
            "Writes of desired objects.",
            ("hostname", "command"),
            registry=registry,
        )
        self._pending = Gauge(
            "argocd_kubectl_exec_pending",
            "Writes of desired objects that are under way.",
            ("hostname", "command"),
            registry=registry,
        )
        self._results = Counter(
            "argocd_kubectl_requests_total",
            "Requests to API servers by answer.",
            ("host", "method", "code"),
            registry=registry,
        )
        at = ("host", "verb")
        self._seconds = Histogram(
            "argocd_kubectl_request_duration_seconds",
            "Seconds that requests to API servers took.",
            at,
            buckets=_REQUEST_SECONDS,
            registry=registry,
        )
        self._sent = Histogram(
            "argocd_kubectl_request_size_bytes",
            "Bytes of requests to API servers.",
            at,
            buckets=_BYTES,
            registry=registry,
        )
        self._received = Histogram(
            "argocd_kubectl_response_size_bytes",
            "Bytes of answers of API servers.",
            at,
            buckets=_BYTES,
            registry=registry,
        )

    def _redis(self, registry: CollectorRegistry) -> None:
        """In one process there is none: it is asked nothing, and that is what is told."""
        labels = ("hostname", "initiator")
        counted = Counter(
            "argocd_redis_request_total",
            "Requests to Redis.",
            (*labels, "failed"),
            registry=registry,
        )
        counted.labels(self._hostname, _INITIATOR, "false")
        Histogram(
            "argocd_redis_request_duration",
            "Seconds that requests to Redis took.",
            labels,
            registry=registry,
        ).labels(self._hostname, _INITIATOR)

    def reconciled(self, namespace: str, server: str, seconds: float) -> None:
        self._passes.labels(namespace, server).observe(seconds)

    def synced(self, app: AppLabels, phase: str, *, dry_run: bool, seconds: float) -> None:
        labels = (app.namespace, app.name, app.project, app.server)
        self._sync.labels(*labels, phase, _word(yes=dry_run)).inc()
        self._sync_seconds.labels(*labels).inc(max(seconds, 0.0))

    def requested(self, request: KubeRequest, app: AppLabels | None) -> None:
        self._result(request.server, request.method, request.code).inc()
        if request.verb is not KubeVerb.WATCH:
            # A watch has no end that would say something of the server.
            seconds, sent, received = self._answer(request.server, request.verb)
            seconds.observe(request.seconds)
            sent.observe(request.sent)
            received.observe(request.received)
        if app is not None:
            self._app_requests.labels(
                app.namespace,
                app.name,
                app.project,
                request.server,
                str(request.code),
                request.verb,
                request.resource,
                request.namespace,
                _word(yes=request.dry_run),
            ).inc()

    @cache  # noqa: B019 - there is one for the life of the process
    def _result(self, server: str, method: str, code: int) -> Counter:
        return self._results.labels(server, method, str(code) if code else "<error>")

    @cache  # noqa: B019
    def _answer(self, server: str, verb: KubeVerb) -> tuple[Histogram, Histogram, Histogram]:
        """To look the labels up costs more than to count."""
        metrics = (self._seconds, self._sent, self._received)
        seconds, sent, received = (metric.labels(server, verb) for metric in metrics)
        return seconds, sent, received

    def heard(self, server: str, group: str, kind: str) -> None:
        self._heard.labels(server, group, kind).inc()

    def handled(self, server: str, count: int, seconds: float) -> None:
        self._batch_seconds.labels(server).observe(seconds)
        self._batch_size.labels(server).set(count)

    @contextmanager
    def applying(self, command: ApplyCommand) -> Iterator[None]:
        pending = self._pending.labels(self._hostname, command)
        pending.inc()
        try:
            yield
        finally:
            pending.dec()
            self._applied.labels(self._hostname, command).inc()

    def clear(self) -> None:
        """What applications that are gone have left behind would stay for ever."""
        for metric in (self._sync, self._sync_seconds, self._app_requests, self._passes):
            metric.clear()


def _word(*, yes: bool) -> str:
    return "true" if yes else "false"
