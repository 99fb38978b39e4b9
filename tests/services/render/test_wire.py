"""Jobs and what came of them on the wire: nothing is lost, and what does not fit is refused."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tiphys.core.source.environment import BuildContext
from tiphys.core.source.refs import RefTree
from tiphys.model.render import ToolKind
from tiphys.model.repository import (
    Anonymous,
    ArtifactTags,
    Asked,
    AzureServicePrincipal,
    AzureWorkloadIdentity,
    BasicLogin,
    BearerLogin,
    ChartVersions,
    ClientCertificate,
    Confidential,
    Credentials,
    CredentialTemplate,
    GitHubApp,
    GitRefs,
    GoogleServiceAccount,
    Listing,
    Place,
    Proxy,
    Repository,
    RepositoryKind,
    SshKey,
    Trust,
)
from tiphys.model.source import ApplicationSource
from tiphys.model.structs import decode
from tiphys.services.render.job import RenderJob, Surroundings, ToolSettings
from tiphys.services.render.service import Rendered
from tiphys.services.render.wire import WireError, pack, unpack

URL = "https://git.example.com/web"
SECRET = Confidential("hush")
LOGINS: list[Credentials] = [
    Anonymous(),
    BasicLogin("me", SECRET, force_header=True),
    BearerLogin(SECRET),
    SshKey(SECRET),
    GitHubApp(7, SECRET, 9, "https://ghe.example.com"),
    GoogleServiceAccount(SECRET),
    AzureWorkloadIdentity(),
    AzureServicePrincipal("t", "c", SECRET, "https://login.example.com"),
]


def there_and_back(kind: Any, value: Any) -> Any:
    return unpack(kind, orjson.loads(orjson.dumps(pack(value))))


@pytest.mark.parametrize("login", LOGINS, ids=lambda login: type(login).__name__)
def test_a_repository_arrives_with_what_opens_it(login: Credentials) -> None:
    sent = Repository(
        URL,
        RepositoryKind.HELM,
        name="charts",
        project="demo",
        credentials=login,
        client_certificate=ClientCertificate("pem", SECRET),
        trust=Trust(insecure=True, certificates="ca", known_hosts="h"),
        proxy=Proxy("http://proxy", "localhost"),
        oci=True,
        depth=3,
    )
    come = there_and_back(Repository, sent)
    assert come == sent
    assert "hush" not in repr(come)


def test_a_job_arrives_whole() -> None:
    source = decode(
        {"repoURL": URL, "path": "web", "helm": {"valuesObject": {"a": {"b": [1, None]}}}},
        ApplicationSource,
        at="source",
    )
    job = RenderJob(
        source,
        Repository(URL),
        "a" * 40,
        BuildContext("web", "demo", api_versions=("v1", "apps/v1")),
        refs={"values": RefTree(Repository(URL), "b" * 40, "main")},
        surroundings=Surroundings(
            ToolSettings(helm=False),
            repositories=(Repository(URL),),
            templates=(CredentialTemplate(Repository(URL)),),
            certificates={"git.example.com": "pem"},
        ),
        generate_paths=("web",),
    )
    assert there_and_back(RenderJob, job) == job


def test_a_render_arrives_whole() -> None:
    rendered = Rendered(
        ({"kind": "ConfigMap", "data": {"a": None, "b": [1.5, True]}},),
        ToolKind.HELM,
        "1.2.3",
        "digest",
        from_cache=False,
        warnings=("now",),
    )
    assert there_and_back(Rendered, rendered) == rendered


@pytest.mark.parametrize(
    "listing",
    [
        GitRefs({"refs/heads/main": "a" * 40}),
        ChartVersions(None),
        ChartVersions(("1.0.0",)),
        ArtifactTags({"latest": "sha256:1", "gone": None}, ("latest",)),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_listing_arrives_as_what_it_is(listing: Listing) -> None:
    assert there_and_back(Listing, listing) == listing


def test_a_place_and_what_is_asked_of_it() -> None:
    asked = (Asked("main"), Asked("1.x", "app-"))
    assert there_and_back(tuple[Asked, ...], asked) == asked
    assert there_and_back(Place, Place(Repository(URL), "web")).chart == "web"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Repository, {"@": "Repository", "url": URL}),
        (Repository, {"@": "Place"}),
        (Repository, []),
        (Credentials, {"@": "RootLogin"}),
        (Credentials, "x"),
        (RepositoryKind, "svn"),
        (Asked, {"@": "Asked", "revision": 1, "tag_prefix": ""}),
        (tuple[Asked, ...], {}),
        (dict[str, str], []),
        (dict[str, str], {"a": 1}),
        (tuple[str, str], ["a"]),
        (bytes, "***"),
        (bytes, 1),
        (bool, 1),
        (int, True),
        (int | None, "1"),
        (type(None), 1),
        (ApplicationSource, {"repoURL": 1}),
        (float, "1"),
    ],
)
def test_what_does_not_fit_is_refused(kind: Any, data: Any) -> None:
    with pytest.raises(WireError) as caught:
        unpack(kind, data)
    assert "example.com" not in str(caught.value)


def test_simple_values() -> None:
    assert there_and_back(bytes, b"\x00\xff") == b"\x00\xff"
    assert there_and_back(float, 1) == 1.0
    assert there_and_back(frozenset[str], frozenset({"b", "a"})) == {"a", "b"}
    assert there_and_back(tuple[str, int], ("a", 1)) == ("a", 1)
    assert there_and_back(Any, {"a": 1}) == {"a": 1}
    assert there_and_back(int | None, None) is None
    assert there_and_back(type(None), None) is None
    with pytest.raises(TypeError, match="no form"):
        pack(object())
