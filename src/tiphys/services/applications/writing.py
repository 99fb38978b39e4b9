"""Applications as they are written: pure steps between what was asked and what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiphys.core.app.spec import DEFAULT_PROJECT
from tiphys.model.application import (
    Application,
    Operation,
    OperationInitiator,
    RetryStrategy,
    SyncOperation,
    SyncStrategy,
    SyncStrategyHook,
    encode,
)
from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.names import (
    API_VERSION,
    FINALIZER_RESOURCES,
    FINALIZER_RESOURCES_BACKGROUND,
    FINALIZER_RESOURCES_FOREGROUND,
)
from tiphys.model.resource import Manifest
from tiphys.services.applications.values import SyncCommand

RESOURCE_FINALIZERS = (
    FINALIZER_RESOURCES,
    FINALIZER_RESOURCES_FOREGROUND,
    FINALIZER_RESOURCES_BACKGROUND,
)
_KEPT_METADATA = ("name", "labels", "annotations", "finalizers")


def for_creation(application: Application, namespace: str) -> Manifest:
    """What is stored of a new application: no operation, no status, no server's metadata."""
    raw = application.to_manifest()
    metadata = {
        key: value for key, value in raw.get("metadata", {}).items() if key in _KEPT_METADATA
    }
    spec = dict(raw.get("spec") or {})
    spec["project"] = spec.get("project") or DEFAULT_PROJECT
    return {
        "apiVersion": API_VERSION,
        "kind": "Application",
        "metadata": {**metadata, "namespace": namespace},
        "spec": spec,
    }


def same(wanted: Manifest, stored: Manifest) -> bool:
    """Whether spec, labels, annotations and finalizers are equal, however they are spelled."""
    return _compared(wanted) == _compared(stored)


def upserted(wanted: Manifest, stored: Manifest) -> Manifest:
    """The stored object with the wanted spec; labels and annotations are merged."""
    metadata = dict(stored["metadata"])
    for part in ("labels", "annotations"):
        merged = {**(metadata.get(part) or {}), **(wanted["metadata"].get(part) or {})}
        if merged:
            metadata[part] = merged
    metadata["finalizers"] = list(wanted["metadata"].get("finalizers") or ())
    return {**stored, "metadata": metadata, "spec": wanted["spec"]}


def with_operation(stored: Manifest, operation: Operation) -> Manifest:
    """The stored object asking for an operation; the state of the last one is gone."""
    status = {
        key: value for key, value in (stored.get("status") or {}).items() if key != "operationState"
    }
    asking = {**stored, "operation": encode(operation)}
    return {**asking, "status": status} if "status" in stored else asking


def operation_of(application: Application, command: SyncCommand, revision: str) -> Operation:
    """The operation that a sync command asks for, at a revision that is already resolved."""
    spec = application.spec
    policy = spec.sync_policy
    options = command.sync_options
    if options is None:
        options = policy.sync_options if policy else ()
    retry = command.retry or (policy.retry if policy else None) or RetryStrategy()
    return Operation(
        sync=SyncOperation(
            revision=revision,
            prune=command.prune,
            dry_run=command.dry_run,
            sync_strategy=command.strategy or SyncStrategy(hook=SyncStrategyHook()),
            resources=command.resources,
            source=spec.source,
            sync_options=options,
        ),
        initiated_by=OperationInitiator(),
        info=command.info,
        retry=retry,
    )


def deletion_finalizers(
    application: Application, *, cascade: bool, propagation: str | None
) -> tuple[str, ...] | None:
    """The finalizers that a deletion needs; None where those that are there will do.

    Raises ApiError for what cannot be asked.
    """
    present = application.metadata.finalizers
    if not cascade:
        if propagation:
            raise ApiError(
                ApiCode.INVALID_ARGUMENT,
                "cannot set propagation policy when cascading is disabled",
            )
        rest = tuple(name for name in present if name not in RESOURCE_FINALIZERS)
        return None if rest == present else rest
    finalizer = _finalizer(propagation or "")
    if finalizer in present or application.metadata.deletion_timestamp:
        return None
    return (*present, finalizer)


def _finalizer(propagation: str) -> str:
    finalizers: Mapping[str, str] = {
        "": FINALIZER_RESOURCES,
        "foreground": FINALIZER_RESOURCES_FOREGROUND,
        "background": FINALIZER_RESOURCES_BACKGROUND,
    }
    found = finalizers.get(propagation.lower())
    if found is None:
        raise ApiError(ApiCode.INVALID_ARGUMENT, f"invalid propagation policy: {propagation}")
    return found


def _compared(manifest: Manifest) -> tuple[Any, ...]:
    metadata = manifest["metadata"]
    return (
        encode(Application(manifest).spec),
        metadata.get("labels") or {},
        metadata.get("annotations") or {},
        list(metadata.get("finalizers") or ()),
    )
