"""Settings of the contract that this version does not honour.

Two sorts: those that would change what is applied, pruned or judged are refused; the rest would
change speed, words or metrics, and is said once at the start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain

Data = Mapping[str, str]
_Rule = Callable[[str], bool]
"""Whether a value asks for something that there is not."""


def _set(value: str) -> bool:
    return value.strip() not in ("", "{}", "[]")


def _on(value: str) -> bool:
    return value.strip().lower() in ("true", "1", "t")


def _off(value: str) -> bool:
    return value.strip().lower() in ("false", "0", "f")


def _not(*accepted: str) -> _Rule:
    return lambda value: value.strip() not in ("", *accepted)


def _label_tracking(value: str) -> bool:
    # Any other word means annotation.
    return value.strip() in ("label", "annotation+label")


_COMPARE_DEFAULTS = {
    "ignoreAggregatedRoles: false",
    "ignoreResourceStatusField: all",
    "ignoreDifferencesOnResourceUpdates: true",
}


def _compare_options(value: str) -> bool:
    lines = {line.strip() for line in value.splitlines()} - {""}
    return not lines <= _COMPARE_DEFAULTS


_REFUSED_GENERAL: dict[str, _Rule] = {
    "application.resourceTrackingMethod": _label_tracking,
    "installationID": _set,
    "application.sync.impersonation.enabled": _on,
    "cluster.inClusterEnabled": _off,
    "resource.compareoptions": _compare_options,
    "resource.customizations": _set,
    "resource.respectRBAC": _set,
    "helm.enable": _off,
    "kustomize.enable": _off,
    "kustomize.buildOptions": _set,
}
_REFUSED_PREFIXES = (
    "resource.customizations.health.",
    "resource.customizations.ignoreDifferences.",
    "resource.customizations.knownTypeFields.",
)
_REFUSED_PARAMS: dict[str, _Rule] = {
    "application.namespaces": _set,
    "controller.diff.server.side": _on,
}
_SAID_GENERAL: dict[str, _Rule] = {
    "application.allowedNodeLabels": _set,
    "resource.customLabels": _set,
    "resource.excludeEventLabelKeys": _set,
    "resource.ignoreResourceUpdatesEnabled": _off,
    "resource.includeEventLabelKeys": _set,
    "sourceHydrator.commitMessageTemplate": _set,
}
_SAID_PREFIXES = (
    "kustomize.buildOptions.",
    "kustomize.path.",
    "kustomize.version.",
    "resource.customizations.actions.",
    "resource.customizations.ignoreResourceUpdates.",
    "resource.customizations.useOpenLibs.",
)
_SAID_PARAMS: dict[str, _Rule] = {
    "controller.metrics.application.conditions": _set,
    "controller.metrics.application.labels": _set,
    "controller.metrics.cluster.labels": _set,
    "controller.profile.enabled": _on,
    "controller.sharding.algorithm": _not("legacy"),
    "hydrator.enabled": _on,
    "otlp.address": _set,
}


def unsupported_settings(data: Data) -> list[str]:
    """The keys of either ConfigMap whose values ask for what this version does not do, sorted."""
    rules = {**_REFUSED_GENERAL, **_REFUSED_PARAMS, **_SAID_GENERAL, **_SAID_PARAMS}
    prefixes = (*_REFUSED_PREFIXES, *_SAID_PREFIXES)
    return sorted(_matching(data, rules, prefixes))


def refused_settings(general: Data, params: Data) -> Iterator[tuple[str, str]]:
    """Keys that must not be passed over, with the reason."""
    keys = chain(
        _matching(general, _REFUSED_GENERAL, _REFUSED_PREFIXES),
        _matching(params, _REFUSED_PARAMS, ()),
    )
    yield from ((key, "is not supported by this version of Tiphys") for key in keys)


def _matching(data: Data, rules: Mapping[str, _Rule], prefixes: tuple[str, ...]) -> Iterator[str]:
    for key, value in data.items():
        asked = rules[key](value) if key in rules else bool(prefixes) and key.startswith(prefixes)
        if asked and (key in rules or _set(value)):
            yield key
