"""spec.source made what a renderer is asked for: everything resolved that is not in its trees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from tiphys.core.settings.tools import ToolSettings
from tiphys.core.source.buildoptions import parse_build_options
from tiphys.core.source.environment import BuildContext, build_environment, substitute
from tiphys.core.source.helm import Files, helm_options, plain_kube_version
from tiphys.core.source.kustomization import edits_key
from tiphys.core.source.paths import application_path
from tiphys.core.source.plugin import plugin_options
from tiphys.core.source.refs import RefTree
from tiphys.model.errors import RenderError
from tiphys.model.render import (
    MOUNT,
    DirectoryOptions,
    JsonnetVariable,
    KustomizeOptions,
    ToolKind,
    ToolOptions,
)
from tiphys.model.source import (
    ApplicationSource,
    ApplicationSourceDirectory,
    ApplicationSourceKustomize,
    JsonnetVar,
)

Environment = Mapping[str, str]


def options_for(
    source: ApplicationSource,
    tool: ToolKind,
    context: BuildContext,
    revision: str,
    tools: ToolSettings | None = None,
    refs: Mapping[str, RefTree] | None = None,
) -> ToolOptions:
    """`source` with its overrides, `revision` resolved, `refs` those of all sources.

    Raises RenderError.
    """
    tools = tools or ToolSettings()
    environment = build_environment(source, context, revision)
    match tool:
        case ToolKind.DIRECTORY:
            block = source.directory or ApplicationSourceDirectory()
            return _directory(block, environment, tools)
        case ToolKind.KUSTOMIZE:
            return _kustomize(source, context, environment, tools)
        case ToolKind.HELM:
            files = Files(environment, tools.values_file_schemes)
            return helm_options(source, context, revision, files, refs or {})
        case ToolKind.PLUGIN:
            return plugin_options(source.plugin, context, environment)
        case _:
            assert_never(tool)


def _directory(
    block: ApplicationSourceDirectory, environment: Environment, tools: ToolSettings
) -> DirectoryOptions:
    return DirectoryOptions(
        recurse=block.recurse,
        include=block.include,
        exclude=block.exclude,
        disable_extension_filter=block.disable_extension_filter,
        jsonnet=tools.jsonnet,
        ext_vars=_variables(block.jsonnet.ext_vars, environment),
        tlas=_variables(block.jsonnet.tlas, environment),
        libs=tuple(_library(path) for path in block.jsonnet.libs),
    )


def _variables(
    variables: tuple[JsonnetVar, ...], environment: Environment
) -> tuple[JsonnetVariable, ...]:
    return tuple(
        JsonnetVariable(one.name, substitute(one.value, environment), one.code) for one in variables
    )


def _library(path: str) -> str:
    """From the repository's root, whether it begins with a slash or not."""
    try:
        if MOUNT in path:
            raise RenderError("")
        return application_path(path.lstrip("/"))
    except RenderError:
        raise RenderError(
            f"file '{path}' resolved to outside repository root: illegal filepath"
        ) from None


def _kustomize(
    source: ApplicationSource,
    context: BuildContext,
    environment: Environment,
    tools: ToolSettings,
) -> KustomizeOptions:
    block = source.kustomize or ApplicationSourceKustomize()
    if block.version and block.version not in tools.kustomize_versions:
        raise RenderError(f"kustomize version {block.version} is not registered")
    build = parse_build_options(tools.kustomize_build_options)
    # Only charts see these: without them a cluster's versions make no difference.
    charts = build.enable_helm
    return KustomizeOptions(
        edits=edits_key(block, environment),
        enable_helm=build.enable_helm,
        unrestricted_files=build.unrestricted_files,
        reorder=build.reorder,
        kube_version=plain_kube_version(block.kube_version or context.kube_version)
        if charts
        else "",
        api_versions=(block.api_versions or context.api_versions) if charts else (),
    )
