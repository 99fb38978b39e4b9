"""What the flags of specflags make of a spec.

A flag that is not given leaves its field alone, so that a file's spec can be changed by flags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tiphys.cli.app.specflags import SPEC_FLAGS
from tiphys.cli.app.specpolicy import apply_policy
from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError

Spec = dict[str, Any]

# Flags that set one field as it is: (flag, block of the source or none, field).
_TEXTS = (
    ("repo", "", "repoURL"),
    ("path", "", "path"),
    ("revision", "", "targetRevision"),
    ("helm-chart", "", "chart"),
    ("ref", "", "ref"),
    ("tag-prefix", "", "tagPrefix"),
    ("source-name", "", "name"),
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
# These can be turned on by flags, never off.
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
)
_DIRECTORY_SWITCHES = (
    ("directory-recurse", "directory", "recurse"),
    ("directory-disable-extension-filter", "directory", "disableExtensionFilter"),
)
_MAPS = (
    ("kustomize-common-annotation", "kustomize", "commonAnnotations"),
    ("kustomize-common-label", "kustomize", "commonLabels"),
)
_JSONNET = (
    ("jsonnet-tla-str", "tlas", False),
    ("jsonnet-tla-code", "tlas", True),
    ("jsonnet-ext-var-str", "extVars", False),
    ("jsonnet-ext-var-code", "extVars", True),
)
_HYDRATOR = (
    ("dry-source-repo", "drySource", "repoURL"),
    ("dry-source-path", "drySource", "path"),
    ("dry-source-revision", "drySource", "targetRevision"),
    ("sync-source-branch", "syncSource", "targetBranch"),
    ("sync-source-path", "syncSource", "path"),
    ("hydrate-to-branch", "hydrateTo", "targetBranch"),
)
_DESTINATION = (("dest-server", "server"), ("dest-name", "name"), ("dest-namespace", "namespace"))
_TOOLS = {"helm": "Helm", "kustomize": "Kustomize", "directory": "Directory", "plugin": "Plugin"}
_PARAMETERS = (("parameter", False), ("helm-set", False), ("helm-set-string", True))


def asked(call: Call) -> bool:
    """Whether any flag says something of a spec."""
    return any(call.given(flag.name) for flag in SPEC_FLAGS)


def apply_flags(
    call: Call,
    spec: Mapping[str, Any],
    *,
    index: int | None = None,
    source_type: str = "",
    literal: Mapping[str, Any] | None = None,
) -> Spec:
    """The spec with what the given flags set.

    `index` is the source that is meant where there are several; without one they stay as they
    are. `source_type` is the tool that the last comparison found, and `literal` what stands in
    the file of `--values-literal-file`.
    """
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
    if hydrates(call):
        changed["sourceHydrator"] = _hydrator(call, changed.get("sourceHydrator") or {})
    elif not changed.get("sources"):
        present = changed.get("source") or {}
        changed["source"] = apply_source_flags(call, present, source_type, literal)
    elif index is not None:
        sources = list(changed["sources"])
        sources[index] = apply_source_flags(call, sources[index], source_type, literal)
        changed["sources"] = sources
    policy = apply_policy(call, changed.get("syncPolicy") or {})
    changed.pop("syncPolicy", None)
    return {**changed, "syncPolicy": policy} if policy else changed


def hydrates(call: Call) -> bool:
    """Whether the flags speak of the hydrator; those of a plain source are passed over then."""
    return any(call.given(flag) for flag, _, _ in _HYDRATOR)


def apply_source_flags(
    call: Call,
    source: Mapping[str, Any],
    source_type: str = "",
    literal: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    changed = dict(source)
    _plain(call, changed, _TEXTS, call.text)
    _plain(call, changed, _LISTS, lambda flag: list(call.texts(flag)))
    _plain(call, changed, [row for row in _SWITCHES if call.yes(row[0])], call.yes)
    _plain(call, changed, _DIRECTORY_SWITCHES, call.yes)
    _plain(call, changed, _MAPS, lambda flag: pairs(call.texts(flag), flag))
    if literal is not None:
        helm = changed.get("helm") or {}
        kept = {key: value for key, value in helm.items() if key != "values"}
        changed["helm"] = {**kept, "valuesObject": dict(literal)}
    _parameters(call, changed, source_type)
    _kustomize(call, changed)
    _jsonnet(call, changed)
    _plugin(call, changed)
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


def image_name(image: str) -> str:
    """What an image is known by: all before `=`, `:` or `@`."""
    for separator in "=@:":
        if separator in image:
            return image.split(separator, 1)[0]
    return image


def _plain(
    call: Call,
    source: dict[str, Any],
    rows: Iterable[tuple[str, str, str]],
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


def _parameters(call: Call, source: dict[str, Any], source_type: str) -> None:
    explicit = [tool for block, tool in _TOOLS.items() if source.get(block)]
    if call.given("parameter") and (explicit or [source_type or "Helm"]) != ["Helm"]:
        raise FatalError("Parameters can only be set against Helm applications", code=1)
    helm = source.get("helm") or {}
    parameters = {item.get("name"): item for item in helm.get("parameters") or ()}
    for flag, force in _PARAMETERS:
        for name, value in pairs(call.texts(flag), f"--{flag}").items():
            item: dict[str, Any] = {"name": name, "value": _escaped(value)}
            parameters[name] = {**item, "forceString": True} if force else item
    if any(call.given(flag) for flag, _ in _PARAMETERS):
        _set(source, "helm", "parameters", list(parameters.values()))
    if call.given("helm-set-file"):
        files = {item.get("name"): item for item in helm.get("fileParameters") or ()}
        for name, path in pairs(call.texts("helm-set-file"), "--helm-set-file").items():
            files[name] = {"name": name, "path": path}
        _set(source, "helm", "fileParameters", list(files.values()))


def _escaped(value: str) -> str:
    """Helm would take a bare comma for the end of the value."""
    return value.replace("\\,", ",").replace(",", "\\,")


def _kustomize(call: Call, source: dict[str, Any]) -> None:
    """Images and replicas take the place of those that are named like them."""
    block = source.get("kustomize") or {}
    if call.given("kustomize-image"):
        images = {image_name(image): image for image in block.get("images") or ()}
        images |= {image_name(image): image for image in call.texts("kustomize-image")}
        _set(source, "kustomize", "images", list(images.values()))
    if call.given("kustomize-replica"):
        replicas = {item.get("name"): item for item in block.get("replicas") or ()}
        for name, count in pairs(call.texts("kustomize-replica"), "kustomize-replica").items():
            replicas[name] = {"name": name, "count": int(count) if count.isdigit() else count}
        _set(source, "kustomize", "replicas", list(replicas.values()))


def _jsonnet(call: Call, source: dict[str, Any]) -> None:
    if not any(call.given(flag) for flag in (*(row[0] for row in _JSONNET), "jsonnet-libs")):
        return
    directory = source.get("directory") or {}
    jsonnet = dict(directory.get("jsonnet") or {})
    for flag, field, code in _JSONNET:
        for name, value in pairs(call.texts(flag), f"--{flag}").items():
            item: dict[str, Any] = {"name": name, "value": value}
            jsonnet[field] = [*jsonnet.get(field, ()), {**item, "code": True} if code else item]
    if call.given("jsonnet-libs"):
        jsonnet["libs"] = [*jsonnet.get("libs", ()), *call.texts("jsonnet-libs")]
    source["directory"] = {**directory, "jsonnet": jsonnet}


def _plugin(call: Call, source: dict[str, Any]) -> None:
    if call.given("config-management-plugin"):
        source["plugin"] = {"name": call.text("config-management-plugin")}
    if call.given("plugin-env"):
        plugin = source.get("plugin") or {}
        env = {item.get("name"): item for item in plugin.get("env") or ()}
        for name, value in pairs(call.texts("plugin-env"), "--plugin-env").items():
            env[name] = {"name": name, "value": value}
        source["plugin"] = {**plugin, "env": list(env.values())}


def _hydrator(call: Call, present: Mapping[str, Any]) -> dict[str, Any]:
    changed = dict(present)
    for flag, block, field in _HYDRATOR:
        if call.given(flag):
            changed[block] = {**(changed.get(block) or {}), field: call.text(flag)}
    return changed
