"""From the data of argocd-cm and argocd-cmd-params-cm to Settings.

Each key is read by itself: of one that cannot be read the last good text counts on, and the
others take effect. A value that this version cannot honour, and that would change what is applied
or deleted, is a problem as well: not to know it would be worse than to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tiphys.core.settings import customizations
from tiphys.core.settings.filters import ResourceFilter, ResourceRule
from tiphys.core.settings.overrides import IgnoredStatus, ResourceOverrides
from tiphys.core.settings.settings import GlobalProject, RespectRbac, Settings, TrackingMethod
from tiphys.core.settings.tools import duplicate_versions, read_tools
from tiphys.core.settings.unsupported import unsupported_settings
from tiphys.core.settings.values import (
    boolean,
    checked,
    document,
    duration,
    duration_or_seconds,
    number,
    objects,
    texts,
    unknown_field,
    words,
)
from tiphys.model.errors import SettingsError

__all__ = ["ReadSettings", "parse_settings", "read_settings", "unsupported_settings"]

T = TypeVar("T")
Data = Mapping[str, str]
Read = Callable[[str, str], T]
"""Takes a key and its text, which is not blank."""


def _tracking(_key: str, text: str) -> TrackingMethod:
    """Any other word means annotation."""
    known = {method.value: method for method in TrackingMethod}
    return known.get(text, TrackingMethod.ANNOTATION)


def _respect_rbac(key: str, text: str) -> RespectRbac:
    try:
        return RespectRbac(text)
    except ValueError:
        raise SettingsError(f'{key}: "{text}" is neither normal nor strict', key=key) from None


def _jq_timeout(key: str, text: str) -> float:
    # Nothing may run for ever: zero means the usual limit, as in the contract.
    return duration_or_seconds(key, text) or Settings().jq_timeout


def _positive(key: str, text: str) -> float:
    found = number(key, text)
    if found < 1:
        raise SettingsError(f'{key}: "{text}" is less than one', key=key)
    return found


def _plain(_key: str, text: str) -> str:
    return text


_GENERAL: Mapping[str, tuple[str, Read[Any]]] = {
    "timeout.reconciliation": ("reconciliation", duration),
    "timeout.reconciliation.jitter": ("reconciliation_jitter", duration),
    "timeout.hard.reconciliation": ("hard_reconciliation", duration),
    "application.instanceLabelKey": ("instance_label_key", _plain),
    "application.resourceTrackingMethod": ("tracking", _tracking),
    "installationID": ("installation_id", _plain),
    "application.sync.impersonation.enabled": ("impersonation", boolean),
    "application.sync.impersonation.enforced": ("impersonation_enforced", boolean),
    "application.allowedNodeLabels": ("node_labels", words),
    "cluster.inClusterEnabled": ("in_cluster", boolean),
    "resource.ignoreResourceUpdatesEnabled": ("ignore_updates", boolean),
    "resource.respectRBAC": ("respect_rbac", _respect_rbac),
    "resource.includeEventLabelKeys": ("event_labels_include", words),
    "resource.excludeEventLabelKeys": ("event_labels_exclude", words),
    "resource.customLabels": ("custom_labels", words),
    "resource.sensitive.mask.annotations": ("masked_annotations", words),
    "webhook.maxPayloadSizeMB": ("webhook_payload", _positive),
    "webhook.refresh.jitter": ("webhook_jitter", duration),
    "webhook.refresh.jitter.threshold": ("webhook_jitter_threshold", number),
}
_PARAMS: Mapping[str, tuple[str, Read[Any]]] = {
    "application.namespaces": ("application_namespaces", words),
    "controller.diff.server.side": ("server_side_diff", boolean),
    "controller.ignore.normalizer.jq.timeout": ("jq_timeout", _jq_timeout),
    "controller.kubectl.parallelism.limit": ("apply_parallelism", number),
    "controller.operation.processors": ("operation_processors", number),
    "controller.repo.error.grace.period.seconds": ("repo_error_grace", number),
    "controller.resource.health.persist": ("health_inline", boolean),
    "controller.self.heal.backoff.cap.seconds": ("self_heal_backoff_cap", number),
    "controller.self.heal.backoff.factor": ("self_heal_backoff_factor", number),
    "controller.self.heal.backoff.timeout.seconds": ("self_heal_backoff", number),
    "controller.self.heal.timeout.seconds": ("self_heal_delay", number),
    "controller.status.processors": ("status_processors", number),
    "controller.sync.timeout.seconds": ("sync_timeout", number),
    "controller.sync.wave.delay.seconds": ("wave_delay", number),
    "server.webhook.parallelism.limit": ("webhook_workers", _positive),
    "server.webhook.refresh.workers": ("webhook_refresh_workers", _positive),
}
_WAVE_DELAY = "ARGOCD_SYNC_WAVE_DELAY"
_RULE_FIELDS = {"apiGroups": "groups", "kinds": "kinds", "clusters": "clusters"}
# What YAML 1.1 makes of a bare `off` is a boolean.
_STATUS_WORDS = {
    "": IgnoredStatus.ALL,
    "all": IgnoredStatus.ALL,
    "crd": IgnoredStatus.CRD,
    "none": IgnoredStatus.NONE,
    "off": IgnoredStatus.NONE,
    "False": IgnoredStatus.NONE,
    "false": IgnoredStatus.NONE,
}


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """Settings with what could not be read, and the texts that count, as the next read needs."""

    settings: Settings = field(default_factory=Settings)
    problems: tuple[SettingsError, ...] = ()
    general: Data = field(default_factory=dict)
    params: Data = field(default_factory=dict)


def parse_settings(general: Data, params: Data, *, wave_delay: str = "") -> Settings:
    """As `read_settings`, but raises SettingsError for the first problem."""
    read = read_settings(general, params, wave_delay=wave_delay)
    if read.problems:
        raise read.problems[0]
    return read.settings


def read_settings(
    general: Data, params: Data, *, wave_delay: str = "", last: ReadSettings | None = None
) -> ReadSettings:
    """`general` is argocd-cm's data, `params` argocd-cmd-params-cm's.

    `wave_delay` is the value of ARGOCD_SYNC_WAVE_DELAY, which beats the ConfigMap.
    """
    last = last or ReadSettings()
    one, two = _Keys(general, last.general), _Keys(params, last.params)
    found = {**one.fields(_GENERAL), **two.fields(_PARAMS)}
    if wave_delay:
        found["wave_delay"] = number(_WAVE_DELAY, wave_delay)
    settings = Settings(
        **found,
        resources=ResourceFilter(
            exclusions=one.read("resource.exclusions", _rules) or (),
            inclusions=one.read("resource.inclusions", _rules) or (),
        ),
        overrides=_overrides(one),
        global_projects=one.read("globalProjects", _global_projects) or (),
        tools=read_tools(general, params),
    )
    problems = (*duplicate_versions(general), *one.problems, *two.problems)
    return ReadSettings(settings, problems, one.taken, two.taken)


class _Keys:
    """One ConfigMap as it is read. `taken` are the texts that count, `problems` the rest's."""

    def __init__(self, data: Data, last: Data) -> None:
        self.data = data
        self._last = last
        self.taken: dict[str, str] = {}
        self.problems: list[SettingsError] = []

    def fields(self, keys: Mapping[str, tuple[str, Read[Any]]]) -> dict[str, Any]:
        read = {name: self.read(key, parse) for key, (name, parse) in keys.items()}
        return {name: value for name, value in read.items() if value is not None}

    def read(self, key: str, parse: Read[T]) -> T | None:
        """None where there is nothing. An empty value is an absent one, as in the contract."""
        text = self.data.get(key) or ""
        if not text.strip():
            return None
        try:
            value = parse(key, text.strip())
        except SettingsError as error:
            self.problems.append(error)
            if key not in self._last:
                return None
            text = self._last[key]
            value = parse(key, text.strip())
        self.taken[key] = text
        return value


