"""Where remotes lead, who may go there, and with whose credentials."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tiphys.core.source.remotes import (
    ChartAt,
    FileAt,
    TreeAt,
    Ways,
    host_of,
    may_move,
    permitted,
    repository_of_module,
    way_to,
)
from tiphys.model.errors import RenderError
from tiphys.model.render import Remote, RemoteKind
from tiphys.model.repository import (
    BasicLogin,
    Confidential,
    CredentialTemplate,
    Place,
    Proxy,
    Repository,
    RepositoryKind,
    Trust,
)

GIT, HELM, OCI = RepositoryKind.GIT, RepositoryKind.HELM, RepositoryKind.OCI
MAIN = Repository("https://git.example.com/main")
LOGIN = BasicLogin("me", Confidential("pw"))
OTHER = BasicLogin("you", Confidential("pw"))


def ways(*repositories: Repository, **parts: Any) -> Ways:
    return Ways("team", MAIN, repositories=repositories, **parts)


def tree(url: str, revision: str = "main") -> Remote:
    return Remote(RemoteKind.TREE, url, revision)


def chart(url: str, name: str = "redis", version: str = "1.x") -> Remote:
    return Remote(RemoteKind.CHART, url, version, name)


def repository_of(remote: Remote, given: Ways) -> Repository:
    way = way_to(remote, given)
    assert isinstance(way, TreeAt | ChartAt)
    return way.place.repository


# Submodules


def test_a_submodule_is_opened_by_what_all_readers_of_its_parent_may_use() -> None:
    url = "https://git.example.com/lib"
    own = Repository(url, project="team", credentials=LOGIN)
    anyone_s = Repository(url, credentials=OTHER)
    given = ways(own, anyone_s)
    assert repository_of_module(f"{url}.git", "team", given) == own
    assert repository_of_module(f"{url}.git", "", given) == anyone_s
    assert repository_of_module(url, "", ways(own)) == Repository(url)
    templates = [CredentialTemplate(Repository("https://git.example.com", credentials=OTHER))]
    opened = repository_of_module(url, "", ways(own, templates=templates))
    assert opened == Repository(url, credentials=OTHER, inherited=True)


@pytest.mark.parametrize(
    ("remote", "moves"),
    [
        (tree("https://h/r"), True),
        (tree("https://h/r", "a" * 40), False),
        (chart("https://h"), True),
        (chart("https://h", version="1.2.3"), False),
        (Remote(RemoteKind.FILE, "https://h/v"), True),
    ],
)
def test_what_may_lead_elsewhere_another_time(remote: Remote, moves: bool) -> None:
    assert may_move(remote) is moves


# Folders in other repositories


def test_a_base_in_a_repository_that_the_project_knows() -> None:
    known = Repository("https://git.example.com/base.git", credentials=LOGIN)
    way = way_to(tree("https://git.example.com/base"), ways(MAIN, known))
    assert isinstance(way, TreeAt)
    assert (way.place, way.asked.revision) == (Place(known), "main")


def test_a_base_that_a_template_opens() -> None:
    templates = [
        CredentialTemplate(Repository("https://git.example.com", credentials=OTHER)),
        CredentialTemplate(
            Repository("https://git.example.com/team", credentials=LOGIN, proxy=Proxy("http://p"))
        ),
        CredentialTemplate(Repository("https://else.example.com", credentials=OTHER)),
    ]
    url = "https://git.example.com/team/base"
    certificates = {"git.example.com": "PEM"}
    found = repository_of(tree(url), ways(templates=templates, certificates=certificates))
    assert found == Repository(
        url,
        credentials=LOGIN,
        proxy=Proxy("http://p"),
        trust=Trust(certificates="PEM"),
        inherited=True,
    )


def test_a_base_that_nobody_knows_is_read_by_anyone() -> None:
    url = "ssh://git@git.example.com/base"
    chart_of_same_url = Repository(url, HELM, credentials=LOGIN)
    found = repository_of(tree(url), ways(chart_of_same_url, known_hosts="keys"))
    assert found == Repository(url, trust=Trust(known_hosts="keys"))
    over_tls = repository_of(tree("https://git.example.com/base"), ways(known_hosts="keys"))
    assert over_tls.trust == Trust()


def test_a_base_that_the_project_does_not_permit() -> None:
    given = ways(patterns=("https://git.example.com/*", "!https://git.example.com/no"))
    assert way_to(tree("https://git.example.com/yes"), given)
    only = ways(patterns=("https://git.example.com/*",))
    for url, way in (
        ("https://me:pw@else.example.com/x", only),
        ("https://git.example.com/no", given),
    ):
        with pytest.raises(RenderError) as caught:
            way_to(tree(url), way)
        assert str(caught.value).endswith("is not permitted in project 'team'")
        assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("patterns", "allowed"),
    [
        ((), False),
        (("*",), True),
        (("!https://git.example.com/x",), False),
        (("!https://git.example.com/y",), True),
        (("https://git.example.com/*", "!*/x"), False),
        (("https://git.example.com/X.git",), True),
        (("https://git.example.com/**",), True),
        (("https://else.example.com/x",), False),
    ],
)
def test_patterns(patterns: tuple[str, ...], allowed: bool) -> None:
    if patterns[-1:] == ("!*/x",):
        patterns = (patterns[0], "!https://*/x")
    assert permitted(patterns, "https://git.example.com/x") is allowed


# Charts


def test_a_dependency_by_its_repository_s_url() -> None:
    url = "https://charts.example.com"
    git, helm = Repository(url, GIT), Repository(url, HELM, "charts", credentials=LOGIN)
    way = way_to(chart(url), ways(git, helm))
    assert isinstance(way, ChartAt)
    assert (way.place, way.asked.revision) == (Place(helm, "redis"), "1.x")


@pytest.mark.parametrize("written", ["@stable", "alias:stable"])
def test_a_dependency_by_its_repository_s_name(written: str) -> None:
    named = Repository("https://charts.example.com", HELM, "stable", credentials=LOGIN)
    assert repository_of(chart(written), ways(MAIN, named)) == named
    with pytest.raises(RenderError, match=f"no repository definition for {written}"):
        way_to(chart(written), ways(MAIN))


def test_a_dependency_that_the_project_does_not_permit() -> None:
    named = Repository("https://charts.example.com", HELM, "stable")
    for url in ("https://me:pw@charts.example.com", "@stable"):
        with pytest.raises(RenderError) as caught:
            way_to(chart(url), ways(named, patterns=("https://git.example.com/*",)))
        text = "helm repos https://charts.example.com are not permitted in project 'team'"
        assert str(caught.value) == text


def test_a_dependency_of_a_registry_by_what_is_known_of_it() -> None:
    url = "oci://registry.example.com/charts"
    bare = Repository("registry.example.com/charts", HELM, oci=True, credentials=LOGIN)
    assert repository_of(chart(url), ways(bare)) == replace(bare, url=url)
    scheme = Repository(url, OCI, credentials=LOGIN)
    assert repository_of(chart(url), ways(scheme)) == replace(scheme, oci=True)
    plain = Repository("registry.example.com/charts", HELM, credentials=LOGIN)
    assert repository_of(chart(url), ways(plain)) == Repository(url, HELM, oci=True)


@pytest.mark.parametrize(
    ("known", "opens"),
    [
        ("registry.example.com", True),
        ("oci://registry.example.com/charts/team/deep", True),
        ("oci://registry.example.com/charts-of-others", False),
    ],
)
def test_a_dependency_of_a_registry_that_is_known_elsewhere(known: str, opens: bool) -> None:
    kind = OCI if "://" in known else HELM
    beside = Repository(known, kind, oci=True, credentials=LOGIN, plain_http=True)
    found = repository_of(chart("oci://registry.example.com/charts/team"), ways(MAIN, beside))
    assert (found.credentials == LOGIN, found.plain_http) == (opens, opens)


def test_a_dependency_that_a_template_opens() -> None:
    like = Repository("registry.example.com", HELM, credentials=LOGIN)
    given = ways(templates=[CredentialTemplate(like)])
    found = repository_of(chart("oci://registry.example.com/charts"), given)
    assert (found.credentials, found.oci, found.inherited) == (LOGIN, True, True)
    assert repository_of(chart("https://registry.example.com"), given).credentials != LOGIN


def test_what_the_source_says_of_its_dependencies() -> None:
    main = replace(MAIN, trust=Trust(insecure=True))
    given = replace(ways(), main=main, pass_credentials=True)
    found = repository_of(chart("https://charts.example.com"), given)
    assert (found.trust.insecure, found.pass_credentials) == (True, True)


# Files


def test_a_file() -> None:
    remote = Remote(RemoteKind.FILE, "https://files.example.com:8443/values.yaml")
    certificates = {"files.example.com": "PEM"}
    assert way_to(remote, ways(certificates=certificates)) == FileAt(
        remote.url, Trust(certificates="PEM"), Proxy()
    )


def test_a_file_on_a_host_of_the_project_s() -> None:
    known = Repository("git@files.example.com:team/x", proxy=Proxy("http://p"))
    way = way_to(Remote(RemoteKind.FILE, "http://files.example.com/v"), ways(known))
    assert way == FileAt("http://files.example.com/v", Trust(), Proxy("http://p"), near=True)
    main = way_to(Remote(RemoteKind.FILE, "http://git.example.com/v"), ways())
    assert isinstance(main, FileAt)
    assert main.near


@pytest.mark.parametrize(
    ("url", "schemes"),
    [
        ("http://files.example.com/v", ("https",)),
        ("s3://bucket/v", ("https", "s3")),
        ("HTTPS://files.example.com/v", ()),
    ],
)
def test_a_scheme_that_is_not_allowed(url: str, schemes: tuple[str, ...]) -> None:
    scheme = url.partition(":")[0].lower()
    with pytest.raises(RenderError, match=f"the URL scheme '{scheme}' is not allowed"):
        way_to(Remote(RemoteKind.FILE, url), ways(schemes=schemes))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Git.example.com:8443/x", "git.example.com"),
        ("git@git.example.com:x", "git.example.com"),
        ("registry.example.com/x", "registry.example.com"),
        ("https://[::1/x", ""),
        ("file:///x", ""),
    ],
)
def test_hosts(url: str, host: str) -> None:
    assert host_of(url) == host
