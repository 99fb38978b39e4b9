"""Which live object belongs to which desired one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from tiphys.core.app.conditions import Condition
from tiphys.core.app.confirmation import removal_options
from tiphys.core.app.targets import Target, Targets
from tiphys.core.manifest.annotations import annotation, compare_options
from tiphys.core.manifest.hooks import is_hook, is_skipped
from tiphys.core.manifest.tracking import names_itself, parse_tracking_id
from tiphys.model.live import LiveObject
from tiphys.model.names import ANNOTATION_IGNORE_HEALTHCHECK
from tiphys.model.resource import Manifest, ResourceKey
from tiphys.model.status import ConditionType


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a live object's annotations say. Worth remembering by uid and resourceVersion."""

    hook: bool = False
    skipped: bool = False
    excused: bool = False
    extraneous: bool = False
    removal: frozenset[str] = frozenset()


def traits_of(manifest: Manifest) -> Traits:
    return Traits(
        hook=is_hook(manifest),
        skipped=is_skipped(manifest),
        excused=annotation(manifest, ANNOTATION_IGNORE_HEALTHCHECK) == "true",
        extraneous="IgnoreExtraneous" in compare_options(manifest),
        removal=removal_options(manifest),
    )


@dataclass(frozen=True, slots=True)
class Live:
    """A live object with what its annotations say."""

    object: LiveObject
    traits: Traits = Traits()


@dataclass(frozen=True, slots=True)
class Pair:
    """One object as it is wanted and as it is live; one of the two is there.

    `key` is the live object's, else the target's.
    `own` is the self check: whether the live object is the one that its tracking id names.
    `wave` is the target's, for a live hook that of the hook that it was made from.
    """

    key: ResourceKey
    target: Target | None
    live: Live | None
    own: bool = True
    wave: int = 0


@dataclass(frozen=True, slots=True)
class Pairing:
    """`pairs` by group, kind, namespace and name; `hooks` with what is live of them."""

    pairs: tuple[Pair, ...]
    hooks: tuple[tuple[Target, LiveObject | None], ...]
    conditions: tuple[Condition, ...]


def pair(targets: Targets, live: Iterable[Live], *, instance: str, qualified_name: str) -> Pairing:
    """`live`: every object that is tracked by the instance, and all that the targets name."""
    by_key = _without_twins({found.object.key: found for found in live}, targets.objects)
    conditions = _shared(by_key.values(), instance, qualified_name)
    left = dict(by_key)
    pairs = [_paired(target, left) for target in targets.objects]
    if _is_managed(targets.namespace, left, instance):
        pairs.append(_paired(targets.namespace, left))
    waves = {hook.key: hook.wave for hook in (*targets.delete_hooks, *targets.hooks)}
    pairs += [_unwanted(found, waves.get(key, 0)) for key, found in left.items()]
    hooks = tuple((hook, _object(by_key.get(hook.key))) for hook in targets.hooks)
    return Pairing(tuple(sorted(pairs, key=lambda entry: str(entry.key))), hooks, conditions)


def _is_managed(
    namespace: Target | None, left: Mapping[ResourceKey, Live], instance: str
) -> TypeGuard[Target]:
    """Whether the managed namespace would otherwise be one that nobody wants any more."""
    if namespace is None or namespace.key not in left:
        return False
    return left[namespace.key].object.instance == instance


def _paired(target: Target, left: dict[ResourceKey, Live]) -> Pair:
    found = left.pop(target.key, None)
    # A kind of unknown scope got a namespace on suspicion.
    if found is None and target.namespaced is None:
        found = left.pop(target.key._replace(namespace=""), None)
    own = found is None or names_itself(found.object.key, target=target.key, tracking="")
    key = found.object.key if found else target.key
    return Pair(key, target, found, own=own, wave=target.wave)


def _unwanted(found: Live, hook_wave: int) -> Pair:
    own = names_itself(found.object.key, target=None, tracking=found.object.tracking_id)
    return Pair(found.object.key, None, found, own=own, wave=hook_wave)


def _object(found: Live | None) -> LiveObject | None:
    return found.object if found else None


def _without_twins(
    live: Mapping[ResourceKey, Live], targets: Sequence[Target]
) -> dict[ResourceKey, Live]:
    """An object that is served under several groups is one object: the wanted spelling stays."""
    wanted = {target.key for target in targets}
    first: dict[str, ResourceKey] = {}
    for key, found in live.items():
        known = first.get(found.object.uid)
        if known is None or (key in wanted and known not in wanted):
            first[found.object.uid] = key
    return {
        key: found for key, found in live.items() if key in wanted or first[found.object.uid] == key
    }


def _shared(live: Iterable[Live], instance: str, qualified_name: str) -> tuple[Condition, ...]:
    found = []
    for entry in live:
        parsed = parse_tracking_id(entry.object.tracking_id)
        tracked = parsed.instance if parsed else entry.object.instance
        if tracked not in ("", instance):
            key, other = entry.object.key, tracked.replace("_", "/")
            text = f"{key.kind}/{key.name} is part of applications {qualified_name} and {other}"
            found.append(Condition(ConditionType.SHARED_RESOURCE_WARNING, text))
    return tuple(found)
