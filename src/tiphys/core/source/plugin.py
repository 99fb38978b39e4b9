"""What a config management plugin gets to know of an application: its environment, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

import msgspec

from tiphys.core.settings.tools import ToolSettings
from tiphys.core.source.environment import BuildContext, substitute
from tiphys.core.source.generatepaths import is_glob
from tiphys.core.source.helm import plain_kube_version
from tiphys.model.render import PluginOptions
from tiphys.model.source import ApplicationSourcePlugin, ApplicationSourcePluginParameter
from tiphys.model.structs import encode

_NO_NAME = re.compile(r"[^A-Z0-9_]")


def plugin_options(
    block: ApplicationSourcePlugin | None, context: BuildContext, environment: Mapping[str, str]
) -> PluginOptions:
    """`block` is None for a plugin that was discovered: that one gets no parameters."""
    variables = {
        **environment,
        "KUBE_VERSION": plain_kube_version(context.kube_version),
        "KUBE_API_VERSIONS": ",".join(context.api_versions),
    }
    if block is None:
        return PluginOptions("", tuple(variables.items()))
    found = [*variables.items()]
    for entry in block.env:
        found.append((f"ARGOCD_ENV_{entry.name}", substitute(entry.value, dict(found))))
    found += parameter_environment(block.parameters)
    return PluginOptions(block.name, tuple(found))


def with_subtree(
    options: PluginOptions, path: str, generate_paths: Sequence[str], tools: ToolSettings
) -> PluginOptions:
    """What is sent of the repository: all of it, or the folder that holds the application's path
    and all that its manifest-generate-paths name.
    """
    narrow = tools.plugin_use_generate_paths and bool(generate_paths)
    root = _common([path, *(_literal(one) for one in generate_paths)]) if narrow else ""
    return replace(options, root=root, exclude=tools.plugin_tar_exclude)


def _literal(path: str) -> str:
    """The part of a glob before its first star."""
    return "/".join(takewhile(lambda step: not is_glob(step), path.split("/")))


def _common(paths: Sequence[str]) -> str:
    steps = zip(*(path.split("/") for path in paths), strict=False)
    return "/".join(level[0] for level in takewhile(lambda level: len(set(level)) == 1, steps))


def announcement_environment(
    block: ApplicationSourcePlugin | None, environment: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """What the command sees that tells which parameters there are: nothing of the cluster."""
    names = ("NAME", "SOURCE_REPO_URL", "SOURCE_PATH", "SOURCE_TARGET_REVISION")
    found = [(f"ARGOCD_APP_{name}", environment[f"ARGOCD_APP_{name}"]) for name in names]
    for entry in () if block is None else block.env:
        found.append((f"ARGOCD_ENV_{entry.name}", substitute(entry.value, dict(found))))
    return tuple(found)


def parameter_environment(
    parameters: tuple[ApplicationSourcePluginParameter, ...],
) -> Iterator[tuple[str, str]]:
    """All as one JSON text, and then each by itself."""
    listed = [encode(parameter) for parameter in parameters] if parameters else None
    yield "ARGOCD_APP_PARAMETERS", msgspec.json.encode(listed).decode()
    for parameter in parameters:
        name = f"PARAM_{_escaped(parameter.name)}"
        if parameter.string is not None:
            yield name, parameter.string
        for key, value in (parameter.map or {}).items():
            yield f"{name}_{_escaped(key)}", value
        for index, value in enumerate(parameter.array or ()):
            yield f"{name}_{index}", value


def _escaped(name: str) -> str:
    return _NO_NAME.sub("_", name.upper())
