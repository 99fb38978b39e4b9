"""An object's metadata, in the order in which the contract prints it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import field

from tiphys.model.structs import Struct


class OwnerEntry(Struct, frozen=True, kw_only=True):
    """metadata.ownerReferences[] as it is written."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ManagedFieldsEntry(Struct, frozen=True, kw_only=True):
    manager: str = ""
    operation: str = ""
    api_version: str = ""
    time: str | None = None
    fields_type: str = ""
    fields_v1: Mapping[str, Any] | None = field(default=None, name="fieldsV1")
    subresource: str = ""


class Metadata(Struct, frozen=True, kw_only=True):
    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owner_references: tuple[OwnerEntry, ...] = ()
    finalizers: tuple[str, ...] = ()
    managed_fields: tuple[ManagedFieldsEntry, ...] = ()
