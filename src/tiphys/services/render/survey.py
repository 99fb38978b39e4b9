"""What is there at an application's path, and what is asked of the renderer because of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import orjson
from xxhash import xxh3_128_hexdigest

from tiphys.core.source.options import options_for
from tiphys.core.source.paths import application_path, link_target, require_folder
from tiphys.core.source.places import place_kind, place_of
from tiphys.core.source.tool import choose, refuse_overrides
from tiphys.core.source.url import normal_form
from tiphys.model.errors import RenderError
from tiphys.model.render import EntryKind, HelmOptions, ToolKind, ToolOptions, TreeEntry
from tiphys.model.repository import RepositoryKind
from tiphys.services.render.job import RenderJob
from tiphys.services.render.ports import TreeReader

_LINKS_FOLLOWED = 10


@dataclass(frozen=True, slots=True)
class Survey:
    """`path` has its links followed; `key` is equal for whatever would be rendered alike.
    `revision` is whole.
    """

    path: str
    tool: ToolKind
    options: ToolOptions
    revision: str
    key: str


def survey(job: RenderJob, tree: TreeReader, *, engine: str) -> Survey:
    """Blocking: reads the tree. Raises RenderError; `engine` is the renderer's version."""
    source = job.source
    path, found = _locate(tree, source.path)
    require_folder(source.path, None if found is None else found.kind)
    children = {} if found is None else found.children
    tool = choose(source, children)
    refuse_overrides(job.context.instance, path, children)
    revision = _whole(job, tree)
    options = options_for(source, tool, job.context, revision)
    return Survey(path, tool, options, revision, _key(job, path, options, engine))


def _whole(job: RenderJob, tree: TreeReader) -> str:
    """A commit may have been abbreviated; the digest of a chart is not its version."""
    git = place_kind(place_of(job.source, job.repository)) is RepositoryKind.GIT
    return tree.commit if git else job.revision


def _key(job: RenderJob, path: str, options: ToolOptions, engine: str) -> str:
    """The cluster's capabilities are left out: they are compared where a render read them."""
    if isinstance(options, HelmOptions):
        options = replace(options, kube_version="", api_versions=())
    url, chart = normal_form(job.source.repo_url), job.source.chart
    asked = (engine, url, chart, path, type(options).__name__, options)
    return xxh3_128_hexdigest(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS))


def _locate(tree: TreeReader, written: str) -> tuple[str, TreeEntry | None]:
    """Follow links on the way and at the end, never out of the tree."""
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
