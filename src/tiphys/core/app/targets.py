"""The desired objects of an application, made ready to be compared with what is live.

What a source renders has no owner yet, may lack namespaces, may name an object twice, and holds
hooks beside the objects that are to be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tiphys.core.app.conditions import Condition
from tiphys.core.manifest.annotations import sync_options, wave
from tiphys.core.manifest.hooks import (
    delete_hook_types,
    hook_phases,
    is_delete_hook_only,
    is_hook,
    is_skipped,
)
from tiphys.core.manifest.keys import deduplicate, place
from tiphys.core.manifest.tracking import stamp, tracking_key
from tiphys.core.settings import ResourceFilter
from tiphys.model.resource import GroupKind, Manifest, ResourceKey, gvk_of
from tiphys.model.status import ConditionType, SyncPhase

Scope = Callable[[GroupKind], bool | None]
"""Whether a kind is namespaced; None for a kind that the cluster does not know."""

_CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
CONFIRM_OPTIONS = frozenset({"Delete=confirm", "Prune=confirm"})
"""A person is asked before such an object goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A desired object with what its annotations say. `namespaced` None: nobody knows."""

    key: ResourceKey
    manifest: Manifest
    version: str
    namespaced: bool | None
    wave: int = 0
    skipped: bool = False
    confirm: bool = False
    phases: tuple[SyncPhase, ...] = ()

    @property
    def name(self) -> str:
        """Empty where the API server is to make one up."""
        return str((self.manifest.get("metadata") or {}).get("name") or "")


@dataclass(frozen=True, slots=True)
class Targets:
    """Objects to keep, hooks to run (their `phases` say when), and what was odd about them."""

    objects: tuple[Target, ...] = ()
    hooks: tuple[Target, ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """The objects whose live state has to be known."""
        return tuple(target.key for target in (*self.objects, *self.hooks))


@dataclass(frozen=True, slots=True)
class Place:
    """Where an application's objects go: the instance that they belong to, and the cluster."""

    instance: str
    namespace: str
    cluster: str


def prepare(
    manifests: Sequence[Manifest], where: Place, scope: Scope, resources: ResourceFilter
) -> Targets:
    """From rendered manifests to targets. Depends on nothing that is live but kinds' scopes."""
    placed = [_placed(manifest, where, scope) for manifest in manifests]
    desired, repeated = deduplicate(placed)
    conditions = [
        Condition(ConditionType.REPEATED_RESOURCE_WARNING, entry.message) for entry in repeated
    ]
    objects: list[Target] = []
    hooks: list[Target] = []
    for entry in desired:
        kind = entry.key.group_kind
        target = _target(entry.key, entry.manifest, scope(kind))
        if resources.excludes(kind, where.cluster):
            conditions.append(_excluded(target))
            continue
        conditions += _problems(target)
        if is_delete_hook_only(entry.manifest):
            continue
        if not is_hook(entry.manifest):
            objects.append(target)
        elif target.phases:
            hooks.append(target)
    return Targets(tuple(objects), tuple(hooks), tuple(conditions))


def _placed(manifest: Manifest, where: Place, scope: Scope) -> Manifest:
    kind = gvk_of(manifest).group_kind
    placed = place(manifest, namespaced=scope(kind), destination=where.namespace)
    # A definition that several applications bring along belongs to none of them.
    if kind == _CRD:
        return placed
    return stamp(placed, where.instance, tracking_key(placed, where.namespace))


def _target(key: ResourceKey, manifest: Manifest, namespaced: bool | None) -> Target:
    return Target(
        key=key,
        manifest=manifest,
        version=gvk_of(manifest).version,
        namespaced=namespaced,
        wave=wave(manifest),
        skipped=is_skipped(manifest),
        confirm=bool(sync_options(manifest) & CONFIRM_OPTIONS),
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
    # To run such a hook never would be to ignore it.
    if types := delete_hook_types(target.manifest):
        found.append(
            Condition(
                ConditionType.COMPARISON_ERROR,
                f"{gvk.kind}/{target.name}: hook {types[0].value} is not supported "
                "by this version of Tiphys",
            )
        )
    return found
