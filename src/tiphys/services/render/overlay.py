"""The kustomization of a source as its spec edits it, in the place of the one in its tree."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import orjson

from tiphys.core.source.environment import build_environment
from tiphys.core.source.kustomization import component_path, edited
from tiphys.core.source.tool import KUSTOMIZATIONS
from tiphys.model.render import EntryKind, KustomizeOptions, ReadSet, TreeEntry
from tiphys.model.source import ApplicationSourceKustomize
from tiphys.services.render.job import RenderJob
from tiphys.services.render.ports import Decoder, TreeReader
from tiphys.services.render.survey import Survey, locate

_GLOB = re.compile(r"[*?\[]")
_GLOB_STEPS = 20


@dataclass(frozen=True, slots=True)
class Overlay:
    """`reads` is what was looked for in the tree to make it."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    reads: ReadSet = field(default_factory=ReadSet)


@dataclass(frozen=True, slots=True)
class _Seen:
    path: str
    entry: TreeEntry | None
    components: Mapping[str, Sequence[str]]
    reads: ReadSet


async def overlay_of(job: RenderJob, wanted: Survey, tree: TreeReader, decoder: Decoder) -> Overlay:
    """Nothing where nothing is edited. Raises RenderError."""
    options, block = wanted.options, wanted.source.kustomize
    if not isinstance(options, KustomizeOptions) or not options.edits or block is None:
        return Overlay()
    seen = await asyncio.to_thread(_look, wanted, block, tree)
    present = None
    if seen.entry is not None:
        documents = await decoder.decode_yaml(seen.entry.data)
        present = documents[0] if documents else {}
    environment = build_environment(wanted.source, job.context, wanted.revision)
    fields = edited(present, block, environment, found=seen.components)
    return Overlay({seen.path: orjson.dumps(fields)}, seen.reads)


def _look(wanted: Survey, block: ApplicationSourceKustomize, tree: TreeReader) -> _Seen:
    name = next((one for one in KUSTOMIZATIONS if one in wanted.children), KUSTOMIZATIONS[0])
    path, entry = locate(tree, _joined(wanted.path, name))
    if entry is not None and entry.kind is not EntryKind.FILE:
        entry = None
    components: dict[str, Sequence[str]] = {}
    absent: set[str] = set()
    listings: set[str] = set()
    for written in block.components:
        at = component_path(wanted.path, written)
        if at is None:
            continue
        if _GLOB.search(written):
            components[written] = _expanded(tree, wanted.path, written, listings)
        elif tree.oids([at])[at] is None:
            components[written] = ()
            absent.add(at)
        else:
            components[written] = (written,)
    reads = ReadSet(listings=frozenset(listings), absent=frozenset(absent))
    return _Seen(path, entry, components, reads)


def _expanded(tree: TreeReader, path: str, pattern: str, listings: set[str]) -> Sequence[str]:
    """What a glob of a component leads to, as it would be written; `*` crosses no slash."""
    found = [""]
    for step in pattern.split("/")[:_GLOB_STEPS]:
        if not _GLOB.search(step):
            found = [_joined(at, step) for at in found]
            continue
        more: list[str] = []
        for at in found:
            folder = component_path(path, at) if at else path
            if folder is None:
                continue
            listings.add(folder)
            entry = tree.read([folder])[folder]
            names = sorted(entry.children) if entry is not None else ()
            more += [_joined(at, name) for name in names if fnmatchcase(name, step)]
        found = more
    inside = {at: component_path(path, at) for at in found}
    oids = tree.oids([at for at in inside.values() if at is not None])
    return [at for at, place in inside.items() if place is not None and oids[place] is not None]


def _joined(parent: str, name: str) -> str:
    return f"{parent}/{name}" if parent else name
