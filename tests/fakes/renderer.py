"""A Renderer that reads YAML-free ConfigMaps: one manifest a file, with an exact read-set."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tiphys.model.errors import RenderError
from tiphys.model.render import (
    MOUNT,
    EntryKind,
    HelmOptions,
    ReadSet,
    Remote,
    RemoteKind,
    RemotesNeededError,
    RenderRequest,
    RenderResult,
)
from tiphys.services.render.ports import TreeReader


class FakeRenderer:
    """Reads every file of the folder itself, looks for `extra` beside it, and counts.

    A file that begins with `broken` fails, and with `warn` warns. One that is
    `remote <kind> <url> <revision> <name>` is what lies there, which may be remote again. Of a
    chart the values files are read too, also those in trees beside this one. `reads_capabilities`
    adds to every read-set what a chart would have asked of the cluster. `gate` holds renders back
    until it is set.
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
        texts = [_text(path, tree) for path in paths]
        while remotes := [one for one in map(_remote, texts) if one is not None]:
            if needed := [one for one in remotes if one not in request.mounts]:
                raise RemotesNeededError(tuple(needed))
            texts = [_mounted(one, request, tree) for one in remotes]
        values: tuple[str, ...] = ()
        if isinstance(request.options, HelmOptions):
            values = request.options.value_files
        manifests = tuple(_manifest(path, tree, request) for path in (*paths, *values))
        missing = frozenset() if extra in paths else frozenset({extra})
        files = frozenset((*paths, *values))
        reads = replace(self.reads_capabilities, files=files, absent=missing)
        warned = tuple(path for path in paths if _text(path, tree).startswith("warn"))
        return RenderResult(manifests, reads, warned)


def _text(path: str, tree: TreeReader) -> str:
    entry = tree.read([path])[path]
    return "" if entry is None else entry.data.decode()


def _remote(text: str) -> Remote | None:
    if not text.startswith("remote "):
        return None
    kind, url, revision, name = (*text.split()[1:], "", "")[:4]
    return Remote(RemoteKind(kind), url, revision, name)


def _mounted(remote: Remote, request: RenderRequest, tree: TreeReader) -> str:
    found = tree.walk(MOUNT + request.mounts[remote])
    return " ".join(entry.data.decode() for entry in found.values() if entry.data)


def _manifest(path: str, tree: TreeReader, request: RenderRequest) -> dict[str, object]:
    text = _text(path, tree)
    if text.startswith("broken"):
        raise RenderError(f"{path}: broken")
    while (remote := _remote(text)) is not None:
        text = _mounted(remote, request, tree)
    data = {"text": text}
    if isinstance(request.options, HelmOptions):
        data["kube"] = request.options.kube_version
    name = path.rpartition("/")[2]
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
