"""What is there at an application's path, and what is asked of the renderer because of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from xxhash import xxh3_128_hexdigest

from tiphys.core.source.options import options_for
from tiphys.core.source.overrides import overridden, override_files
from tiphys.core.source.paths import application_path, link_target, require_folder
from tiphys.core.source.places import place_kind, place_of
from tiphys.core.source.plugin import with_subtree
from tiphys.core.source.tool import detect, explicit
from tiphys.core.source.url import normal_form
from tiphys.model.errors import RenderError
from tiphys.model.render import (
    MOUNT,
    EntryKind,
    HelmOptions,
    KustomizeOptions,
    PluginOptions,
    RenderRequest,
    ToolKind,
    ToolOptions,
    TreeEntry,
)
from tiphys.model.repository import RepositoryKind
from tiphys.model.source import ApplicationSource
from tiphys.services.render.job import RenderJob
from tiphys.services.render.ports import TreeReader

_LINKS_FOLLOWED = 10


@dataclass(frozen=True, slots=True)
class Survey:
    """`path` has its links followed; `source` is the job's with its overrides. `key` is equal for
    whatever would be rendered alike. `revision` is whole. `refs` are the names of the trees beside
    that the options name. `found`: the files that are there decided on the tool, not the spec.
    """

    path: str
    source: ApplicationSource
    children: Mapping[str, EntryKind]
    tool: ToolKind
    options: ToolOptions
    revision: str
    refs: tuple[str, ...]
    key: str
    found: bool = False


@dataclass(frozen=True, slots=True)
class Undecoded:
    """Overrides that have to be decoded before anything else: their name and text by object id."""

    texts: Mapping[str, tuple[str, bytes]]


def survey(
    job: RenderJob,
    tree: TreeReader,
    decoded: Mapping[str, Sequence[Any]],
    *,
    engine: str,
    plugin: bool = False,
    identity: Callable[[str], str] | None = None,
) -> Survey | Undecoded:
    """Blocking: reads the tree. Raises RenderError; `engine` is the renderer's version, `decoded`
    the documents of overrides by object id. `plugin`: one is meant for what the files decide on.
    `identity` tells plugins of one name apart.
    """
    path, found = locate(tree, job.source.path)
    require_folder(job.source.path, None if found is None else found.kind)
    children = {} if found is None else found.children
    source = job.source
    names = override_files(job.context.instance, children)
    if names:
        entries = _files(tree, path, names)
        patches = []
        texts: dict[str, tuple[str, bytes]] = {}
        for name, entry in entries.items():
            documents = decoded.get(entry.oid)
            if documents is None:
                texts[entry.oid] = name, entry.data
            else:
                patches.append((name, documents))
        if texts:
            return Undecoded(texts)
        source = overridden(source, patches)
    tools = job.surroundings.tools
    named = explicit(source, tools)
    tool = named or (ToolKind.PLUGIN if plugin else detect(children, tools))
    revision = _whole(job, tree)
    options = _options(job, source, path, tool, revision)
    if isinstance(options, PluginOptions) and identity is not None:
        engine += identity(options.name)
    key = _key(job, path, options, engine)
    refs = _named(options)
    return Survey(path, source, children, tool, options, revision, refs, key, named is None)


def plugin_request(job: RenderJob, wanted: Survey) -> RenderRequest:
    """What a plugin is asked when nobody named one."""
    options = _options(job, wanted.source, wanted.path, ToolKind.PLUGIN, wanted.revision)
    return RenderRequest(wanted.path, options, application=job.context.instance)


def _options(
    job: RenderJob, source: ApplicationSource, path: str, tool: ToolKind, revision: str
) -> ToolOptions:
    tools = job.surroundings.tools
    options = options_for(source, tool, job.context, revision, tools, job.refs)
    if isinstance(options, PluginOptions):
        return with_subtree(options, path, job.generate_paths, tools)
    return options


def _files(tree: TreeReader, path: str, names: Sequence[str]) -> dict[str, TreeEntry]:
    """Links are followed; what leads nowhere, or to a folder, is passed over."""
    found = {}
    for name in names:
        _, entry = locate(tree, f"{path}/{name}" if path else name)
        if entry is not None and entry.kind is EntryKind.FILE:
            found[name] = entry
    return found


def _whole(job: RenderJob, tree: TreeReader) -> str:
    """A commit may have been abbreviated; the digest of a chart is not its version."""
    git = place_kind(place_of(job.source, job.repository)) is RepositoryKind.GIT
    return tree.commit if git else job.revision


def _named(options: ToolOptions) -> tuple[str, ...]:
    if not isinstance(options, HelmOptions):
        return ()
    paths = (*options.value_files, *(path for _, path in options.file_parameters))
    mounted = (path for path in paths if path.startswith(MOUNT))
    return tuple(sorted({path.removeprefix(MOUNT).partition("/")[0] for path in mounted}))


def _key(job: RenderJob, path: str, options: ToolOptions, engine: str) -> str:
    """The cluster's capabilities are left out: they are compared where a render read them."""
    if isinstance(options, HelmOptions | KustomizeOptions):
        options = replace(options, kube_version="", api_versions=())
    elif isinstance(options, PluginOptions) and job.generate_paths:
        options = replace(options, environment=_without_revision(options.environment))
    url, chart = normal_form(job.source.repo_url), job.source.chart
    asked = (engine, url, chart, path, type(options).__name__, options)
    return xxh3_128_hexdigest(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS))


def _without_revision(environment: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Where manifest-generate-paths say what counts, another commit alone is no other render."""
    return tuple(entry for entry in environment if not entry[0].startswith("ARGOCD_APP_REVISION"))


def locate(tree: TreeReader, written: str) -> tuple[str, TreeEntry | None]:
    """Follow links on the way and at the end, never out of the tree. Raises RenderError."""
    path = application_path(written)
    for _ in range(_LINKS_FOLLOWED + 1):
        found = tree.read([path])[path]
        if found is not None and found.kind is not EntryKind.LINK:
            return path, found
        led = _follow(tree, path)
        if led is None:
            return path, found
        path = led
    raise RenderError(f"{written}: app path does not exist")


def _follow(tree: TreeReader, path: str) -> str | None:
    """The path with its first link replaced; None when there is no link in it."""
    steps = path.split("/")
    prefixes = ["/".join(steps[:count]) for count in range(1, len(steps) + 1)]
    entries = tree.read(prefixes)
    for prefix in prefixes:
        entry = entries[prefix]
        if entry is not None and entry.kind is EntryKind.LINK:
            target = link_target(prefix, entry.data.decode("utf-8", "replace"))
            if target is None:
                raise RenderError(f"{path}: app path outside root")
            return (target + path.removeprefix(prefix)).strip("/")
    return None
