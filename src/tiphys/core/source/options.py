"""spec.source made what a renderer is asked for; what it cannot be asked for yet is refused.

A field that this version does not act on ends in an error naming it: rendering without it would
be another result than the one that was written down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, assert_never

import msgspec

from tiphys.core.source.environment import BuildContext, build_environment, substitute
from tiphys.core.source.semver import Version
from tiphys.model.errors import RenderError, UnsupportedSourceError
from tiphys.model.render import (
    DirectoryOptions,
    HelmOptions,
    HelmParameter,
    KustomizeOptions,
    ToolKind,
    ToolOptions,
)
from tiphys.model.source import (
    ApplicationSource,
    ApplicationSourceDirectory,
    ApplicationSourceHelm,
    ApplicationSourceJsonnet,
    ApplicationSourceKustomize,
)

_REMOTE = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_GLOB = re.compile(r"[*?\[]")


def unsupported_fields(source: ApplicationSource) -> Iterator[str]:
    """Paths in the spec, such as `spec.source.plugin`, that this version refuses."""
    for name, value in (("plugin", source.plugin), ("chart", source.chart), ("ref", source.ref)):
        if value:
            yield f"spec.source.{name}"
    if source.directory is not None and source.directory.jsonnet != ApplicationSourceJsonnet():
        yield "spec.source.directory.jsonnet"
    if source.kustomize is not None:
        yield from _set_fields(source.kustomize)
    if source.helm is not None:
        yield from _unsupported_helm(source.helm)


def options_for(
    source: ApplicationSource, tool: ToolKind, context: BuildContext, revision: str
) -> ToolOptions:
    """Raises UnsupportedSourceError for a refused field, RenderError for one that is wrong."""
    for field in unsupported_fields(source):
        raise UnsupportedSourceError(f"{field} is not supported by this version", field=field)
    match tool:
        case ToolKind.DIRECTORY:
            return _directory(source.directory or ApplicationSourceDirectory())
        case ToolKind.KUSTOMIZE:
            return KustomizeOptions()
        case ToolKind.HELM:
            environment = build_environment(source, context, revision)
            return _helm(source.helm or ApplicationSourceHelm(), context, environment)
        case ToolKind.PLUGIN:
            name = "spec.source.plugin"
            raise UnsupportedSourceError(f"{name} is not supported by this version", field=name)
        case _:
            assert_never(tool)


def _set_fields(block: ApplicationSourceKustomize) -> Iterator[str]:
    """A field without its zero value, by the name that it has in the spec."""
    unset = ApplicationSourceKustomize()
    for field in msgspec.structs.fields(block):
        if getattr(block, field.name) != getattr(unset, field.name):
            yield f"spec.source.kustomize.{field.encode_name}"


def _unsupported_helm(helm: ApplicationSourceHelm) -> Iterator[str]:
    if helm.pass_credentials:
        yield "spec.source.helm.passCredentials"
    if any(_is_remote(path) or _GLOB.search(path) for path in helm.value_files):
        yield "spec.source.helm.valueFiles"
    if any(_is_remote(parameter.path) for parameter in helm.file_parameters):
        yield "spec.source.helm.fileParameters"


def _is_remote(path: str) -> bool:
    """A URL, or a path in another source; a build variable at the start is neither."""
    if _REMOTE.match(path):
        return True
    first, slash, _ = path.partition("/")
    return first.startswith("$") and bool(slash) and "ARGOCD_" not in first


def _directory(block: ApplicationSourceDirectory) -> DirectoryOptions:
    return DirectoryOptions(
        recurse=block.recurse,
        include=block.include,
        exclude=block.exclude,
        disable_extension_filter=block.disable_extension_filter,
    )


def _helm(
    helm: ApplicationSourceHelm, context: BuildContext, environment: Mapping[str, str]
) -> HelmOptions:
    if helm.version not in {"", "v3", "v4"}:
        raise RenderError(f"helm version '{helm.version}' is not supported")
    return HelmOptions(
        release_name=helm.release_name or context.name,
        namespace=helm.namespace or context.namespace,
        value_files=tuple(substitute(path, environment) for path in helm.value_files),
        ignore_missing_value_files=helm.ignore_missing_value_files,
        values=_values(helm.values, helm.values_object),
        parameters=_parameters(helm, environment),
        file_parameters=tuple(
            (parameter.name, substitute(parameter.path, environment))
            for parameter in helm.file_parameters
        ),
        skip_crds=helm.skip_crds,
        skip_tests=helm.skip_tests,
        skip_schema_validation=helm.skip_schema_validation,
        kube_version=plain_kube_version(helm.kube_version or context.kube_version),
        api_versions=helm.api_versions or context.api_versions,
    )


def _parameters(
    helm: ApplicationSourceHelm, environment: Mapping[str, str]
) -> tuple[HelmParameter, ...]:
    """Of one name the last is meant; strings by force are a list of their own."""
    last = {
        (parameter.name, parameter.force_string): HelmParameter(
            parameter.name, substitute(parameter.value, environment), parameter.force_string
        )
        for parameter in helm.parameters
    }
    return tuple(last.values())


def _values(text: str, values: Mapping[str, Any] | None) -> str:
    """valuesObject beats values, even an empty one; JSON is YAML."""
    return text if values is None else msgspec.json.encode(values).decode()


def plain_kube_version(text: str) -> str:
    """`v1.36.3-gke.1` -> `1.36.3`; nothing stays nothing. Raises RenderError."""
    if not text:
        return ""
    version = Version.parse(text)
    if version is None:
        raise RenderError(f"could not parse kubernetes version {text}: Invalid Semantic Version")
    return f"{version.major}.{version.minor}.{version.patch}"
