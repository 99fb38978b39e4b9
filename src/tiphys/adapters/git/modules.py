"""Finds the submodules of a commit: what `.gitmodules` says of them, and what opens each.

Git's own reader parses that file. A submodule is opened by the credentials that are known for its
URL, within the same project; on the parent's own server by the parent's where there are none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tiphys.adapters.git.process import GitRunError, GitSettings, run_git
from tiphys.adapters.git.transport import local_options
from tiphys.core.source.submodules import same_server, submodule_url
from tiphys.core.source.url import parse_repository_url
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import Anonymous, Proxy, Repository, Trust

FILE: Final = ".gitmodules"
DEEPEST: Final = 10
_MOST: Final = 200

FindRepository = Callable[[str, str], Repository]
"""A repository by its URL, as a project reads it; `` for what all projects may read."""


@dataclass(frozen=True, slots=True)
class Declared:
    """`skipped` is one that is left out on purpose (`update = none`)."""

    path: str
    url: str
    skipped: bool = False


async def declared(settings: GitSettings, store: Path, commit: str) -> tuple[Declared, ...]:
    """Raises RepositoryError for a file that Git cannot read."""
    pattern = r"^submodule\..*\.(path|url|update)$"
    arguments = [
        *local_options(), "--git-dir", str(store), "config", "--null",
        "--blob", f"{commit}:{FILE}", "--get-regexp", pattern,
    ]  # fmt: skip
    try:
        done = await run_git(settings, arguments, timeout_seconds=settings.local_timeout)
    except GitRunError as error:
        raise RepositoryError(f"failed to update submodules: {error}") from None
    if done.status == 1 and not done.errors:
        return ()
    if done.status != 0:
        raise RepositoryError(f"failed to update submodules: {FILE} cannot be read")
    return _parsed(done.output.decode("utf-8", "replace"))


def _parsed(output: str) -> tuple[Declared, ...]:
    sections: dict[str, dict[str, str]] = {}
    for entry in output.split("\0"):
        key, _, value = entry.partition("\n")
        name, _, field = key.removeprefix("submodule.").rpartition(".")
        sections.setdefault(name, {})[field] = value
    found = [
        Declared(each["path"].strip("/"), each.get("url", ""), each.get("update") == "none")
        for each in sections.values()
        if each.get("path")
    ]
    if len(found) > _MOST:
        raise RepositoryError(f"failed to update submodules: there are more than {_MOST}")
    return tuple(found)


def module_repository(
    parent: Repository, module: Declared, find: FindRepository | None
) -> Repository:
    """Raises RepositoryError for a URL that is refused."""
    url = submodule_url(parent.url, module.url)
    found = Repository(url) if find is None else find(url, parent.project)
    if not isinstance(found.credentials, Anonymous):
        return found
    if not same_server(parse_repository_url(url), parse_repository_url(parent.url)):
        return found
    return replace(
        found,
        project=parent.project,
        credentials=parent.credentials,
        client_certificate=found.client_certificate or parent.client_certificate,
        trust=parent.trust if found.trust == Trust() else found.trust,
        proxy=parent.proxy if found.proxy == Proxy() else found.proxy,
        lfs=found.lfs or parent.lfs,
    )


def described(error: RepositoryError, path: str) -> RepositoryError:
    """Of a submodule that could not be had; of the same kind, so that it is tried again alike."""
    return type(error)(f"failed to update submodules: '{path}': {error}", url=error.url)
