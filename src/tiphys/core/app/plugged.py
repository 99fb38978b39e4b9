"""Whether a source lost the plugin that rendered it.

A plugin is asked whether a source is its own, and one that is not running answers nothing: the
files would decide on another tool then, and what the plugin made would be pruned.
"""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.core.app.asking import Asking
from tiphys.model.appstatus import ApplicationStatus
from tiphys.model.render import ToolKind
from tiphys.model.source import ApplicationSource

_LEFT = (
    "it was rendered by a plugin before, and no plugin that is here now is meant for it: "
    "start the plugin again, or set an option of the tool that is to render it instead"
)


def kept_types(asking: Asking, status: ApplicationStatus) -> tuple[str, ...]:
    """For each source the plugin's type where one rendered it when it was compared last, and its
    spec names no tool; otherwise ``. Empty where that is true of none.

    The status says this also while the source cannot be rendered, or it would be forgotten.
    """
    places = _plugged(status)
    kept = tuple(
        ToolKind.PLUGIN.value if not _names_tool(source) and _place(source) in places else ""
        for source in asking.sources
    )
    return kept if any(kept) else ()


def left_by_plugin(kept: Sequence[str], index: int, tool: str) -> str:
    """Why what this tool made of a source is not to be used; empty where it is."""
    plugin = ToolKind.PLUGIN.value
    left = bool(kept) and kept[index] == plugin and tool != plugin
    return _LEFT if left else ""


def _plugged(status: ApplicationStatus) -> set[tuple[str, str, str]]:
    compared = status.sync.compared_to
    sources = ((compared.source, status.source_type),)
    several = zip(compared.sources, status.source_types, strict=False)
    return {_place(source) for source, tool in (*sources, *several) if tool == ToolKind.PLUGIN}


def _place(source: ApplicationSource) -> tuple[str, str, str]:
    return source.repo_url, source.chart, source.path


def _names_tool(source: ApplicationSource) -> bool:
    blocks = (source.helm, source.kustomize, source.directory, source.plugin)
    return any(block is not None for block in blocks)
