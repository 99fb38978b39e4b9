"""Which tool renders a source: the block that its spec has, otherwise the files that are there."""

from __future__ import annotations

from collections.abc import Mapping

from tiphys.core.settings.tools import ToolSettings
from tiphys.model.errors import RenderError
from tiphys.model.render import EntryKind, ToolKind
from tiphys.model.source import ApplicationSource

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def choose(
    source: ApplicationSource,
    children: Mapping[str, EntryKind],
    tools: ToolSettings | None = None,
) -> ToolKind:
    """`children` is what lies in the application's path itself. Raises RenderError.

    Without a block plugins are asked between the two: `explicit`, a plugin, `detect`.
    """
    return explicit(source, tools) or detect(children, tools)


def explicit(source: ApplicationSource, tools: ToolSettings | None = None) -> ToolKind | None:
    """The block that is present, an empty one too; more than one is an error."""
    blocks = {
        "Kustomize": source.kustomize,
        "Helm": source.helm,
        "Directory": source.directory,
        "Plugin": source.plugin,
    }
    present = [name for name, block in blocks.items() if block is not None]
    if len(present) > 1:
        raise RenderError(f"multiple application sources defined: {','.join(present)}")
    if not present:
        return None
    tool = ToolKind(present[0])
    return tool if _enabled(tool, tools or ToolSettings()) else ToolKind.DIRECTORY


def detect(children: Mapping[str, EntryKind], tools: ToolSettings | None = None) -> ToolKind:
    """The last name in byte order decides, so that Kustomize wins over Chart.yaml."""
    tools = tools or ToolSettings()
    found = ToolKind.DIRECTORY
    for name in sorted(children, key=str.encode):
        if children[name] is EntryKind.FOLDER:
            continue
        if name in KUSTOMIZATIONS and tools.kustomize:
            found = ToolKind.KUSTOMIZE
        elif name.endswith("Chart.yaml") and tools.helm:
            found = ToolKind.HELM
    return found


def _enabled(tool: ToolKind, tools: ToolSettings) -> bool:
    """Of the others none can be switched off."""
    switches = {ToolKind.HELM: tools.helm, ToolKind.KUSTOMIZE: tools.kustomize}
    return switches.get(tool, True)
