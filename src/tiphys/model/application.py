"""The Application resource: the manifest as it was read, and typed views of its parts.

Each part is decoded when it is first asked for, so that a part that cannot be read does not hide
the others. The manifest itself is what is given back: fields that Tiphys does not know survive.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tiphys.model.appspec import (
    ApplicationDestination,
    ApplicationSpec,
    ResourceIgnoreDifferences,
    SyncPolicy,
    SyncPolicyAutomated,
)
from tiphys.model.appstatus import (
    AppHealthStatus,
    ApplicationCondition,
    ApplicationStatus,
    ApplicationSummary,
    ComparedTo,
    HydrateOperation,
    ResourceHealthStatus,
    ResourceStatus,
    RevisionHistory,
    SourceHydratorStatus,
    SuccessfulHydrateOperation,
    SyncStatus,
)
from tiphys.model.metadata import Metadata
from tiphys.model.names import API_VERSION
from tiphys.model.operation import (
    Backoff,
    Info,
    ManagedNamespaceMetadata,
    Operation,
    OperationInitiator,
    OperationState,
    ResourceResult,
    RetryStrategy,
    SyncOperation,
    SyncOperationResource,
    SyncOperationResult,
    SyncStrategy,
    SyncStrategyApply,
    SyncStrategyHook,
)
from tiphys.model.resource import Manifest
from tiphys.model.source import (
    ApplicationSource,
    ApplicationSourceDirectory,
    ApplicationSourceHelm,
    ApplicationSourceJsonnet,
    ApplicationSourceKustomize,
    ApplicationSourcePlugin,
    ApplicationSourcePluginParameter,
    DrySource,
    EnvEntry,
    HelmFileParameter,
    HelmParameter,
    HydrateTo,
    JsonnetVar,
    KustomizePatch,
    KustomizeReplica,
    KustomizeSelector,
    SourceHydrator,
    SyncSource,
)
from tiphys.model.structs import decode, decode_part, encode

__all__ = [
    "AppHealthStatus",
    "Application",
    "ApplicationCondition",
    "ApplicationDestination",
    "ApplicationSource",
    "ApplicationSourceDirectory",
    "ApplicationSourceHelm",
    "ApplicationSourceJsonnet",
    "ApplicationSourceKustomize",
    "ApplicationSourcePlugin",
    "ApplicationSourcePluginParameter",
    "ApplicationSpec",
    "ApplicationStatus",
    "ApplicationSummary",
    "Backoff",
    "ComparedTo",
    "DrySource",
    "EnvEntry",
    "HelmFileParameter",
    "HelmParameter",
    "HydrateOperation",
    "HydrateTo",
    "Info",
    "JsonnetVar",
    "KustomizePatch",
    "KustomizeReplica",
    "KustomizeSelector",
    "ManagedNamespaceMetadata",
    "Operation",
    "OperationInitiator",
    "OperationState",
    "ResourceHealthStatus",
    "ResourceIgnoreDifferences",
    "ResourceResult",
    "ResourceStatus",
    "RetryStrategy",
    "RevisionHistory",
    "SourceHydrator",
    "SourceHydratorStatus",
    "SuccessfulHydrateOperation",
    "SyncOperation",
    "SyncOperationResource",
    "SyncOperationResult",
    "SyncPolicy",
    "SyncPolicyAutomated",
    "SyncSource",
    "SyncStatus",
    "SyncStrategy",
    "SyncStrategyApply",
    "SyncStrategyHook",
    "decode",
    "encode",
]

KIND = "Application"


@dataclass(frozen=True)
class Application:
    """One Application. The typed parts raise ManifestDecodeError where they cannot be read."""

    raw: Manifest

    @classmethod
    def from_manifest(cls, manifest: Manifest) -> Application:
        return cls(manifest)

    @classmethod
    def build(
        cls,
        metadata: Metadata,
        spec: ApplicationSpec,
        *,
        operation: Operation | None = None,
        status: ApplicationStatus | None = None,
    ) -> Application:
        """An Application from its parts, as it would be written."""
        manifest: dict[str, Any] = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": encode(metadata),
            "spec": encode(spec),
        }
        if operation is not None:
            manifest["operation"] = encode(operation)
        if status is not None:
            manifest["status"] = encode(status)
        return cls(manifest)

    def to_manifest(self) -> Manifest:
        """The manifest as it was read, unknown fields included."""
        return self.raw

    @cached_property
    def metadata(self) -> Metadata:
        return decode_part(self.raw, "metadata", Metadata)

    @cached_property
    def spec(self) -> ApplicationSpec:
        return decode_part(self.raw, "spec", ApplicationSpec)

    @cached_property
    def operation(self) -> Operation | None:
        if self.raw.get("operation") is None:
            return None
        return decode_part(self.raw, "operation", Operation)

    @cached_property
    def status(self) -> ApplicationStatus:
        """An absent status is an empty one."""
        return decode_part(self.raw, "status", ApplicationStatus)

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def namespace(self) -> str:
        return self.metadata.namespace

    @property
    def uid(self) -> str:
        return self.metadata.uid

    @property
    def qualified_name(self) -> str:
        """`<namespace>/<name>`."""
        return f"{self.namespace}/{self.name}"

    def to_json(self) -> dict[str, Any]:
        """The typed form that the contract prints: no apiVersion and kind, status always."""
        printed = {
            "metadata": encode(self.metadata),
            "spec": encode(self.spec),
            "status": encode(self.status),
        }
        if self.operation is not None:
            printed["operation"] = encode(self.operation)
        return printed
