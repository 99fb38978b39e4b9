"""The AppProject resource: what its applications may do, and typed views of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from msgspec import field

from tiphys.model.appspec import ApplicationDestination
from tiphys.model.metadata import Metadata
from tiphys.model.names import API_VERSION
from tiphys.model.resource import Manifest
from tiphys.model.structs import Struct, decode_part, encode

KIND = "AppProject"


class JWTToken(Struct, frozen=True, kw_only=True):
    """A token that was issued for a role; times are seconds since 1970."""

    iat: int
    exp: int = 0
    id: str = ""


class JWTTokens(Struct, frozen=True, kw_only=True):
    items: tuple[JWTToken, ...] = ()


class ProjectRole(Struct, frozen=True, kw_only=True):
    name: str
    description: str = ""
    policies: tuple[str, ...] = ()
    jwt_tokens: tuple[JWTToken, ...] = ()
    groups: tuple[str, ...] = ()


class ClusterResourceRestrictionItem(Struct, frozen=True, kw_only=True):
    """Group and kind, and perhaps the name, of cluster-scoped objects; all are globs."""

    group: str
    kind: str
    name: str = ""


class GroupKindRestriction(Struct, frozen=True, kw_only=True):
    """Group and kind of namespaced objects; both are globs."""

    group: str
    kind: str


class OrphanedResourceKey(Struct, frozen=True, kw_only=True):
    group: str = ""
    kind: str = ""
    name: str = ""


class OrphanedResourcesMonitorSettings(Struct, frozen=True, kw_only=True):
    """`warn` None means no: they are only part of the tree."""

    warn: bool | None = None
    ignore: tuple[OrphanedResourceKey, ...] = ()


class SyncWindow(Struct, frozen=True, kw_only=True):
    kind: str = ""
    schedule: str = ""
    duration: str = ""
    applications: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    manual_sync: bool = False
    time_zone: str = ""
    and_operator: bool = False
    description: str = ""
    sync_overrun: bool = False


class SignatureKey(Struct, frozen=True, kw_only=True):
    key_id: str = field(name="keyID")


class ApplicationDestinationServiceAccount(Struct, frozen=True, kw_only=True):
    server: str
    namespace: str = ""
    default_service_account: str


class SourceIntegrityGitPolicyRepo(Struct, frozen=True, kw_only=True):
    url: str


class SourceIntegrityGitPolicyGPG(Struct, frozen=True, kw_only=True):
    mode: str
    keys: tuple[str, ...]


class SourceIntegrityGitPolicy(Struct, frozen=True, kw_only=True):
    repos: tuple[SourceIntegrityGitPolicyRepo, ...]
    gpg: SourceIntegrityGitPolicyGPG


class SourceIntegrityGit(Struct, frozen=True, kw_only=True):
    policies: tuple[SourceIntegrityGitPolicy, ...]


class SourceIntegrity(Struct, frozen=True, kw_only=True):
    git: SourceIntegrityGit


class AppProjectSpec(Struct, frozen=True, kw_only=True):
    """`namespace_resource_whitelist` None allows every kind, an empty one allows none."""

    source_repos: tuple[str, ...] = ()
    destinations: tuple[ApplicationDestination, ...] = ()
    description: str = ""
    roles: tuple[ProjectRole, ...] = ()
    cluster_resource_whitelist: tuple[ClusterResourceRestrictionItem, ...] = ()
    namespace_resource_blacklist: tuple[GroupKindRestriction, ...] = ()
    orphaned_resources: OrphanedResourcesMonitorSettings | None = None
    sync_windows: tuple[SyncWindow, ...] = ()
    namespace_resource_whitelist: tuple[GroupKindRestriction, ...] | None = None
    signature_keys: tuple[SignatureKey, ...] = ()
    cluster_resource_blacklist: tuple[ClusterResourceRestrictionItem, ...] = ()
    source_namespaces: tuple[str, ...] = ()
    permit_only_project_scoped_clusters: bool = False
    destination_service_accounts: tuple[ApplicationDestinationServiceAccount, ...] = ()
    source_integrity: SourceIntegrity | None = None


class AppProjectStatus(Struct, frozen=True, kw_only=True):
    jwt_tokens_by_role: Mapping[str, JWTTokens] = field(default_factory=dict)


@dataclass(frozen=True)
class AppProject:
    """One AppProject. The typed parts raise ManifestDecodeError where they cannot be read."""

    raw: Manifest

    @classmethod
    def from_manifest(cls, manifest: Manifest) -> AppProject:
        return cls(manifest)

    @classmethod
    def build(cls, metadata: Metadata, spec: AppProjectSpec) -> AppProject:
        """An AppProject from its parts, as it would be written."""
        return cls(
            {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "metadata": encode(metadata),
                "spec": encode(spec),
            }
        )

    def to_manifest(self) -> Manifest:
        """The manifest as it was read, unknown fields included."""
        return self.raw

    @cached_property
    def metadata(self) -> Metadata:
        return decode_part(self.raw, "metadata", Metadata)

    @cached_property
    def spec(self) -> AppProjectSpec:
        return decode_part(self.raw, "spec", AppProjectSpec)

    @cached_property
    def status(self) -> AppProjectStatus:
        return decode_part(self.raw, "status", AppProjectStatus)

    @property
    def name(self) -> str:
        return self.metadata.name

    def to_json(self) -> dict[str, Any]:
        """The typed form that the contract prints: no apiVersion and kind, status always."""
        return {
            "metadata": encode(self.metadata),
            "spec": encode(self.spec),
            "status": encode(self.status),
        }
