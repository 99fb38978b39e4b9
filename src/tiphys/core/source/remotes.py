"""Where a remote leads that a source names outside of its trees, and whether its project may.

A kustomization names folders in other repositories, a chart its dependencies, and both files
behind URLs. Each becomes a place with what opens it; credentials are those of the project.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never
from urllib.parse import urlsplit

from tiphys.core.project.patterns import glob, is_denial
from tiphys.core.source.revision import is_commit
from tiphys.core.source.semver import Version
from tiphys.core.source.url import normal_form, without_user
from tiphys.model.errors import RenderError
from tiphys.model.render import Remote, RemoteKind
from tiphys.model.repository import (
    Asked,
    CredentialTemplate,
    Place,
    Proxy,
    Repository,
    RepositoryKind,
    Trust,
)

_OCI = "oci://"
_NAMED = re.compile(r"(?:@|alias:)(?P<name>.+)")
_SCP = re.compile(r"[^/@:]+@[^/:]+:[^/].*")


@dataclass(frozen=True, slots=True)
class Ways:
    """What leads outside for one source. `main` is its own repository, `patterns` are the
    project's sourceRepos. `certificates` are PEM texts by host.
    """

    project: str
    main: Repository
    patterns: Sequence[str] = ("*",)
    repositories: Sequence[Repository] = ()
    templates: Sequence[CredentialTemplate] = ()
    schemes: Sequence[str] = ("https", "http")
    certificates: Mapping[str, str] = field(default_factory=dict)
    known_hosts: str = ""
    pass_credentials: bool = False


@dataclass(frozen=True, slots=True)
class TreeAt:
    place: Place
    asked: Asked


@dataclass(frozen=True, slots=True)
class ChartAt:
    place: Place
    asked: Asked


@dataclass(frozen=True, slots=True)
class FileAt:
    """`near`: the project's repositories are on that host, so it may be this machine or its link.
    Nobody logs in there.
    """

    url: str
    trust: Trust
    proxy: Proxy
    near: bool = False


@dataclass(frozen=True, slots=True)
class WebFile:
    """What was behind a URL; `etag` tells the server which one is known."""

    data: bytes
    etag: str = ""


Way = TreeAt | ChartAt | FileAt


def way_to(remote: Remote, ways: Ways) -> Way:
    """Raises RenderError for what the project does not permit, or nobody can read."""
    match remote.kind:
        case RemoteKind.TREE:
            return _tree(remote, ways)
        case RemoteKind.CHART:
            return _chart(remote, ways)
        case RemoteKind.FILE:
            return _file(remote, ways)
        case _:
            assert_never(remote.kind)


def repository_of_module(url: str, project: str, ways: Ways) -> Repository:
    """What opens a submodule for all who read the repository that it is in, which is `project`'s,
    `` for all projects': nothing of a narrower circle.
    """
    known = (one for one in ways.repositories if one.project in {"", project})
    found = _known(known, url, {RepositoryKind.GIT})
    return found or _by_template(ways, Repository(url, trust=_trust(ways, url)))


def may_move(remote: Remote) -> bool:
    """Whether it may lead to something else another time, without a word of the source's."""
    match remote.kind:
        case RemoteKind.TREE:
            return not is_commit(remote.revision)
        case RemoteKind.CHART:
            return Version.parse(remote.revision) is None
        case RemoteKind.FILE:
            return True
        case _:
            assert_never(remote.kind)


def permitted(patterns: Iterable[str], url: str) -> bool:
    """A denial wins wherever it stands, and allows whatever it does not deny."""
    wanted = normal_form(url)
    allowed = False
    for entry in patterns:
        if not is_denial(entry):
            allowed = allowed or glob(normal_form(entry), wanted, "/")
        elif glob(normal_form(entry[1:]), wanted, "/"):
            return False
        else:
            allowed = True
    return allowed


