"""Calls of the API and logins, as the contract's metrics name them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

_CALL = ("grpc_type", "grpc_service", "grpc_method")


class ServerMetrics:
    """Implements CallMetrics of the API's edge."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._started = Counter(
            "grpc_server_started", "Calls that began.", _CALL, registry=registry
        )
        self._handled = Counter(
            "grpc_server_handled",
            "Calls that ended, whatever way.",
            (*_CALL, "grpc_code"),
            registry=registry,
        )
        self._logins = Counter(
            "argocd_login_request", "Logins by name and password.", ("status",), registry=registry
        )

    def began(self, kind: str, method: str) -> None:
        service, _, name = method.rpartition("/")
        self._started.labels(kind, service, name).inc()

    def ended(self, kind: str, method: str, code: str) -> None:
        service, _, name = method.rpartition("/")
        self._handled.labels(kind, service, name, code).inc()

    def logged_in(self, good: bool) -> None:
        self._logins.labels("success" if good else "failure").inc()
