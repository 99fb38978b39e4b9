"""The settings as the API shows them: little to who is not logged in, and secrets to nobody.

What goes out is put together field by field. Nothing is passed through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tiphys.core.settings.customizations import action_texts
from tiphys.core.settings.overrides import IgnoredStatus, IgnoreRule, ResourceOverrides
from tiphys.core.settings.settings import Settings
from tiphys.core.settings.values import document
from tiphys.core.sso.settings import DexConfig, OidcConfig, SsoSettings
from tiphys.model.errors import SettingsError
from tiphys.model.resource import GroupKind

_PLATFORMS = (
    "darwin-amd64",
    "darwin-arm64",
    "linux-amd64",
    "linux-arm64",
    "linux-ppc64le",
    "linux-s390x",
    "windows-amd64",
)
_PATTERN = "^.{8,32}$"
_CHAT = "Chat now!"
_ALL = GroupKind("*", "*")
_CRDS = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the answer is made of. `data` is argocd-cm's. `logins`: some enabled account may log
    in with a password. `replace` and `namespaces` are what the server's flags say.
    """

    data: Mapping[str, str]
    settings: Settings
    namespace: str
    logins: bool
    sso: SsoSettings | None = None
    replace: bool = True
    namespaces: bool = False


def shown_settings(shown: Shown, *, inside: bool, logged_in: bool) -> dict[str, Any]:
    """`inside`: the caller is logged in, or nobody has to be. Empty fields are left out."""
    data, settings = shown.data, shown.settings
    found: dict[str, Any] = {
        "url": _text(data, "url"),
        "dexConfig": _dex(shown.sso),
        "oidcConfig": _oidc(shown.sso),
        "appLabelKey": settings.instance_label_key,
        "resourceOverrides": override_texts(settings.overrides, data) if inside else {},
        "statusBadgeEnabled": _on(data, "statusbadge.enabled"),
        "googleAnalytics": _analytics(data),
        "kustomizeOptions": _kustomize(data, settings),
        "help": _help(data),
        "userLoginsDisabled": not shown.logins,
        "kustomizeVersions": list(settings.tools.kustomize_versions),
        "uiCssURL": _text(data, "ui.cssurl"),
        "uiBannerContent": _text(data, "ui.bannercontent") if inside else "",
        "uiBannerURL": _text(data, "ui.bannerurl") if inside else "",
        "passwordPattern": (data.get("passwordPattern") or _PATTERN) if logged_in else "",
        "trackingMethod": settings.tracking.value,
        "uiBannerPermanent": inside and _on(data, "ui.bannerpermanent"),
        "uiBannerPosition": _text(data, "ui.bannerposition") if inside else "",
        "statusBadgeRootUrl": _text(data, "statusbadge.url"),
        "execEnabled": _on(data, "exec.enabled"),
        "controllerNamespace": shown.namespace if inside else "",
        "appsInAnyNamespaceEnabled": shown.namespaces,
        "impersonationEnabled": settings.impersonation,
        "installationID": settings.installation_id,
        "additionalUrls": additional_urls(data),
        "syncWithReplaceAllowed": shown.replace,
        "uiLoginButtonText": _text(data, "ui.loginButtonText"),
        "resourceViewEnabled": not _on(data, "ui.view.resources.disabled"),
    }
    # A message by value is there even where it is empty.
    always = ("googleAnalytics", "kustomizeOptions", "help")
    return {key: value for key, value in found.items() if value or key in always}


