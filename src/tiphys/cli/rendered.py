"""What was rendered, as files and as an account of what was read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiphys.cli.errors import FatalError
from tiphys.cli.output import to_yaml
from tiphys.model.render import MOUNT, ReadSet

if TYPE_CHECKING:
    from tiphys.services.render.around import Looked

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 100


def write_files(folder: Path, manifests: Sequence[Mapping[str, Any]]) -> None:
    """One file a manifest, in the order of what was rendered."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, manifest in enumerate(manifests, 1):
            (folder / _file_name(number, manifest)).write_text(to_yaml(manifest))
    except OSError as error:
        raise FatalError(f"write {error.filename}: {error.strerror}") from None


def _file_name(number: int, manifest: Mapping[str, Any]) -> str:
    """Names in manifests are anybody's, and no paths."""
    metadata = manifest.get("metadata") or {}
    parts = (manifest.get("kind"), metadata.get("namespace"), metadata.get("name"))
    told = "-".join(_UNFIT.sub("-", str(part)).strip(".-") for part in parts if part)
    return f"{number:03d}-{told[:_LONGEST].lower()}.yaml"


def read_sets(looked: Looked) -> Mapping[str, Any]:
    """Source by source what a commit has to change for the manifests to change."""
    return {
        "sources": [
            {
                "revision": revision,
                **({} if one is None else {"tool": one.tool.value, **_told(one.reads)}),
            }
            for revision, one in zip(looked.revisions, looked.rendered, strict=True)
        ]
    }


def _told(reads: ReadSet) -> dict[str, Any]:
    versions = reads.api_versions
    told = {
        "files": _paths(reads.files),
        "listings": _paths(reads.listings),
        "absent": _paths(reads.absent),
        "kubeVersion": reads.kube_version,
        "apiVersions": "all" if versions is None else sorted(versions),
    }
    return {name: value for name, value in told.items() if value}


def _paths(paths: frozenset[str]) -> list[str]:
    """A path in a tree beside the main one begins with `$` and its name; `.` is the root."""
    return sorted(
        f"${path.removeprefix(MOUNT)}" if path.startswith(MOUNT) else path or "." for path in paths
    )
