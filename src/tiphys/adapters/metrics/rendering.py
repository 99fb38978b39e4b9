"""What the render process counts, under the contract's names."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0, 20.0)


class RenderProcessMetrics:
    """Implements services.render.serving's RenderMetrics."""

    def __init__(self, registry: CollectorRegistry, *, hostname: str) -> None:
        self._hostname = hostname
        self._pending = Gauge(
            "argocd_repo_pending_request_total",
            "Requests for manifests that are not answered yet.",
            ("repo",),
            registry=registry,
        )
        self._waited = Histogram(
            "argocd_repo_parallelism_wait_duration_seconds",
            "Seconds that renders waited for their turn.",
            buckets=_SECONDS,
            registry=registry,
        )
        labels = ("hostname", "initiator")
        self._redis = Counter(
            "argocd_redis_request_total",
            "Requests to Redis.",
            (*labels, "failed"),
            registry=registry,
        )
        self._redis_seconds = Histogram(
            "argocd_redis_request_duration",
            "Seconds that requests to Redis took.",
            labels,
            registry=registry,
        )

    def begins(self, repository: str) -> None:
        self._pending.labels(repository).inc()

    def ends(self, repository: str) -> None:
        self._pending.labels(repository).dec()

    def waited(self, seconds: float) -> None:
        self._waited.observe(seconds)

    def asked_redis(self, failed: bool, seconds: float) -> None:
        initiator = "argocd-repo-server"
        word = "true" if failed else "false"
        self._redis.labels(self._hostname, initiator, word).inc()
        self._redis_seconds.labels(self._hostname, initiator).observe(seconds)
