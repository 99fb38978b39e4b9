"""The desired objects of an application, made ready to be compared with what is live.

What a source renders has no owner yet, may lack namespaces, may name an object twice, and holds
hooks beside the objects that are to be kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tiphys.core.app.conditions import Condition
from tiphys.core.app.confirmation import removal_options
from tiphys.core.app.spec import sync_policy
from tiphys.core.manifest.annotations import wave
from tiphys.core.manifest.hooks import (
    delete_hook_types,
    hook_phases,
    is_hook,
    is_skipped,
)
from tiphys.core.manifest.keys import deduplicate, place
from tiphys.core.manifest.tracking import Tracking, stamp, tracking_key
from tiphys.core.settings import ResourceFilter
from tiphys.model.appspec import ApplicationSpec
from tiphys.model.errors import RenderError
from tiphys.model.names import ANNOTATION_SYNC_OPTIONS
from tiphys.model.resource import GroupKind, Manifest, ResourceKey, gvk_of
from tiphys.model.status import ConditionType, SyncPhase

Scope = Callable[[GroupKind], bool | None]
"""Whether a kind is namespaced; None for a kind that the cluster does not know."""

_IDENTITY = ("name", "namespace", "generateName")
_CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A desired object with what its annotations say. `namespaced` None: nobody knows.

    `removal` are its sync options that concern how it goes.
    """

    key: ResourceKey
    manifest: Manifest
    version: str
    namespaced: bool | None
    wave: int = 0
    skipped: bool = False
    removal: frozenset[str] = frozenset()
    phases: tuple[SyncPhase, ...] = ()

    @property
    def name(self) -> str:
        """Empty where the API server is to make one up."""
        return str((self.manifest.get("metadata") or {}).get("name") or "")


@dataclass(frozen=True, slots=True)
class Targets:
    """Objects to keep, hooks to run (their `phases` say when), and what was odd about them.

    `delete_hooks` run when the application is deleted. `namespace` is the destination's, where
    the application manages its labels and annotations: it counts only where the live one is
    tracked, so that it is not taken for one that is not wanted any more.
    """

    objects: tuple[Target, ...] = ()
    hooks: tuple[Target, ...] = ()
    conditions: tuple[Condition, ...] = ()
    delete_hooks: tuple[Target, ...] = ()
    namespace: Target | None = None

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """The objects whose live state has to be known."""
        return tuple(target.key for target in (*self.objects, *self.hooks))


@dataclass(frozen=True, slots=True)
class Place:
    """Where an application's objects go: the instance that they belong to, and the cluster.

    `tracking` is how they are marked as the instance's.
    """

    instance: str
    namespace: str
    cluster: str
    tracking: Tracking = field(default_factory=Tracking)


def prepare(
    manifests: Sequence[Manifest], where: Place, scope: Scope, resources: ResourceFilter
) -> Targets:
    """From rendered manifests to targets. Depends on nothing that is live but kinds' scopes.

    Raises RenderError for one of which nobody could say which object it is.
    """
    for manifest in manifests:
        _require_identity(manifest)
    placed = [_placed(manifest, where, scope) for manifest in manifests]
    desired, repeated = deduplicate(placed)
    conditions = [
        Condition(ConditionType.REPEATED_RESOURCE_WARNING, entry.message) for entry in repeated
    ]
    objects: list[Target] = []
    hooks: list[Target] = []
    delete_hooks: list[Target] = []
    for entry in desired:
        kind = entry.key.group_kind
        target = _target(entry.key, entry.manifest, scope(kind))
        if resources.excludes(kind, where.cluster):
            conditions.append(_excluded(target))
            continue
        conditions += _problems(target)
        at_deletion = delete_hook_types(entry.manifest)
        if at_deletion:
            delete_hooks.append(target)
        if target.phases:
            hooks.append(target)
        elif not at_deletion and not is_hook(entry.manifest):
            objects.append(target)
    return Targets(tuple(objects), tuple(hooks), tuple(conditions), tuple(delete_hooks))


def managed_namespace(spec: ApplicationSpec) -> Target | None:
    """The destination's namespace as far as the application manages it; None where it does not."""
    wanted = sync_policy(spec).managed_namespace_metadata
    name = spec.destination.namespace
    if wanted is None or not name:
        return None
    options = {ANNOTATION_SYNC_OPTIONS: "ServerSideApply=true"}
    metadata: dict[str, object] = {"name": name, "annotations": {**wanted.annotations, **options}}
    if wanted.labels:
        metadata["labels"] = dict(wanted.labels)
    return Target(
        key=ResourceKey("", "Namespace", "", name),
        manifest={"apiVersion": "v1", "kind": "Namespace", "metadata": metadata},
        version="v1",
        namespaced=False,
    )


def local_manifests(texts: Sequence[str]) -> tuple[Manifest, ...]:
    """The manifests of a local sync, JSON each. Raises ValueError naming which cannot be read."""
    found: list[Manifest] = []
    for number, text in enumerate(texts, 1):
        try:
            manifest = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"manifest {number} of {len(texts)} is no JSON: {error}") from None
        if not isinstance(manifest, dict) or not manifest.get("kind"):
            raise ValueError(f"manifest {number} of {len(texts)} is no object with a kind")
        items = manifest.get("items") if str(manifest["kind"]).endswith("List") else None
        objects = items if isinstance(items, list) else [manifest]
        if not all(_is_object(one) for one in objects):
            raise ValueError(f"manifest {number} of {len(texts)} is or lists what is no object")
        found += objects
    return tuple(found)


def _require_identity(manifest: Manifest) -> None:
    meta = manifest.get("metadata")
    kind = manifest.get("kind")
    if not isinstance(meta or {}, Mapping):
        raise RenderError(f"{kind}: metadata is not an object")
    for field_name in _IDENTITY:
        value = (meta or {}).get(field_name)
        if value is not None and not isinstance(value, str):
            raise RenderError(f"{kind}: metadata.{field_name} is not a text")


def _is_object(value: object) -> bool:
    if not isinstance(value, dict) or not value.get("kind"):
        return False
    return isinstance(value.get("metadata") or {}, dict)


def _placed(manifest: Manifest, where: Place, scope: Scope) -> Manifest:
    kind = gvk_of(manifest).group_kind
    placed = place(manifest, namespaced=scope(kind), destination=where.namespace)
    # A definition that several applications bring along belongs to none of them.
    if kind == _CRD:
        return placed
    key = tracking_key(placed, where.namespace)
    return stamp(placed, where.instance, key, where.tracking)


def _target(key: ResourceKey, manifest: Manifest, namespaced: bool | None) -> Target:
    return Target(
        key=key,
        manifest=manifest,
        version=gvk_of(manifest).version,
        namespaced=namespaced,
        wave=wave(manifest),
        skipped=is_skipped(manifest),
        removal=removal_options(manifest),
        phases=hook_phases(manifest),
    )


def _excluded(target: Target) -> Condition:
    return Condition(
        ConditionType.EXCLUDED_RESOURCE_WARNING,
        f"Resource {target.key.group}/{target.key.kind} {target.key.name} "
        "is excluded in the settings",
    )


def _problems(target: Target) -> list[Condition]:
    found = []
    gvk = gvk_of(target.manifest)
    if target.namespaced and not target.key.namespace:
        text = f"{gvk.api_version}, Kind={gvk.kind}"
        found.append(
            Condition(
                ConditionType.INVALID_SPEC_ERROR, f"Namespace for {target.name} {text} is missing."
            )
        )
    return found