def override_texts(overrides: ResourceOverrides, data: Mapping[str, str]) -> dict[str, Any]:
    """What is said of kinds, by `group/Kind`, in the contract's own shape: rules as YAML texts."""
    differences = {GroupKind(one.group, one.kind): one for one in overrides.ignore_differences}
    updates = {GroupKind(one.group, one.kind): one for one in overrides.ignore_updates}
    scripts = {GroupKind(one.group, one.kind): one for one in overrides.health}
    actions = action_texts(data)
    everywhere = {IgnoredStatus.ALL: _ALL, IgnoredStatus.CRD: _CRDS}.get(overrides.ignored_status)
    types: dict[GroupKind, list[dict[str, str]]] = {}
    for known in overrides.known_types:
        kind = GroupKind(known.group, known.kind)
        types.setdefault(kind, []).append({"field": known.field, "type": known.type})
    kinds = {*differences, *updates, *scripts, *actions, *types}
    if everywhere is not None:
        kinds.add(everywhere)
    found: dict[str, Any] = {}
    for kind in kinds:
        entry: dict[str, Any] = {}
        if (script := scripts.get(kind)) is not None:
            entry["health.lua"] = script.script
            if script.open_libs:
                entry["health.lua.useOpenLibs"] = True
        if actions.get(kind):
            entry["actions"] = actions[kind]
        entry["ignoreDifferences"] = _rule(differences.get(kind), status=kind == everywhere)
        entry["ignoreResourceUpdates"] = _rule(updates.get(kind), status=False)
        if kind in types:
            entry["knownTypeFields"] = types[kind]
        found[f"{kind.group}/{kind.kind}" if kind.group else kind.kind] = entry
    return dict(sorted(found.items()))


def additional_urls(data: Mapping[str, str]) -> list[str]:
    try:
        found = document("additionalUrls", data.get("additionalUrls") or "")
    except SettingsError:
        # Whoever is to log in is not the one to be told.
        return []
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _rule(rule: IgnoreRule | None, *, status: bool) -> str:
    rule = rule or IgnoreRule()
    pointers = list(rule.json_pointers)
    if status and "/status" not in pointers:
        pointers.append("/status")
    fields = {
        "jqPathExpressions": list(rule.jq_path_expressions) or None,
        "jsonPointers": pointers or None,
        "managedFieldsManagers": list(rule.managed_fields_managers) or None,
    }
    return str(yaml.safe_dump(fields, width=float("inf")))


def _analytics(data: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if _text(data, "ga.trackingid"):
        found["trackingID"] = _text(data, "ga.trackingid")
    if data.get("ga.anonymizeusers") != "false":
        found["anonymizeUsers"] = True
    return found


def _kustomize(data: Mapping[str, str], settings: Settings) -> dict[str, Any]:
    versions = []
    for name in settings.tools.kustomize_versions:
        path = data.get(f"kustomize.path.{name}") or data.get(f"kustomize.version.{name}") or ""
        options = _text(data, f"kustomize.buildOptions.{name}")
        versions.append({"Name": name, "Path": path, "BuildOptions": options})
    return {
        "BuildOptions": settings.tools.kustomize_build_options,
        "BinaryPath": "",
        "Versions": versions or None,
    }


def _help(data: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if url := _text(data, "help.chatUrl"):
        found = {"chatUrl": url, "chatText": _text(data, "help.chatText") or _CHAT}
    binaries = {
        platform: url
        for platform in _PLATFORMS
        if (url := _text(data, f"help.download.{platform}"))
    }
    return {**found, "binaryUrls": binaries} if binaries else found


def _dex(sso: SsoSettings | None) -> dict[str, Any]:
    if sso is None or not isinstance(sso.provider, DexConfig):
        return {}
    # Only names and types: what opens a connector stands beside them.
    connectors = [{"name": name, "type": kind} for name, kind in sso.provider.connectors]
    return _given(connectors=connectors, dexAuthConnectorID=sso.provider.connector)


def _oidc(sso: SsoSettings | None) -> dict[str, Any]:
    if sso is None or not isinstance(sso.provider, OidcConfig):
        return {}
    oidc = sso.provider
    return _given(
        name=oidc.name,
        issuer=oidc.issuer,
        clientID=oidc.client_id,
        cliClientID=oidc.cli_client_id,
        scopes=list(oidc.scopes),
        idTokenClaims=_claims(oidc.id_token_claims),
        enablePKCEAuthentication=oidc.pkce,
    )


def _claims(claims: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, claim in sorted(claims.items()):
        fields = claim if isinstance(claim, dict) else {}
        value, values = fields.get("value"), fields.get("values")
        found[name] = _given(
            essential=fields.get("essential") is True,
            value=value if isinstance(value, str) else "",
            values=[str(one) for one in values] if isinstance(values, list) else [],
        )
    return found


def _given(**fields: Any) -> dict[str, Any]:
    """Without what is empty."""
    return {key: value for key, value in fields.items() if value}


def _text(data: Mapping[str, str], key: str) -> str:
    return data.get(key) or ""


def _on(data: Mapping[str, str], key: str) -> bool:
    return data.get(key) == "true"
