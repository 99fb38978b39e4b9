"""Which tool renders a source: the block that its spec has, otherwise the files that are there."""

from __future__ import annotations

from collections.abc import Mapping

from tiphys.model.errors import RenderError, UnsupportedSourceError
from tiphys.model.render import EntryKind, ToolKind
from tiphys.model.source import ApplicationSource

_KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})


def choose(source: ApplicationSource, children: Mapping[str, EntryKind]) -> ToolKind:
    """`children` is what lies in the application's path itself. Raises RenderError."""
    return explicit(source) or detect(children)


def explicit(source: ApplicationSource) -> ToolKind | None:
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
    return ToolKind(present[0])


def detect(children: Mapping[str, EntryKind]) -> ToolKind:
    """The last name in byte order decides, so that Kustomize wins over Chart.yaml."""
    tool = ToolKind.DIRECTORY
    for name in sorted(children, key=str.encode):
        if children[name] is EntryKind.FOLDER:
            continue
        if name in _KUSTOMIZATIONS:
            tool = ToolKind.KUSTOMIZE
        elif name.endswith("Chart.yaml"):
            tool = ToolKind.HELM
    return tool


def refuse_overrides(instance: str, path: str, children: Mapping[str, EntryKind]) -> None:
    """Parameters kept beside the manifests would change the source: refused, never passed over."""
    for name in (".argocd-source.yaml", f".argocd-source-{instance}.yaml"):
        if children.get(name, EntryKind.FOLDER) is not EntryKind.FOLDER:
            where = f"{path}/{name}" if path else name
            raise UnsupportedSourceError(
                f"{where}: parameter overrides in the repository are not supported by this version",
                field="spec.source.path",
            )
