"""What is measured: whom a count is about, and figures of what stands now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class AppLabels:
    """What every count of an application carries; `server` is its destination's URL."""

    namespace: str
    name: str
    project: str
    server: str


class ApplyCommand(StrEnum):
    """Ways of writing an object to a cluster; values are the contract's labels."""

    APPLY = "apply"
    CREATE = "create"
    REPLACE = "replace"
    AUTH = "auth"


@dataclass(frozen=True, slots=True)
class AppFigures:
    """One application as it stands. `labels` are those of the object, `conditions` the number
    of each type; `orphans` is None where its project does not look for them.
    """

    namespace: str
    name: str
    project: str
    automated: bool
    repository: str
    server: str
    destination_namespace: str
    sync: str
    health: str
    operation: str
    labels: tuple[tuple[str, str], ...]
    conditions: tuple[tuple[str, int], ...]
    orphans: int | None


@dataclass(frozen=True, slots=True)
class ClusterFigures:
    """One cluster as it stands. `age` is None where its state was never read."""

    server: str
    name: str
    version: str
    connected: bool
    kinds: int
    objects: int
    age: float | None
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsOptions:
    """Which labels and conditions are told as well; names and globs of types."""

    application_labels: tuple[str, ...] = ()
    application_conditions: tuple[str, ...] = ()
    cluster_labels: tuple[str, ...] = ()
