"""The Renderer that asks the engine, and the engine's YAML for whoever reads a user's text."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, assert_never

import orjson

from tiphys.adapters.engine import entries, frames
from tiphys.adapters.engine.binary import locate
from tiphys.adapters.engine.entries import Entries, Overlaid, Reader
from tiphys.adapters.engine.lane import Lane, LaneOptions
from tiphys.model.errors import RenderError
from tiphys.model.render import (
    DirectoryOptions,
    HelmOptions,
    JsonnetVariable,
    KustomizeOptions,
    PluginOptions,
    ReadSet,
    Remote,
    RenderRequest,
    RenderResult,
    ToolOptions,
)


class Tree(Reader, Protocol):
    """One commit's tree, read from a thread, with those beside it under paths that begin with
    MOUNT.
    """

    @property
    def commit(self) -> str: ...


class EngineRenderer:
    """Renders in engine processes of its own. Close it to end them at once."""

    def __init__(self, binary: Path | None = None, options: LaneOptions | None = None) -> None:
        self._options = options or LaneOptions()
        self._binary = binary
        self._lane: Lane | None = None

    @property
    def lane(self) -> Lane:
        if self._lane is None:
            self._lane = Lane(self._binary or locate(), self._options)
        return self._lane

    async def render(self, request: RenderRequest, tree: Tree) -> RenderResult:
        """Manifests, what was read for them and what is worth a warning.

        Raises RenderError and its kinds, and RemotesNeededError where something is named that
        `request.mounts` does not have.
        """
        limits = self._options.limits
        view: Reader = Overlaid(tree, request.overlay) if request.overlay else tree
        found, body = await asyncio.to_thread(entries.first, request, view, limits=limits)
        header = {
            "op": request.tool.lower(),
            "application": request.application,
            "path": request.path,
            "options": self._wire(request.options),
            "entries": found,
            "mounts": [_mount(remote, name) for remote, name in request.mounts.items()],
        }

        async def answer(paths: list[str], folders: list[str]) -> Entries:
            serve = partial(entries.needed, view, paths, folders, limits=limits)
            return await asyncio.to_thread(serve)

        reply = await self.lane.exchange(header, body, answer, seconds=request.deadline_seconds)
        reads = _read_set(reply.reads)
        if request.overlay:
            reads = await asyncio.to_thread(_without_overlay, reads, request.overlay, tree)
        return RenderResult(tuple(orjson.loads(reply.body)), reads, reply.warnings)

    async def decode_yaml(self, data: bytes, *, seconds: float = 30.0) -> list[dict[str, Any]]:
        """The documents of a YAML or JSON text as Kubernetes reads them, empty ones left out."""
        header = {"op": "yaml", "path": ""}
        reply = await self.lane.exchange(header, data, None, seconds=seconds)
        documents: list[dict[str, Any]] = orjson.loads(reply.body)
        return documents

    async def close(self) -> None:
        if self._lane is not None:
            await self._lane.close()

    def _wire(self, options: ToolOptions) -> dict[str, Any]:
        match options:
            case DirectoryOptions():
                return {
                    "recurse": options.recurse,
                    "include": options.include,
                    "exclude": options.exclude,
                    "disableExtensionFilter": options.disable_extension_filter,
                    "maxBytes": self._options.limits.directory,
                    "jsonnet": options.jsonnet,
                    "extVars": [_wire_variable(one) for one in options.ext_vars],
                    "tlas": [_wire_variable(one) for one in options.tlas],
                    "libs": options.libs,
                }
            case KustomizeOptions():
                return {
                    "enableHelm": options.enable_helm,
                    "unrestrictedFiles": options.unrestricted_files,
                    "reorder": options.reorder,
                    "kubeVersion": options.kube_version,
                    "apiVersions": options.api_versions,
                }
            case HelmOptions():
                return _wire_helm(options)
            case PluginOptions():
                raise RenderError(f"{options.name}: a plugin is not the engine's to run")
            case _:
                assert_never(options)


def _wire_variable(variable: JsonnetVariable) -> dict[str, Any]:
    return {"name": variable.name, "value": variable.value, "code": variable.code}


def _mount(remote: Remote, name: str) -> dict[str, str]:
    return {
        "kind": remote.kind,
        "url": remote.url,
        "revision": remote.revision,
        "name": remote.name,
        "tree": name,
    }


def _without_overlay(reads: ReadSet, overlay: Mapping[str, bytes], tree: Tree) -> ReadSet:
    """A file that only the overlay has was looked for in the tree, and missing there."""
    laid = sorted(reads.files & overlay.keys())
    missing = frozenset(path for path, entry in tree.read(laid).items() if entry is None)
    return replace(reads, files=reads.files - missing, absent=reads.absent | missing)


def _wire_helm(options: HelmOptions) -> dict[str, Any]:
    return {
        "releaseName": options.release_name,
        "namespace": options.namespace,
        "valueFiles": options.value_files,
        "ignoreMissingValueFiles": options.ignore_missing_value_files,
        "values": options.values,
        "parameters": [
            {"name": given.name, "value": given.value, "forceString": given.force_string}
            for given in options.parameters
        ],
        "fileParameters": [{"name": name, "path": path} for name, path in options.file_parameters],
        "skipCrds": options.skip_crds,
        "skipTests": options.skip_tests,
        "skipSchemaValidation": options.skip_schema_validation,
        "kubeVersion": options.kube_version,
        "apiVersions": options.api_versions,
    }


def _read_set(reads: frames.Reads) -> ReadSet:
    return ReadSet(
        files=frozenset(reads.files or ()),
        listings=frozenset(reads.listings or ()),
        absent=frozenset(reads.absent or ()),
        kube_version=reads.kube_version,
        api_versions=None if reads.all_versions else frozenset(reads.api_versions or ()),
    )
