"""`$ref/path`: files of another source of the same application.

A source with a `ref` lends its repository's files to the others, whose values files then begin
with `$` and that name. Here such a path becomes one of a tree beside the main one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tiphys.core.source.environment import substitute
from tiphys.core.source.paths import application_path
from tiphys.core.source.url import normal_form
from tiphys.model.errors import RenderError
from tiphys.model.render import MOUNT
from tiphys.model.repository import Repository
from tiphys.model.source import ApplicationSource

_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_REFERENCE = re.compile(r"\$(?P<name>[a-zA-Z0-9_-]+)")
_VARIABLE = re.compile(r"\$(?P<name>[A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class RefTree:
    """A source that others name by `$ref`: its repository at one commit. `target` is the revision
    as it was written; one with a `chart` lends nothing.
    """

    repository: Repository
    commit: str
    target: str = ""
    chart: str = ""


def ref_sources(sources: Sequence[ApplicationSource]) -> Mapping[str, ApplicationSource]:
    """Those that lend their files, by the name after the `$`. Raises RenderError."""
    found: dict[str, ApplicationSource] = {}
    for source in sources:
        if not source.ref:
            continue
        if not _NAME.fullmatch(source.ref):
            raise RenderError(
                f"sources.ref {source.ref} cannot contain any special characters except '_' and '-'"
            )
        if source.ref in found:
            raise RenderError("invalid sources: multiple sources had the same `ref` key")
        found[source.ref] = source
    return found


def referenced(path: str, environment: Mapping[str, str]) -> str | None:
    """The name that a path begins with; None for a path in the source's own tree.

    A build variable at the start is none: it is replaced later.
    """
    first = path.partition("/")[0]
    variable = _VARIABLE.match(first)
    if variable is not None and variable["name"] in environment:
        return None
    reference = _REFERENCE.fullmatch(first)
    return None if reference is None else reference["name"]


def require_refs(
    names: Sequence[str],
    refs: Mapping[str, RefTree],
    source: ApplicationSource,
    commit: str,
) -> None:
    """Whether a source at a commit may name these. Raises RenderError with the contract's text."""
    seen: dict[str, str] = {}
    for name in names:
        tree = refs.get(name)
        if tree is None:
            raise RenderError(_unknown(name, refs))
        if tree.chart:
            raise RenderError(
                "source has a 'chart' field defined, but Helm charts are not yet not supported "
                "for 'ref' sources"
            )
        url = normal_form(tree.repository.url)
        other = seen.setdefault(url, name)
        if refs[other].target != tree.target:
            raise RenderError(
                f"cannot reference multiple revisions for the same repository (${name} references "
                f'"{tree.target}" while ${other} references "{refs[other].target}")'
            )
        if not source.chart and url == normal_form(source.repo_url) and tree.commit != commit:
            raise RenderError(
                f"cannot reference a different revision of the same repository (${name} references "
                f'"{tree.target}" which resolves to "{tree.commit}" while the application '
                f'references "{source.target_revision}" which resolves to "{commit}")'
            )


def _unknown(name: str, refs: Mapping[str, RefTree]) -> str:
    if not refs:
        return f"source referenced \"${name}\", but no source has a 'ref' field defined"
    available = ", ".join(f"${known}" for known in sorted(refs))
    return f'source referenced "${name}", which is not one of the available sources ({available})'


def mounted(name: str, path: str, environment: Mapping[str, str]) -> str:
    """`$name/...` as a path in the tree `name`. Raises RenderError where it leads out of it."""
    rest = substitute(path.partition("/")[2], environment)
    try:
        inside = application_path(rest.lstrip("/"))
    except RenderError:
        raise RenderError(
            f"file '{path}' resolved to outside repository root: illegal filepath"
        ) from None
    if not inside:
        raise RenderError("internal error: failed to resolve path. Check logs for more details")
    return f"{MOUNT}{name}/{inside}"
