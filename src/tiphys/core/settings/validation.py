"""Settings as an administrator has them checked, group by group, before they are used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from tiphys.core.settings.customizations import LEGACY
from tiphys.core.settings.parse import read_settings
from tiphys.core.settings.tools import duplicate_versions, read_tools
from tiphys.core.settings.unsupported import unsupported_settings
from tiphys.core.settings.values import boolean, document, words
from tiphys.core.source.buildoptions import parse_build_options
from tiphys.model.errors import RenderError, SettingsError

Data = Mapping[str, str]
_CAPABILITIES = ("login", "apiKey")
_OVERRIDES = (LEGACY, "resource.compareoptions")


class Group(Enum):
    """In the order in which they are shown."""

    ACCOUNTS = "accounts"
    GENERAL = "general"
    KUSTOMIZE = "kustomize"
    OVERRIDES = "resource-overrides"


@dataclass(frozen=True, slots=True)
class Finding:
    """`summary` of what is good, or the first thing that is not; `notes` besides."""

    good: bool
    summary: str
    notes: tuple[str, ...] = ()


def check(group: Group, general: Data) -> Finding:
    """`general` is argocd-cm's data."""
    try:
        summary, notes = _CHECKS[group](general)
    except SettingsError as error:
        return Finding(False, str(error))
    return Finding(True, summary, notes)


def _accounts(general: Data) -> tuple[str, tuple[str, ...]]:
    """`accounts.<name>` lists what it may do, `accounts.<name>.enabled` switches it."""
    found = {"admin"}
    notes = []
    for key in sorted(general):
        prefix, _, rest = key.partition(".")
        name, _, field = rest.partition(".")
        if prefix != "accounts" or not name:
            continue
        found.add(name)
        if field == "enabled":
            boolean(key, general[key])
        elif field:
            raise SettingsError(f"{key}: unknown field {field}", key=key)
        else:
            notes += [
                f"{key}: not a capability: {word}"
                for word in words(key, general[key])
                if word not in _CAPABILITIES
            ]
    if general.get("admin.enabled"):
        boolean("admin.enabled", general["admin.enabled"])
    return f"{len(found)} accounts", tuple(notes)


def _general(general: Data) -> tuple[str, tuple[str, ...]]:
    _raise_for(general, of_overrides=False)
    notes = tuple(f"{key}: has no effect in this version" for key in unsupported_settings(general))
    for key, name in (("dex.config", "Dex"), ("oidc.config", "OIDC")):
        if general.get(key, "").strip():
            if not isinstance(document(key, general[key]), dict):
                raise SettingsError(f"{key}: is not an object", key=key)
            missing = "" if general.get("url") else " ('url' field is missing)"
            return f"{name} is configured{missing}", notes
    return "SSO is not configured", notes


def _kustomize(general: Data) -> tuple[str, tuple[str, ...]]:
    for duplicate in duplicate_versions(general):
        raise duplicate
    tools = read_tools(general, {})
    try:
        parse_build_options(tools.kustomize_build_options)
    except RenderError as error:
        raise SettingsError(str(error), key="kustomize.buildOptions") from None
    versions = len(tools.kustomize_versions)
    summary = tools.kustomize_build_options or "default options"
    return f"{summary} ({versions} versions)" if versions else summary, ()


def _overrides(general: Data) -> tuple[str, tuple[str, ...]]:
    _raise_for(general, of_overrides=True)
    overrides = read_settings(general, {}).settings.overrides
    kinds = {(one.group, one.kind) for one in overrides.health}
    kinds |= {(one.group, one.kind) for one in overrides.ignore_differences}
    kinds |= {(one.group, one.kind) for one in overrides.ignore_updates}
    kinds |= {(one.group, one.kind) for one in overrides.known_types}
    return f"{len(kinds)} resource overrides", ()


def _raise_for(general: Data, *, of_overrides: bool) -> None:
    for problem in read_settings(general, {}).problems:
        if problem.key.startswith(_OVERRIDES) is of_overrides:
            raise problem


_CHECKS = {
    Group.ACCOUNTS: _accounts,
    Group.GENERAL: _general,
    Group.KUSTOMIZE: _kustomize,
    Group.OVERRIDES: _overrides,
}
