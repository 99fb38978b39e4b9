"""Charts of an index and of a registry, and OCI artefacts, from their servers to the cluster.

The chart repository is served over https with a certificate of the test's own authority and wants
a password; the registry is a real one, and wants one, too.
"""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.e2e.manifests import config_map
from tests.e2e.stack import NAMESPACE, Stack
from tests.fixtures.authority import Authority
from tests.fixtures.chartserver import ChartServer
from tests.fixtures.registry import LAYER, Blob, Registry
from tests.fixtures.tars import tgz

T = TypeVar("T")
PASSWORD = "s3cret-of-charts"
USER = f"ada:{PASSWORD}"


class Servers:
    """Both on a loop of their own."""

    def __init__(self, folder: Path) -> None:
        authority = Authority()
        self.ca = folder / "ca.pem"
        self.ca.write_text(authority.pem)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.charts = ChartServer(authority.server_context(folder))
        self.charts.wanted = "Basic " + base64.b64encode(USER.encode()).decode()
        self.registry = Registry(user=USER)
        self.run(self.charts.start())
        self.run(self.registry.start())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def stop(self) -> None:
        self.run(self.charts.stop())
        self.run(self.registry.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def push(self, name: str, tag: str, files: dict[str, str]) -> str:
        return self.run(self.registry.push(name, tag, [Blob(LAYER, tgz(files))]))


@pytest.fixture(scope="module")
def servers(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    servers = Servers(tmp_path_factory.mktemp("charts"))
    stack.ok("cert", "add-tls", "127.0.0.1", "--from", str(servers.ca))
    yield servers
    servers.stop()
    stack.ok("cert", "rm", "127.0.0.1")


def secret(stack: Stack, name: str, /, **data: str) -> None:
    stack.kube.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": NAMESPACE,
                "labels": {"argocd.argoproj.io/secret-type": "repository"},
            },
            "stringData": data,
        }
    )


def follow(stack: Stack, name: str, source: dict[str, Any]) -> None:
    stack.kube.create(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "project": "default",
                "source": source,
                "destination": {"name": "in-cluster", "namespace": name},
                "syncPolicy": {"automated": {}, "syncOptions": ["CreateNamespace=true"]},
            },
        }
    )


def until_live(stack: Stack, name: str, config: str, version: str) -> None:
    def live() -> bool:
        found = stack.kube.get("ConfigMap", name, config)
        assert found is not None, stack.app(name).get("status")
        assert found["data"] == {"version": version}, stack.app(name).get("status")
        return True

    stack.until(f"{version} is live", live)
    stack.until_status(name, "Synced", "Healthy")


def until_error(stack: Stack, name: str, *texts: str) -> None:
    def told() -> bool:
        said = stack.conditions(name).get("ComparisonError", "")
        assert all(text in said for text in texts), said
        assert PASSWORD not in said
        return True

    stack.until(f"{name} says {texts}", told)


def revision(stack: Stack, name: str) -> str:
    found: str = stack.app(name)["status"]["sync"]["revision"]
    return found


def test_a_chart_of_a_repository_follows_its_range(stack: Stack, servers: Servers) -> None:
    for version in ("1.0.0", "2.0.0"):
        servers.charts.publish("web", version)
    url = servers.charts.url
    added = stack.cli(
        "repo", "add", url, "--type", "helm", "--name", "charts", "--username", "ada",
        "--password", "wrong-" + PASSWORD,
    )  # fmt: skip
    assert added.code != 0
    assert "failed to get index: login: the server answers 401" in added.err
    assert PASSWORD not in added.err + added.out
    stack.ok(
        "repo", "add", url, "--type", "helm", "--name", "charts", "--username", "ada",
        "--password", PASSWORD,
    )  # fmt: skip
    follow(stack, "ranged", {"repoURL": url, "chart": "web", "targetRevision": "1.x"})
    until_live(stack, "ranged", "x", "1.0.0")
    assert revision(stack, "ranged") == "1.0.0"
    servers.charts.publish("web", "1.1.0")
    until_live(stack, "ranged", "x", "1.1.0")
    # Of all that it asked, an index that did not change was never sent twice.
    asked = servers.charts.requests
    assert asked["index.yaml"] - asked["304"] <= 5
    assert asked["web-1.1.0.tgz"] == 1


def test_what_is_missing_in_a_repository_is_said(stack: Stack, servers: Servers) -> None:
    url = servers.charts.url
    follow(stack, "no-chart", {"repoURL": url, "chart": "api", "targetRevision": "*"})
    until_error(stack, "no-chart", "chart 'api' not found in index")
    follow(stack, "no-version", {"repoURL": url, "chart": "web", "targetRevision": "7.0.0"})
    until_error(stack, "no-version", 'version "7.0.0" not found', "the newest is 2.0.0")
    follow(stack, "no-host", {"repoURL": "https://charts.invalid", "chart": "web",
                              "targetRevision": "1.x"})  # fmt: skip
    until_error(stack, "no-host", "name resolution: the host 'charts.invalid'", "check the host")


def test_a_chart_of_a_registry(stack: Stack, servers: Servers) -> None:
    host = servers.registry.host
    servers.run(servers.registry.push_chart("team/shop", "1.0.0"))
    url = f"{host}/team"
    source = {"repoURL": url, "chart": "shop", "targetRevision": "^1"}
    secret(
        stack, "registry-charts", url=url, type="helm", name="team", enableOCI="true",
        insecureOCIForceHttp="true", username="ada", password=PASSWORD,
    )  # fmt: skip
    follow(stack, "of-registry", source)
    until_live(stack, "of-registry", "x", "1.0.0")
    servers.run(servers.registry.push_chart("team/shop", "1.4.0"))
    until_live(stack, "of-registry", "x", "1.4.0")


def test_an_artefact_follows_its_tag(stack: Stack, servers: Servers) -> None:
    name = "team/manifests"
    first = servers.push(name, "main", {"app/cm.yaml": config_map("settings", version="1")})
    url = f"oci://{servers.registry.host}/{name}"
    secret(
        stack, "artefacts", url=url, type="oci", insecureOCIForceHttp="true",
        username="ada", password=PASSWORD,
    )  # fmt: skip
    follow(stack, "artefact", {"repoURL": url, "path": "app", "targetRevision": "main"})
    until_live(stack, "artefact", "settings", "1")
    assert revision(stack, "artefact") == first
    second = servers.push(name, "main", {"app/cm.yaml": config_map("settings", version="2")})
    until_live(stack, "artefact", "settings", "2")
    assert revision(stack, "artefact") == second


def test_a_password_that_is_changed_is_said_and_mended(stack: Stack, servers: Servers) -> None:
    name = "team/locked"
    servers.push(name, "main", {"app/cm.yaml": config_map("settings", version="1")})
    url = f"oci://{servers.registry.host}/{name}"
    secret(
        stack, "locked", url=url, type="oci", insecureOCIForceHttp="true",
        username="ada", password="wrong-" + PASSWORD,
    )  # fmt: skip
    follow(stack, "locked", {"repoURL": url, "path": "app", "targetRevision": "main"})
    until_error(stack, "locked", "login: the server answers 401", "check the user and password")
    right = {"stringData": {"password": PASSWORD}}
    stack.kube.merge("Secret", NAMESPACE, "locked", right)
    until_live(stack, "locked", "settings", "1")