def host_of(url: str) -> str:
    """Lower-case, without port; empty for a file."""
    if _SCP.fullmatch(url):
        return url.partition("@")[2].partition(":")[0].lower()
    try:
        return (urlsplit(url if "://" in url else f"//{url}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _tree(remote: Remote, ways: Ways) -> TreeAt:
    url = remote.url
    if not permitted(ways.patterns, url):
        raise RenderError(
            f"repository {without_user(url)} is not permitted in project '{ways.project}'"
        )
    repository = _known(ways.repositories, url, {RepositoryKind.GIT})
    if repository is None:
        repository = _by_template(ways, Repository(url, trust=_trust(ways, url)))
    return TreeAt(Place(repository), Asked(remote.revision))


def _chart(remote: Remote, ways: Ways) -> ChartAt:
    """By URL, then by name, then what a template or a repository of the same registry opens."""
    named = _NAMED.fullmatch(remote.url)
    if named is not None:
        found = next((one for one in ways.repositories if one.name == named["name"]), None)
        if found is None:
            raise RenderError(
                f"no repository definition for {remote.url}. Please add it to the repositories "
                f"that project '{ways.project}' may use"
            )
        repository = found
    else:
        repository = _chart_repository(remote.url, ways)
    if not permitted(ways.patterns, repository.url):
        url = without_user(repository.url)
        raise RenderError(f"helm repos {url} are not permitted in project '{ways.project}'")
    if ways.main.trust.insecure:
        repository = replace(repository, trust=replace(repository.trust, insecure=True))
    if ways.pass_credentials:
        repository = replace(repository, pass_credentials=True)
    return ChartAt(Place(repository, remote.name), Asked(remote.revision))


def _chart_repository(url: str, ways: Ways) -> Repository:
    oci = url.lower().startswith(_OCI)
    kinds = {RepositoryKind.HELM, RepositoryKind.OCI} if oci else {RepositoryKind.HELM}
    known = _known(ways.repositories, url, kinds) or _known_registry(ways, url, oci=oci)
    if known is not None:
        return replace(known, oci=known.oci or oci)
    fresh = Repository(url, RepositoryKind.HELM, oci=oci, trust=_trust(ways, url))
    opened = _by_template(ways, fresh)
    if opened is not fresh or not oci:
        return opened
    beside = next((one for one in _registries(ways) if _overlap(one.url, url)), None)
    if beside is None:
        return fresh
    return replace(
        fresh,
        credentials=beside.credentials,
        client_certificate=beside.client_certificate,
        plain_http=beside.plain_http,
        trust=beside.trust,
        proxy=beside.proxy,
    )


def _file(remote: Remote, ways: Ways) -> FileAt:
    scheme = remote.url.partition(":")[0].lower()
    if scheme not in ways.schemes or scheme not in ("http", "https"):
        raise RenderError(f"the URL scheme '{scheme}' is not allowed")
    host = host_of(remote.url)
    near = [one for one in (ways.main, *ways.repositories) if host and host_of(one.url) == host]
    proxy = near[0].proxy if near else Proxy()
    return FileAt(remote.url, _trust(ways, remote.url), proxy, near=bool(near))


def _known(
    repositories: Iterable[Repository], url: str, kinds: set[RepositoryKind]
) -> Repository | None:
    wanted = normal_form(url)
    fitting = (one for one in repositories if normal_form(one.url) == wanted)
    return next((one for one in fitting if one.kind in kinds), None)


def _known_registry(ways: Ways, url: str, *, oci: bool) -> Repository | None:
    """Registries of charts are written without a scheme, and dependencies in them with one."""
    if not oci:
        return None
    wanted = normal_form(url).removeprefix(_OCI)
    exact = (one for one in _registries(ways) if normal_form(one.url).removeprefix(_OCI) == wanted)
    found = next(exact, None)
    return None if found is None else replace(found, url=url)


def _registries(ways: Ways) -> Iterator[Repository]:
    for one in ways.repositories:
        if one.kind is RepositoryKind.OCI or (one.kind is RepositoryKind.HELM and one.oci):
            yield one


def _overlap(one: str, other: str) -> bool:
    left = normal_form(one).removeprefix(_OCI).rstrip("/")
    right = normal_form(other).removeprefix(_OCI).rstrip("/")
    return _within(left, right) or _within(right, left)


def _within(outer: str, inner: str) -> bool:
    return inner == outer or inner.startswith(f"{outer}/")


def _by_template(ways: Ways, fresh: Repository) -> Repository:
    """The template with the longest URL that this one begins with opens it."""
    wanted = normal_form(fresh.url)
    forms = {wanted, wanted.removeprefix(_OCI)} if fresh.oci else {wanted}
    fitting = [
        one.like
        for one in ways.templates
        if any(form.startswith(normal_form(one.like.url)) for form in forms)
    ]
    if not fitting:
        return fresh
    like = max(fitting, key=lambda one: len(normal_form(one.url)))
    return replace(
        fresh,
        credentials=like.credentials,
        client_certificate=like.client_certificate,
        proxy=like.proxy,
        plain_http=like.plain_http,
        inherited=True,
    )


def _trust(ways: Ways, url: str) -> Trust:
    scheme, found, _ = url.partition("://")
    if not found or scheme.lower() == "ssh":
        return Trust(known_hosts=ways.known_hosts)
    return Trust(certificates=ways.certificates.get(host_of(url), ""))
