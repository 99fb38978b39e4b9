"""Links that lead out of a source's tree, looked for where a render reads.

Nothing here ever follows one, wherever it lies. The contract refuses a repository for one such
link anywhere in it; walking all of a large repository for each commit would cost more than all of
its renders. So it is refused for a link in the source's own folder, when that is rendered; one
elsewhere ends the render that comes across it.
"""

from __future__ import annotations

from collections import OrderedDict

from tiphys.core.source.paths import link_target
from tiphys.core.source.places import place_kind, place_of
from tiphys.model.errors import RenderError
from tiphys.model.render import EntryKind
from tiphys.model.repository import RepositoryKind
from tiphys.services.render.job import RenderJob
from tiphys.services.render.ports import TreeReader

_LOOKED_AT = 5_000
"""Entries of a folder; the rest of a larger one is left to the renderer."""
_KEPT = 10_000
_WHAT = {
    RepositoryKind.GIT: "repository",
    RepositoryKind.HELM: "chart",
    RepositoryKind.OCI: "oci image",
}


class LinkCheck:
    """Remembers folders that are in order, by path and object id. Safe to use from threads."""

    def __init__(self) -> None:
        self._fine: OrderedDict[tuple[str, str], None] = OrderedDict()

    def check(self, job: RenderJob, tree: TreeReader, path: str) -> None:
        """Blocking. Raises RenderError with the contract's text."""
        oid = tree.oids([path])[path]
        if oid is None or (path, oid) in self._fine:
            return
        bad = outside(tree, path)
        if bad is not None:
            what = _WHAT[place_kind(place_of(job.source, job.repository))]
            raise RenderError(f"{what} contains out-of-bounds symlinks. file: {bad}")
        self._fine[path, oid] = None
        if len(self._fine) > _KEPT:
            self._fine.popitem(last=False)


def outside(tree: TreeReader, path: str) -> str | None:
    """The first link below a folder that leads out of the tree; one that leads nowhere may."""
    level, left = [path], _LOOKED_AT
    while level and left > 0:
        links: list[str] = []
        below: list[str] = []
        folders = tree.read(level)
        for at in level:
            folder = folders[at]
            for name, kind in folder.children.items() if folder is not None else ():
                left -= 1
                if kind is EntryKind.FOLDER:
                    below.append(f"{at}/{name}" if at else name)
                elif kind is EntryKind.LINK:
                    links.append(f"{at}/{name}" if at else name)
        for link, entry in tree.read(links).items() if links else ():
            if (
                entry is not None
                and link_target(link, entry.data.decode("utf-8", "replace")) is None
            ):
                return link
        level = below
    return None
