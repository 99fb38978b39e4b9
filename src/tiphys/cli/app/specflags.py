"""The flags of `app create` and what each sets in the spec.

A flag that is not given leaves its field alone, so that a file's spec can be changed by flags.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import Flag, FlagKind, later, text, texts, yes

Spec = dict[str, Any]

_LATER = (
    *(
        later(name)
        for name in (
            "config-management-plugin",
            "dry-source-path",
            "dry-source-repo",
            "dry-source-revision",
            "env",
            "helm-chart",
            "hydrate-to-branch",
            "ref",
            "source-name",
            "sync-source-branch",
            "sync-source-path",
            "tag-prefix",
        )
    ),
    *(
        later(name, FlagKind.STRINGS)
        for name in (
            "jsonnet-ext-var-code",
            "jsonnet-ext-var-str",
            "jsonnet-libs",
            "jsonnet-tla-code",
            "jsonnet-tla-str",
            "plugin-env",
        )
    ),
)
SPEC_FLAGS = (
    yes("allow-empty", "Let automated syncs delete everything"),
    yes("auto-prune", "Let automated syncs delete what is no longer in the source"),
    text("dest-name", "The cluster to deploy to, by its name"),
    text("dest-namespace", "The namespace of objects that name none"),
    text("dest-server", "The cluster to deploy to, by its server"),
    yes("directory-disable-extension-filter", "Read files of any extension"),
    text("directory-exclude", "Files to leave out, as a glob"),
    text("directory-include", "Files to read, as a glob"),
    yes("directory-recurse", "Read folders below the path as well"),
    texts("helm-api-versions", "An API version that charts are told of; may be repeated"),
    text("helm-kube-version", "The Kubernetes version that charts are told"),
    text("helm-namespace", "The namespace that charts are told"),
    yes("helm-pass-credentials", "Send credentials to other hosts than the repository's, too"),
    texts("helm-set", "A Helm parameter, as name=value; may be repeated"),
    texts("helm-set-file", "A Helm parameter from a file, as name=path; may be repeated"),
    texts("helm-set-string", "A Helm parameter that stays a text, as name=value"),
    yes("helm-skip-crds", "Leave out a chart's custom resource definitions"),
    yes("helm-skip-schema-validation", "Do not check values against a chart's schema"),
    yes("helm-skip-tests", "Leave out a chart's tests"),
    text("helm-version", "The version of Helm"),
    yes("ignore-missing-components", "Pass over Kustomize components that are absent"),
    yes("ignore-missing-value-files", "Pass over value files that are absent"),
    texts("kustomize-api-versions", "An API version that Kustomize tells charts of"),
    texts("kustomize-common-annotation", "An annotation for all objects, as name=value"),
    texts("kustomize-common-label", "A label for all objects, as name=value"),
    yes("kustomize-force-common-annotation", "Let common annotations replace others"),
    yes("kustomize-force-common-label", "Let common labels replace others"),
    texts("kustomize-image", "An image to put in place of another, such as web=example.com/web:v2"),
    text("kustomize-kube-version", "The Kubernetes version that Kustomize tells charts"),
    yes("kustomize-label-include-templates", "Label pod templates as well"),
    yes("kustomize-label-without-selector", "Leave selectors without common labels"),
    text("kustomize-namespace", "The namespace of all objects"),
    texts("kustomize-replica", "A number of replicas, as name=count; may be repeated"),
    text("kustomize-version", "The version of Kustomize"),
    text("nameprefix", "A Kustomize prefix for all names"),
    text("namesuffix", "A Kustomize suffix for all names"),
    texts("parameter", "The same as --helm-set", "p"),
    text("path", "The folder in the repository"),
    text("project", "The project"),
    text("release-name", "The Helm release's name"),
    text("repo", "The repository's URL"),
    text("revision", "The branch, tag or commit"),
    Flag("revision-history-limit", FlagKind.INTEGER, "How many syncs are remembered", default=10),
    yes("self-heal", "Sync, when automated, what was changed in the cluster"),
    texts("sync-option", "A sync option; one that begins with ! is taken out"),
    text("sync-policy", "none, manual, auto, automated or automatic"),
    Flag("sync-retry-backoff-duration", FlagKind.DURATION, "Wait before a retry", default="5s"),
    Flag("sync-retry-backoff-factor", FlagKind.INTEGER, "How the wait grows", default=2),
    Flag("sync-retry-backoff-max-duration", FlagKind.DURATION, "Longest wait", default="3m0s"),
    Flag("sync-retry-limit", FlagKind.INTEGER, "How often a failed sync is tried again"),
    yes("sync-retry-refresh", "Retry with the latest revision"),
    texts("values", "A Helm value file; may be repeated"),
    text("values-literal-file", "A file or URL whose content becomes the Helm values"),
    *_LATER,
)

# Flags that set one field as it is: (flag, block of the source or none, field).
_TEXTS = (
    ("repo", "", "repoURL"),
    ("path", "", "path"),
    ("revision", "", "targetRevision"),
    ("release-name", "helm", "releaseName"),
    ("helm-version", "helm", "version"),
    ("helm-namespace", "helm", "namespace"),
    ("helm-kube-version", "helm", "kubeVersion"),
    ("nameprefix", "kustomize", "namePrefix"),
    ("namesuffix", "kustomize", "nameSuffix"),
    ("kustomize-version", "kustomize", "version"),
    ("kustomize-namespace", "kustomize", "namespace"),
    ("kustomize-kube-version", "kustomize", "kubeVersion"),
    ("directory-include", "directory", "include"),
    ("directory-exclude", "directory", "exclude"),
)
_LISTS = (
    ("values", "helm", "valueFiles"),
    ("helm-api-versions", "helm", "apiVersions"),
    ("kustomize-api-versions", "kustomize", "apiVersions"),
)
_SWITCHES = (
    ("ignore-missing-value-files", "helm", "ignoreMissingValueFiles"),
    ("helm-pass-credentials", "helm", "passCredentials"),
    ("helm-skip-crds", "helm", "skipCrds"),
    ("helm-skip-tests", "helm", "skipTests"),
    ("helm-skip-schema-validation", "helm", "skipSchemaValidation"),
    ("ignore-missing-components", "kustomize", "ignoreMissingComponents"),
    ("kustomize-force-common-annotation", "kustomize", "forceCommonAnnotations"),
    ("kustomize-force-common-label", "kustomize", "forceCommonLabels"),
    ("kustomize-label-include-templates", "kustomize", "labelIncludeTemplates"),
    ("kustomize-label-without-selector", "kustomize", "labelWithoutSelector"),
    ("directory-recurse", "directory", "recurse"),
    ("directory-disable-extension-filter", "directory", "disableExtensionFilter"),
)
_MAPS = (
    ("kustomize-common-annotation", "kustomize", "commonAnnotations"),
    ("kustomize-common-label", "kustomize", "commonLabels"),
)
_DESTINATION = (("dest-server", "server"), ("dest-name", "name"), ("dest-namespace", "namespace"))
_AUTOMATED = (("auto-prune", "prune"), ("self-heal", "selfHeal"), ("allow-empty", "allowEmpty"))


def apply_flags(call: Call, spec: Mapping[str, Any]) -> Spec:
    """The spec with what the given flags set. `--values-literal-file` is not among them."""
    changed: Spec = dict(spec)
    if call.given("project"):
        changed["project"] = call.text("project")
    if call.given("revision-history-limit"):
        changed["revisionHistoryLimit"] = call.number("revision-history-limit")
    destination = dict(changed.get("destination") or {})
    for flag, field in _DESTINATION:
        if call.given(flag):
            destination[field] = call.text(flag)
    changed["destination"] = destination
    # With several sources the flags would not say which one they mean.
    if not changed.get("sources"):
        changed["source"] = apply_source_flags(call, changed.get("source") or {})
    policy = _policy(call, changed.get("syncPolicy") or {})
    changed.pop("syncPolicy", None)
    return {**changed, "syncPolicy": policy} if policy else changed


def apply_source_flags(call: Call, source: Mapping[str, Any]) -> dict[str, Any]:
    changed = dict(source)
    _plain(call, changed, _TEXTS, call.text)
    _plain(call, changed, _LISTS, lambda flag: list(call.texts(flag)))
    # Switches can be turned on by flags, never off.
    on = [row for row in _SWITCHES if call.yes(row[0])]
    _plain(call, changed, on, call.yes)
    _plain(call, changed, _MAPS, lambda flag: pairs(call.texts(flag), flag))
    _parameters(call, changed)
    if call.given("kustomize-image"):
        images = merge_images((changed.get("kustomize") or {}).get("images") or (), call)
        _set(changed, "kustomize", "images", images)
    if call.given("kustomize-replica"):
        replicas = [
            {"name": name, "count": int(count) if count.isdigit() else count}
            for name, count in pairs(call.texts("kustomize-replica"), "kustomize-replica").items()
        ]
        _set(changed, "kustomize", "replicas", replicas)
    return changed


def pairs(given: tuple[str, ...], what: str) -> dict[str, str]:
    """`name=value` texts as a map."""
    found: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals:
            raise FatalError(f"{what} should have key=value, but instead got: {item}")
        found[name] = value
    return found


def merge_images(present: tuple[str, ...] | list[str], call: Call) -> list[str]:
    """An image takes the place of the one that it is named like."""
    merged = {_image_name(image): image for image in present}
    for image in call.texts("kustomize-image"):
        merged[_image_name(image)] = image
    return list(merged.values())


def _image_name(image: str) -> str:
    for separator in "=@:":
        if separator in image:
            return image.split(separator, 1)[0]
    return image


def _plain(
    call: Call,
    source: dict[str, Any],
    rows: Any,
    value: Callable[[str], Any],
) -> None:
    for flag, block, field in rows:
        if call.given(flag):
            _set(source, block, field, value(flag))


def _set(source: dict[str, Any], block: str, field: str, value: Any) -> None:
    if not block:
        source[field] = value
        return
    source[block] = {**(source.get(block) or {}), field: value}


def _parameters(call: Call, source: dict[str, Any]) -> None:
    helm = source.get("helm") or {}
    parameters = {item.get("name"): item for item in helm.get("parameters") or ()}
    for flag, force in (("parameter", False), ("helm-set", False), ("helm-set-string", True)):
        for name, value in pairs(call.texts(flag), f"--{flag}").items():
            item: dict[str, Any] = {"name": name, "value": _escaped(value)}
            parameters[name] = {**item, "forceString": True} if force else item
    if any(call.given(flag) for flag in ("parameter", "helm-set", "helm-set-string")):
        _set(source, "helm", "parameters", list(parameters.values()))
    if call.given("helm-set-file"):
        files = {item.get("name"): item for item in helm.get("fileParameters") or ()}
        for name, path in pairs(call.texts("helm-set-file"), "--helm-set-file").items():
            files[name] = {"name": name, "path": path}
        _set(source, "helm", "fileParameters", list(files.values()))


def _escaped(value: str) -> str:
    """Helm would take a bare comma for the end of the value."""
    return value.replace("\\,", ",").replace(",", "\\,")


def _policy(call: Call, present: Mapping[str, Any]) -> dict[str, Any]:
    policy = dict(present)
    if call.given("sync-policy"):
        match call.text("sync-policy"):
            case "none" | "manual":
                policy.pop("automated", None)
            case "auto" | "automated" | "automatic":
                policy["automated"] = {}
            case other:
                raise FatalError(f"Invalid sync-policy: {other}", code=1)
    for flag, field in _AUTOMATED:
        if call.given(flag):
            # Without a policy the switch is remembered, and nothing is automated by it.
            automated = policy.get("automated", {"enabled": False})
            policy["automated"] = {**automated, field: call.yes(flag)}
    if call.given("sync-option"):
        policy["syncOptions"] = _options(call, policy.get("syncOptions") or [])
    if call.given("sync-retry-limit"):
        _retry(call, policy)
    if call.given("sync-retry-refresh") and "retry" in policy:
        policy["retry"] = {**policy["retry"], "refresh": call.yes("sync-retry-refresh")}
    return {key: value for key, value in policy.items() if value not in (None, [])}


def _options(call: Call, present: list[str]) -> list[str]:
    options = list(present)
    for option in call.texts("sync-option"):
        taken_out = option.removeprefix("!")
        options = [item for item in options if item != taken_out]
        if option == taken_out:
            options.append(option)
    return options


def _retry(call: Call, policy: dict[str, Any]) -> None:
    limit = call.number("sync-retry-limit")
    if limit < 0:
        raise FatalError(f"Invalid sync-retry-limit [{limit}]", code=1)
    if limit == 0:
        policy.pop("retry", None)
        return
    policy["retry"] = {
        "limit": limit,
        "backoff": {
            "duration": call.text("sync-retry-backoff-duration"),
            "factor": call.number("sync-retry-backoff-factor"),
            "maxDuration": call.text("sync-retry-backoff-max-duration"),
        },
    }
