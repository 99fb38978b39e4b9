"""Counts what is asked of Git servers, under the contract's names."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class GitMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "argocd_git_request_total",
            "Requests to Git repositories.",
            ("repo", "request_type"),
            registry=registry,
        )
        self._fetch_failures = Counter(
            "argocd_git_fetch_fail_total", "Fetches that failed.", ("repo",), registry=registry
        )
        self._list_failures = Counter(
            "argocd_git_lsremote_fail_total", "Listings that failed.", ("repo",), registry=registry
        )

    def listed(self, repo: str) -> None:
        self._requests.labels(repo, "ls-remote").inc()

    def fetched(self, repo: str) -> None:
        self._requests.labels(repo, "fetch").inc()

    def list_failed(self, repo: str) -> None:
        self._list_failures.labels(repo).inc()

    def fetch_failed(self, repo: str) -> None:
        self._fetch_failures.labels(repo).inc()
