"""Flags of `repo` and `repocreds`, where what is stored or asked of a server shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.proofs import Change
from tests.cli.test_remote import REPOS, run
from tests.cli.test_repo import URL, Repositories
from tests.cli.world import World
from tests.core.repositories.secrets import secret

TEMPLATES = "repocreds.RepoCredsService/"
NAMED = (URL, "--name", "charts")


def stored(key: str) -> Any:
    """What the Secrets say of this."""

    def told(world: Repositories) -> Any:
        return [world.texts(name).get(key) for name in world.secrets()]

    return told


def left(world: Repositories) -> Any:
    return sorted(world.secrets())


CHANGES = [
    (stored("type"), Change("repo add", "--type helm", NAMED, ["helm"])),
    (stored("type"), Change("repocreds add", "--type helm", (URL,), ["helm"])),
]


@pytest.mark.parametrize(("told", "change"), CHANGES)
def test_what_is_stored(capsys: pytest.CaptureFixture[str], told: Any, change: Change) -> None:
    def shown(*flag: str) -> Any:
        world = Repositories(capsys)
        assert world.run(*change.command.split(), *change.line, *flag).code == 0
        return told(world)

    assert shown(*change.words) == change.shows
    assert shown() != change.shows


def test_whose_repository_is_removed(capsys: pytest.CaptureFixture[str]) -> None:
    change = Change("repo rm", "--project team", (URL,), ["a"])

    def shown(*flag: str) -> Any:
        world = Repositories(capsys)
        world.home.seed(secret("a", url=URL), secret("b", url=URL, project="team"))
        world.run("repo", "rm", URL, *flag)
        labelled = world.secrets().items()
        return [name for name, one in labelled if one["metadata"].get("labels")]

    assert shown(*change.words) == change.shows
    assert shown() != change.shows


def test_a_server_is_told_to_try(world: World) -> None:
    change = Change("repo get", "--refresh hard", (URL,), {"repo": URL, "forceRefresh": True})
    world.remote.answers[REPOS + "Get"] = {"repo": URL, "type": "git"}

    def asked(*flag: str) -> Mapping[str, Any]:
        assert run(world, "repo", "get", URL, *flag).code == 0
        return {name: value for name, value in world.remote.request("Get").items() if value}

    assert asked(*change.words) == change.shows
    assert asked() != change.shows


# -- what a server is told --------------------------------------------------------------------

OPENING = {
    "--azure-active-directory-endpoint": ("azureActiveDirectoryEndpoint", "https://login"),
    "--azure-service-principal-client-id": ("azureServicePrincipalClientId", "c"),
    "--azure-service-principal-client-secret": ("azureServicePrincipalClientSecret", "s"),
    "--azure-service-principal-tenant-id": ("azureServicePrincipalTenantId", "t"),
    "--bearer-token": ("bearerToken", "b"),
    "--enable-oci": ("enableOCI", True),
    "--force-http-basic-auth": ("forceHttpBasicAuth", True),
    "--gcp-service-account-key-path": ("gcpServiceAccountKey", "{}"),
    "--github-app-enterprise-base-url": ("githubAppEnterpriseBaseUrl", "https://api"),
    "--github-app-id": ("githubAppID", 1),
    "--github-app-installation-id": ("githubAppInstallationID", 2),
    "--github-app-private-key-path": ("githubAppPrivateKey", "{}"),
    "--insecure-oci-force-http": ("insecureOCIForceHttp", True),
    "--password": ("password", "p"),
    "--tls-client-cert-key-path": ("tlsClientCertKey", "{}"),
    "--tls-client-cert-path": ("tlsClientCertData", "{}"),
    "--type": ("type", "helm"),
    "--use-azure-workload-identity": ("useAzureWorkloadIdentity", True),
    "--username": ("username", "me"),
}
OF_REPOSITORIES = {
    "--depth": ("depth", 3),
    "--enable-lfs": ("enableLfs", True),
    "--insecure-ignore-host-key": ("insecureIgnoreHostKey", True),
    "--insecure-skip-server-verification": ("insecure", True),
    "--name": ("name", "charts"),
    "--no-proxy": ("noProxy", "a,b"),
    "--project": ("project", "team"),
    "--proxy": ("proxy", "http://proxy"),
    "--webhook-manifest-cache-warm-disabled": ("webhookManifestCacheWarmDisabled", True),
}
OF_TEMPLATES = {"--proxy-url": ("proxy", "http://proxy")}
OF_TRIALS = {"enableOCI": "enableOci", "insecureOCIForceHttp": "insecureOciForceHttp"}
"""A trial spells these in another way."""
NOT_TRIED = {
    "depth", "enableLfs", "insecureIgnoreHostKey", "noProxy", "webhookManifestCacheWarmDisabled",
}  # fmt: skip
Flags = Mapping[str, tuple[str, Any]]


def words(flags: Flags, folder: Path) -> list[str]:
    """Keys and certificates are in a file each."""
    found = []
    for flag, (_, value) in flags.items():
        match value:
            case True:
                found.append(flag)
            case "{}":
                file = folder / flag.strip("-")
                file.write_text(f"PEM of {flag}")
                found += [flag, str(file)]
            case _:
                found += [flag, str(value)]
    return found


def told(flags: Flags) -> dict[str, Any]:
    return {
        name: f"PEM of {flag}" if value == "{}" else value for flag, (name, value) in flags.items()
    }


def given(request: Mapping[str, Any]) -> dict[str, Any]:
    return {n: value for n, value in request.items() if value and n != "connectionState"}


# A bearer token stands alone: beside it there is neither a password nor a chart.
TOKEN = {"--bearer-token"}
LOGIN = {"--password", "--username", "--type"}


@pytest.mark.parametrize("without", [TOKEN, LOGIN], ids=["login", "token"])
def test_a_server_is_told_of_a_repository(world: World, tmp_path: Path, without: set[str]) -> None:
    flags = {flag: one for flag, one in (OPENING | OF_REPOSITORIES).items() if flag not in without}
    world.remote.answers[REPOS + "ValidateAccess"] = {}
    world.remote.answers[REPOS + "CreateRepository"] = {"repo": URL}
    ran = run(world, "repo", "add", URL, *words(flags, tmp_path), "--upsert")
    assert (ran.code, ran.out) == (0, f"Repository '{URL}' added\n")
    expected = {"type": "git"} | told(flags) | {"repo": URL}
    made = world.remote.request("CreateRepository")
    assert (given(made["repo"]), made["upsert"]) == (expected, True)
    tried = {OF_TRIALS.get(n, n): v for n, v in expected.items() if n not in NOT_TRIED}
    assert given(world.remote.request("ValidateAccess")) == tried


@pytest.mark.parametrize("without", [TOKEN, LOGIN], ids=["login", "token"])
def test_a_server_is_told_of_a_template(world: World, tmp_path: Path, without: set[str]) -> None:
    flags = {flag: one for flag, one in (OPENING | OF_TEMPLATES).items() if flag not in without}
    world.remote.answers[TEMPLATES + "CreateRepositoryCredentials"] = {"url": URL}
    ran = run(world, "repocreds", "add", URL, *words(flags, tmp_path))
    assert (ran.code, json.dumps(ran.err)) == (0, '""')
    expected = {"type": "git"} | told(flags) | {"url": URL}
    assert given(world.remote.request("CreateRepositoryCredentials")["creds"]) == expected