def _overrides(keys: _Keys) -> ResourceOverrides:
    said = [*(keys.read(customizations.LEGACY, customizations.legacy) or ())]
    for key in sorted(keys.data):
        if key.startswith(f"{customizations.LEGACY}."):
            said += keys.read(key, customizations.split) or ()
    found = customizations.merged(said)
    return ResourceOverrides(
        ignore_differences=tuple(one.ignore_differences for one in found if one.ignore_differences),
        ignore_updates=tuple(one.ignore_updates for one in found if one.ignore_updates),
        health=customizations.health_scripts(found),
        known_types=tuple(entry for one in found for entry in one.known_types or ()),
        **(keys.read("resource.compareoptions", _compare_options) or {}),
    )


def _compare_options(key: str, text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in checked(key, document(key, text), "its value").items():
        match name:
            case "ignoreAggregatedRoles":
                found["ignore_aggregated_roles"] = boolean(key, str(value))
            case "ignoreDifferencesOnResourceUpdates":
                found["ignore_differences_on_updates"] = boolean(key, str(value))
            case "ignoreResourceStatusField" if str(value) in _STATUS_WORDS:
                found["ignored_status"] = _STATUS_WORDS[str(value)]
            case "ignoreResourceStatusField":
                raise SettingsError(f'{key}: {name}: "{value}" is not all, crd or none', key=key)
            case _:
                raise unknown_field(key, name)
    return found


def _rules(key: str, text: str) -> tuple[ResourceRule, ...]:
    return tuple(_rule(key, item) for item in objects(key, text))


def _rule(key: str, item: Mapping[str, Any]) -> ResourceRule:
    globs: dict[str, tuple[str, ...]] = {}
    for name, value in item.items():
        if name not in _RULE_FIELDS:
            raise unknown_field(key, name)
        globs[_RULE_FIELDS[name]] = texts(key, name, value)
    return ResourceRule(**globs)


def _global_projects(key: str, text: str) -> tuple[GlobalProject, ...]:
    return tuple(_global_project(key, item) for item in objects(key, text))


def _global_project(key: str, item: Mapping[str, Any]) -> GlobalProject:
    if unknown := sorted(set(item) - {"projectName", "labelSelector"}):
        raise unknown_field(key, unknown[0])
    name = item.get("projectName")
    if not isinstance(name, str):
        raise SettingsError(f"{key}: projectName is not a text", key=key)
    return GlobalProject(name, checked(key, item.get("labelSelector") or {}, "labelSelector"))
