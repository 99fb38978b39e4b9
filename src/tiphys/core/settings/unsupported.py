"""Settings of the contract that this version does not honour.

They would change speed, words or metrics, and are said once at the start. What would change what
is applied, pruned or judged is never passed over: whatever asks for it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from tiphys.core.settings.customizations import has_actions

Data = Mapping[str, str]
_Rule = Callable[[str], bool]
"""Whether a value asks for something that there is not."""


def _set(value: str) -> bool:
    return value.strip() not in ("", "{}", "[]")


def _on(value: str) -> bool:
    return value.strip().lower() in ("true", "1", "t")


def _not(*accepted: str) -> _Rule:
    return lambda value: value.strip() not in ("", *accepted)


_SAID_GENERAL: dict[str, _Rule] = {
    "application.allowedNodeLabels": _set,
    "resource.customLabels": _set,
    "resource.customizations": has_actions,
    "sourceHydrator.commitMessageTemplate": _set,
}
_SAID_PREFIXES = (
    "kustomize.buildOptions.",
    "resource.customizations.actions.",
)
_SAID_PARAMS: dict[str, _Rule] = {
    "controller.profile.enabled": _on,
    "controller.sharding.algorithm": _not("legacy"),
    "hydrator.enabled": _on,
    "otlp.address": _set,
}


def unsupported_settings(data: Data) -> list[str]:
    """The keys of either ConfigMap whose values ask for what this version does not do, sorted."""
    rules = {**_SAID_GENERAL, **_SAID_PARAMS}
    return sorted(_matching(data, rules, _SAID_PREFIXES))


def _matching(data: Data, rules: Mapping[str, _Rule], prefixes: tuple[str, ...]) -> Iterator[str]:
    for key, value in data.items():
        asked = rules[key](value) if key in rules else bool(prefixes) and key.startswith(prefixes)
        if asked and (key in rules or _set(value)):
            yield key
