"""Renders that outlive the process: what was rendered once is not rendered after a restart.

Only saves time. An entry says what it read, and counts only while that is still so, exactly as
one in memory does; one that cannot be understood is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from xxhash import xxh3_128_hexdigest

from tiphys.model.render import ReadSet, Remote, RemoteKind
from tiphys.services.render.memory import Capabilities, Remembered
from tiphys.services.render.ports import RenderArchive

_FORM = 3
"""Raised whenever what is written changes its meaning."""


def restore(archive: RenderArchive, key: str) -> Iterator[Remembered]:
    """The archived renders of a key, the longest unused first. Blocking."""
    for data in archive.load(key):
        try:
            yield _read(orjson.loads(data))
        except (ValueError, KeyError, TypeError):
            continue


def store(archive: RenderArchive, key: str, render: Remembered) -> None:
    """One entry a state of what was read: the same state again replaces it. Blocking."""
    reads, then = render.reads, render.capabilities
    # Of what the cluster offers only what was looked at tells renders apart.
    api_versions = then.api_versions
    if reads.api_versions is not None:
        api_versions &= reads.api_versions
    state = [
        dict(render.found),
        then.kube_version if reads.kube_version else "",
        sorted(api_versions),
        _written(render.remotes),
    ]
    name = xxh3_128_hexdigest(orjson.dumps(state, option=orjson.OPT_SORT_KEYS))
    entry = {
        "form": _FORM,
        "manifests": render.manifests,
        "digest": render.digest,
        "size": render.size,
        "found": dict(render.found),
        "files": sorted(reads.files),
        "listings": sorted(reads.listings),
        "absent": sorted(reads.absent),
        "readsKubeVersion": reads.kube_version,
        "readsApiVersions": None if reads.api_versions is None else sorted(reads.api_versions),
        "kubeVersion": then.kube_version,
        "apiVersions": sorted(then.api_versions),
        "warnings": render.warnings,
        "remotes": _written(render.remotes),
        "paths": None if render.paths is None else dict(render.paths),
    }
    archive.keep(key, name, orjson.dumps(entry))


def _written(remotes: Mapping[Remote, str]) -> list[list[str]]:
    return sorted(
        [one.kind.value, one.url, one.revision, one.name, digest] for one, digest in remotes.items()
    )


def _read(entry: dict[str, Any]) -> Remembered:
    if entry["form"] != _FORM:
        raise ValueError("another form")
    asked = entry["readsApiVersions"]
    return Remembered(
        manifests=tuple(entry["manifests"]),
        digest=entry["digest"],
        size=entry["size"],
        reads=ReadSet(
            files=frozenset(entry["files"]),
            listings=frozenset(entry["listings"]),
            absent=frozenset(entry["absent"]),
            kube_version=entry["readsKubeVersion"],
            api_versions=None if asked is None else frozenset(asked),
        ),
        found=entry["found"],
        capabilities=Capabilities(entry["kubeVersion"], frozenset(entry["apiVersions"])),
        warnings=tuple(entry["warnings"]),
        remotes={
            Remote(RemoteKind(kind), url, revision, name): digest
            for kind, url, revision, name, digest in entry["remotes"]
        },
        paths=entry["paths"],
    )
