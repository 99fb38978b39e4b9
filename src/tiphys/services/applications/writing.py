"""Applications as they are written: pure steps between what was asked and what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiphys.core.app.asking import Asking
from tiphys.core.app.spec import DEFAULT_PROJECT
from tiphys.model.application import (
    Application,
    ApplicationSourceDirectory,
    ApplicationSourceHelm,
    ApplicationSourceKustomize,
    Operation,
    OperationInitiator,
    RetryStrategy,
    SyncOperation,
    SyncPolicy,
    SyncStrategy,
    SyncStrategyApply,
    decode,
    encode,
)
from tiphys.model.errors import ApiCode, ApiError, ManifestDecodeError
from tiphys.model.names import (
    API_VERSION,
    FINALIZER_RESOURCES,
    FINALIZER_RESOURCES_BACKGROUND,
    FINALIZER_RESOURCES_FOREGROUND,
)
from tiphys.model.resource import Manifest
from tiphys.model.structs import Struct
from tiphys.services.applications.values import SyncCommand

RESOURCE_FINALIZERS = (
    FINALIZER_RESOURCES,
    FINALIZER_RESOURCES_FOREGROUND,
    FINALIZER_RESOURCES_BACKGROUND,
)
_TOOLS: Mapping[str, type[Struct]] = {
    "helm": ApplicationSourceHelm,
    "kustomize": ApplicationSourceKustomize,
    "directory": ApplicationSourceDirectory,
}
_KEPT_METADATA = ("name", "labels", "annotations", "finalizers")


def for_creation(application: Application, namespace: str) -> Manifest:
    """What is stored of a new application: no operation, no status, no server's metadata."""
    raw = application.to_manifest()
    metadata = {
        key: value for key, value in raw.get("metadata", {}).items() if key in _KEPT_METADATA
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "Application",
        "metadata": {**metadata, "namespace": namespace},
        "spec": normal_spec(raw.get("spec") or {}),
    }


def normal_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A spec as it is stored: with a project, and without blocks that say nothing."""
    stored = {**spec, "project": spec.get("project") or DEFAULT_PROJECT}
    if stored.get("syncPolicy") is not None and _is_zero(stored["syncPolicy"], SyncPolicy):
        del stored["syncPolicy"]
    if stored.get("source"):
        stored["source"] = _normal_source(stored["source"])
    if stored.get("sources"):
        stored["sources"] = [_normal_source(source) for source in stored["sources"]]
    return stored


def _normal_source(source: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in source.items()
        if name not in _TOOLS or value is None or not _is_zero(value, _TOOLS[name])
    }


def _is_zero(block: Any, kind: type[Struct]) -> bool:
    try:
        return not encode(decode(block, kind, at=""))
    except ManifestDecodeError:
        # Whoever reads the whole says what is wrong with it.
        return False


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


def sync_options_of(application: Application, command: SyncCommand) -> tuple[str, ...]:
    """The command's own, or the application's."""
    policy = application.spec.sync_policy
    if command.sync_options is not None:
        return command.sync_options
    return policy.sync_options if policy else ()


def operation_of(
    application: Application, command: SyncCommand, asking: Asking, by: str = ""
) -> Operation:
    """The operation that a sync command asks for, at revisions that are already resolved."""
    spec = application.spec
    policy = spec.sync_policy
    retry = command.retry or (policy.retry if policy else None) or RetryStrategy()
    return Operation(
        sync=SyncOperation(
            revision="" if asking.several else asking.revisions[0],
            revisions=asking.revisions if asking.several else (),
            prune=command.prune,
            dry_run=command.dry_run,
            sync_strategy=command.strategy,
            resources=command.resources,
            manifests=command.manifests,
            source=None if asking.several else spec.source,
            sources=spec.sources,
            sync_options=sync_options_of(application, command),
        ),
        initiated_by=OperationInitiator(username=by),
        info=command.info,
        retry=retry,
    )


def rollback_of(
    application: Application, entry: int, *, prune: bool, dry_run: bool = False, by: str = ""
) -> Operation:
    """The operation that goes back to an entry of the history. Raises ApiError."""
    found = next((past for past in application.status.history if past.id == entry), None)
    if found is None:
        raise ApiError(
            ApiCode.INVALID_ARGUMENT,
            f"application {application.qualified_name} does not have deployment with id {entry}",
        )
    if not found.sources and not found.source.repo_url:
        raise ApiError(
            ApiCode.FAILED_PRECONDITION,
            f"deployment {entry} of {application.qualified_name} does not say its source",
        )
    policy = application.spec.sync_policy
    return Operation(
        sync=SyncOperation(
            revision=found.revision,
            revisions=found.revisions,
            prune=prune,
            dry_run=dry_run,
            sync_options=policy.sync_options if policy else (),
            sync_strategy=SyncStrategy(apply=SyncStrategyApply()),
            source=None if found.sources else found.source,
            sources=found.sources,
        ),
        initiated_by=OperationInitiator(username=by),
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
