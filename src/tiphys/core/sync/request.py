"""What a plan is made from: the operation's wishes and the pairs that the comparison found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tiphys.model.names import ANNOTATION_MIGRATION_MANAGER
from tiphys.model.operation import (
    ManagedNamespaceMetadata,
    OperationState,
    SyncOperation,
    SyncOperationResource,
)
from tiphys.model.resource import ApiResource, GroupVersionKind, Manifest, ResourceKey
from tiphys.model.status import SyncPhase

Permits = Callable[[ResourceKey, bool], str]
"""Why an object must not be touched, `` that it may; with whether its kind is namespaced."""

_CLIENT_SIDE_MANAGER = "kubectl-client-side-apply"


def everything(_key: ResourceKey, _namespaced: bool) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRequest:
    """One attempt of one operation.

    `namespace` is destination.namespace, `namespace_live` whether it exists; `namespace_object`
    is the live one, needed where `namespace_metadata` has to be applied to it, and
    `namespace_error` says why nobody knows. `revision` is empty for several sources.
    `started_at` is the operation's, RFC 3339, `attempt` its retry count.
    `kinds` answers for every kind that the sync touches: as it was asked for where the cluster
    serves it, otherwise in the version that the cluster does serve. `forced` and `skip_hooks`
    come from the strategy. `confirmed`: somebody has agreed to what Prune=confirm asks for.
    `migrate` is the manager whose client-side applies are taken over by server-side ones.
    """

    namespace: str
    revision: str
    started_at: str
    attempt: int = 0
    prune: bool = False
    dry_run: bool = False
    forced: bool = False
    skip_hooks: bool = False
    options: frozenset[str] = frozenset()
    resources: tuple[SyncOperationResource, ...] = ()
    namespace_live: bool = True
    namespace_object: Manifest | None = None
    namespace_metadata: ManagedNamespaceMetadata | None = None
    namespace_error: str = ""
    confirmed: bool = False
    migrate: str = _CLIENT_SIDE_MANAGER
    permits: Permits = everything
    kinds: Mapping[GroupVersionKind, ApiResource] = field(default_factory=dict)
    wave_delay: float = 2.0

    def stamp(self, phase: SyncPhase) -> str:
        """What a hook carries from its creation; the phase, for a hook may run in several."""
        return f"{self.started_at}/{self.attempt}/{phase}"


@dataclass(frozen=True, slots=True)
class SyncPair:
    """An object as it is wanted and as it is live. `modified`: the comparison says they differ.

    `own` is the self check: whether the live object is the application's to touch. `instance` is
    whose it said that it was.
    """

    target: Manifest | None
    live: Manifest | None = None
    modified: bool = True
    own: bool = True
    instance: str = ""


@dataclass(frozen=True, slots=True)
class HookTarget:
    """A hook in one of its phases, with the name that it has in this operation.

    `live` is its live object, None where there is none.
    """

    phase: SyncPhase
    manifest: Manifest
    live: Manifest | None = None


def request_for(
    record: OperationState,
    *,
    namespace: str,
    revision: str,
    kinds: Mapping[GroupVersionKind, ApiResource],
    namespace_live: bool = True,
    namespace_object: Manifest | None = None,
    namespace_metadata: ManagedNamespaceMetadata | None = None,
    namespace_error: str = "",
    annotations: Mapping[str, str] | None = None,
    confirmed: bool = False,
    permits: Permits = everything,
    wave_delay: float = 2.0,
) -> SyncRequest:
    """The attempt that a record describes; `annotations` are the Application's."""
    sync = record.operation.sync or SyncOperation()
    strategy = sync.sync_strategy
    apply = strategy.apply if strategy else None
    hook = strategy.hook if strategy else None
    return SyncRequest(
        namespace=namespace,
        revision=revision,
        started_at=record.started_at,
        attempt=record.retry_count,
        prune=sync.prune,
        dry_run=sync.dry_run,
        forced=bool((apply and apply.force) or (hook and hook.force)),
        skip_hooks=apply is not None,
        options=frozenset(sync.sync_options),
        resources=sync.resources,
        namespace_live=namespace_live,
        namespace_object=namespace_object,
        namespace_metadata=namespace_metadata,
        namespace_error=namespace_error,
        confirmed=confirmed,
        migrate=(annotations or {}).get(ANNOTATION_MIGRATION_MANAGER) or _CLIENT_SIDE_MANAGER,
        permits=permits,
        kinds=kinds,
        wave_delay=wave_delay,
    )


def listed(request: SyncRequest, key: ResourceKey) -> bool:
    """Whether a selective sync names the object; one that names nothing takes all."""
    return not request.resources or any(
        (item.group, item.kind, item.name) == (key.group, key.kind, key.name)
        and item.namespace in ("", key.namespace)
        for item in request.resources
    )
