"""A Renderer that reads YAML-free ConfigMaps: one manifest a file, with an exact read-set."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tiphys.model.errors import RenderError
from tiphys.model.render import (
    EntryKind,
    HelmOptions,
    ReadSet,
    RenderRequest,
    RenderResult,
)
from tiphys.services.render.ports import TreeReader


class FakeRenderer:
    """Reads every file of the folder itself, looks for `extra` beside it, and counts.

    A file that begins with `broken` fails. `reads_capabilities` adds to every read-set what a
    chart would have asked of the cluster. `gate` holds renders back until it is set.
    """

    def __init__(self) -> None:
        self.requests: list[RenderRequest] = []
        self.started = asyncio.Event()
        self.reads_capabilities = ReadSet()
        self.gate = asyncio.Event()
        self.gate.set()

    async def render(self, request: RenderRequest, tree: TreeReader) -> RenderResult:
        self.requests.append(request)
        self.started.set()
        await self.gate.wait()
        prefix = f"{request.path}/" if request.path else ""
        folder = tree.read([request.path])[request.path]
        names = folder.children if folder is not None else {}
        paths = [prefix + name for name, kind in names.items() if kind is EntryKind.FILE]
        extra = f"{prefix}extra"
        manifests = tuple(_manifest(path, tree, request) for path in paths)
        missing = frozenset() if extra in paths else frozenset({extra})
        reads = replace(self.reads_capabilities, files=frozenset(paths), absent=missing)
        return RenderResult(manifests, reads)


def _manifest(path: str, tree: TreeReader, request: RenderRequest) -> dict[str, object]:
    entry = tree.read([path])[path]
    text = "" if entry is None else entry.data.decode()
    if text.startswith("broken"):
        raise RenderError(f"{path}: broken")
    data = {"text": text}
    if isinstance(request.options, HelmOptions):
        data["kube"] = request.options.kube_version
    name = path.rpartition("/")[2]
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
