"""spec.source.helm made what the chart's renderer is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tiphys.core.source.environment import BuildContext, substitute
from tiphys.core.source.refs import RefTree, mounted, referenced, require_refs
from tiphys.core.source.semver import Version
from tiphys.model.errors import RenderError
from tiphys.model.render import MOUNT, HelmOptions, HelmParameter
from tiphys.model.source import ApplicationSource, ApplicationSourceHelm

_SCHEME = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):")


@dataclass(frozen=True, slots=True)
class Files:
    """What values files and files of parameters may be: own, another source's, or remote."""

    environment: Mapping[str, str]
    schemes: tuple[str, ...]

    def resolved(self, path: str) -> str:
        """The path as the renderer takes it. Raises RenderError."""
        if MOUNT in path:
            raise RenderError(f"file '{path}' resolved to outside repository root")
        name = referenced(path, self.environment)
        if name is not None:
            return mounted(name, path, self.environment)
        text = substitute(path, self.environment)
        remote = _SCHEME.match(text)
        if remote is not None and remote["scheme"].lower() not in self.schemes:
            raise RenderError(f"the URL scheme '{remote['scheme'].lower()}' is not allowed")
        return text


def helm_options(
    source: ApplicationSource,
    context: BuildContext,
    revision: str,
    files: Files,
    refs: Mapping[str, RefTree],
) -> HelmOptions:
    """`passCredentials` is left to whoever fetches. Raises RenderError."""
    helm = source.helm or ApplicationSourceHelm()
    if helm.version not in {"", "v3", "v4"}:
        raise RenderError(f"helm version '{helm.version}' is not supported")
    require_refs(tuple(_names(helm, files.environment)), refs, source, revision)
    return HelmOptions(
        release_name=helm.release_name or context.name,
        namespace=helm.namespace or context.namespace,
        value_files=tuple(files.resolved(path) for path in helm.value_files),
        ignore_missing_value_files=helm.ignore_missing_value_files,
        values=_values(helm.values, helm.values_object),
        parameters=_parameters(helm, files.environment),
        file_parameters=tuple(
            (parameter.name, files.resolved(parameter.path)) for parameter in helm.file_parameters
        ),
        skip_crds=helm.skip_crds,
        skip_tests=helm.skip_tests,
        skip_schema_validation=helm.skip_schema_validation,
        kube_version=plain_kube_version(helm.kube_version or context.kube_version),
        api_versions=helm.api_versions or context.api_versions,
    )


def referenced_names(source: ApplicationSource, environment: Mapping[str, str]) -> set[str]:
    """The sources that a source reads files of, by the name after the `$`."""
    return set() if source.helm is None else set(_names(source.helm, environment))


def _names(helm: ApplicationSourceHelm, environment: Mapping[str, str]) -> list[str]:
    paths = [*helm.value_files, *(parameter.path for parameter in helm.file_parameters)]
    names = (referenced(path, environment) for path in paths)
    return [name for name in names if name is not None]


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
