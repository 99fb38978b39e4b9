"""What lists of applications are filtered, sorted and counted by: taken of each version once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tiphys.core.app.spec import DEFAULT_PROJECT
from tiphys.model.resource import Manifest

_UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Facts:
    """`cluster` is the destination as it is written, name or server. `repos` are the URLs of all
    sources, the first one first.
    """

    name: str
    namespace: str
    project: str
    sync: str
    health: str
    cluster: str
    destination_namespace: str
    repos: tuple[str, ...]
    labels: Mapping[str, str]
    auto_sync: bool
    created: str
    reconciled: str

    @property
    def key(self) -> tuple[str, str]:
        return self.name, self.namespace


def facts_of(manifest: Manifest) -> Facts:
    """Of whatever somebody wrote: what has not its type reads as empty."""
    metadata, spec = _part(manifest, "metadata"), _part(manifest, "spec")
    status, destination = _part(manifest, "status"), _part(spec, "destination")
    automated = _part(spec, "syncPolicy").get("automated")
    return Facts(
        name=_text(metadata, "name"),
        namespace=_text(metadata, "namespace"),
        project=_text(spec, "project") or DEFAULT_PROJECT,
        sync=_text(_part(status, "sync"), "status") or _UNKNOWN,
        health=_text(_part(status, "health"), "status") or _UNKNOWN,
        cluster=_text(destination, "name") or _text(destination, "server"),
        destination_namespace=_text(destination, "namespace"),
        repos=tuple(_text(source, "repoURL") for source in _sources(spec)),
        labels={k: v for k, v in _part(metadata, "labels").items() if isinstance(v, str)},
        auto_sync=isinstance(automated, Mapping) and automated.get("enabled") is not False,
        created=_text(metadata, "creationTimestamp"),
        reconciled=_text(status, "reconciledAt"),
    )


def _sources(spec: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    several = spec.get("sources")
    if isinstance(several, list) and several:
        return [one for one in several if isinstance(one, Mapping)]
    return [_part(spec, "source")] if spec.get("source") else []


def _part(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    return found if isinstance(found, Mapping) else {}


def _text(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


_COUNTED = ("sync", "health", "project", "cluster", "destination_namespace", "namespace")


class Statistics:
    """How many there are of each kind; kept by difference."""

    def __init__(self) -> None:
        self.total = 0
        self.auto_sync = 0
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in _COUNTED}
        self._repos: Counter[str] = Counter()
        self._labels: Counter[tuple[str, str]] = Counter()

    def add(self, facts: Facts) -> None:
        self._change(facts, 1)

    def remove(self, facts: Facts) -> None:
        self._change(facts, -1)

    def _change(self, facts: Facts, by: int) -> None:
        self.total += by
        self.auto_sync += by if facts.auto_sync else 0
        for name, counts in self._counts.items():
            _count(counts, getattr(facts, name), by)
        for repo in set(facts.repos):
            _count(self._repos, repo, by)
        for label in facts.labels.items():
            _count(self._labels, label, by)

    def shown(self) -> dict[str, Any]:
        """As callers get it."""
        counts = {name: dict(sorted(found.items())) for name, found in self._counts.items()}
        labels: dict[str, dict[str, int]] = {}
        for (key, value), count in sorted(self._labels.items()):
            labels.setdefault(key, {})[value] = count
        return {
            "total": self.total,
            "autoSync": {"enabled": self.auto_sync, "disabled": self.total - self.auto_sync},
            "sync": counts["sync"],
            "health": counts["health"],
            "projects": counts["project"],
            "clusters": counts["cluster"],
            "destinationNamespaces": counts["destination_namespace"],
            "namespaces": counts["namespace"],
            "repos": dict(sorted(self._repos.items())),
            "labels": labels,
        }


def _count(counts: Counter[Any], key: Any, by: int) -> None:
    counts[key] += by
    if not counts[key]:
        del counts[key]
