"""Applications of several sources: a chart with the values of another repository, and more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest
import yaml

from tests.e2e.manifests import config_map
from tests.e2e.repo import Repo
from tests.e2e.stack import NAMESPACE, Stack
from tests.fixtures.chartserver import ChartServer
from tests.fixtures.registry import LAYER, Blob, Registry
from tests.fixtures.tars import tgz

TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: web
data:
  color: {{ .Values.color | quote }}
"""
Sources = list[dict[str, Any]]
T = TypeVar("T")


@pytest.fixture(scope="module")
def charts(stack: Stack) -> Repo:
    repo = stack.repo("several-charts.git")
    repo.write("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")
    repo.write("web/values.yaml", "color: none\n")
    repo.write("web/templates/web.yaml", TEMPLATE)
    repo.commit()
    return repo


@pytest.fixture(scope="module")
def values(stack: Stack) -> Repo:
    repo = stack.repo("several-values.git")
    repo.write("envs/prod.yaml", "color: blue\n")
    repo.write("plain/cm.yaml", config_map("plain", a="1"))
    repo.commit()
    return repo


def sources(charts: Repo, values: Repo) -> Sources:
    helm = {"valueFiles": ["$env/envs/prod.yaml"]}
    return [
        {"repoURL": charts.url, "path": "web", "name": "chart", "helm": helm},
        {"repoURL": values.url, "ref": "env", "targetRevision": "main"},
        {"repoURL": values.url, "path": "plain", "targetRevision": "main"},
    ]


def apply(stack: Stack, name: str, listed: Sources, **spec: Any) -> None:
    stack.kube.create(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "project": "default",
                "sources": listed,
                "destination": {"name": "in-cluster", "namespace": name},
                "syncPolicy": {"syncOptions": ["CreateNamespace=true"], **spec},
            },
        }
    )


def head(repo: Repo) -> str:
    return repo.git("rev-parse", "HEAD")


def data(stack: Stack, name: str, config: str) -> dict[str, str]:
    found = stack.kube.get("ConfigMap", name, config)
    assert found is not None, f"no {config} in {name}"
    return dict(found["data"])


def revisions(stack: Stack, name: str) -> list[str]:
    return list(stack.app(name)["status"]["sync"].get("revisions") or ())


def test_a_chart_takes_its_values_from_another_repository(
    stack: Stack, charts: Repo, values: Repo
) -> None:
    apply(stack, "several", sources(charts, values), automated={"prune": True})
    stack.until_status("several", "Synced", "Healthy")
    assert data(stack, "several", "web") == {"color": "blue"}
    assert data(stack, "several", "plain") == {"a": "1"}
    status = stack.app("several")["status"]
    expected = [head(charts), head(values), head(values)]
    assert status["sync"]["revisions"] == expected
    assert status["sourceTypes"] == ["Helm", "", "Directory"]
    (past,) = status["history"]
    assert past["revisions"] == expected
    assert [one["repoURL"] for one in past["sources"]] == [charts.url, values.url, values.url]
    shown = stack.ok("app", "get", "several")
    assert shown.count("- Repo:") == 3
    assert "Ref:" in shown
    history = stack.ok("app", "history", "several")
    assert f"SOURCE  {charts.url}" in history
    assert f"main ({head(values)[:7]})" in history

    # A commit to the values alone.
    values.write("envs/prod.yaml", "color: green\n")
    commit = values.commit()
    stack.until("it is live", lambda: data(stack, "several", "web") == {"color": "green"})
    stack.until("it says so", lambda: revisions(stack, "several") == [head(charts), commit, commit])


def test_revisions_of_single_sources(stack: Stack, charts: Repo, values: Repo) -> None:
    values.write("envs/prod.yaml", "color: red\n")
    old = values.commit()
    values.write("envs/prod.yaml", "color: white\n")
    values.commit()
    apply(stack, "several-revisions", sources(charts, values))
    stack.ok("app", "sync", "several-revisions")
    assert data(stack, "several-revisions", "web") == {"color": "white"}
    shown = stack.ok(
        "app", "manifests", "several-revisions",
        "--revisions", old, "--source-positions", "2", "--revisions", old,
        "--source-positions", "3",
    )  # fmt: skip
    assert "color: red" in shown
    assert "name: plain" in shown
    stack.ok(
        "app", "sync", "several-revisions",
        "--revisions", old, "--revisions", old, "--source-positions", "2,3",
    )  # fmt: skip
    assert data(stack, "several-revisions", "web") == {"color": "red"}
    ran = stack.cli("app", "diff", "several-revisions", "--revisions", "main",
                    "--revisions", "main", "--source-positions", "2,3")  # fmt: skip
    assert ran.code == 1
    assert "color: white" in ran.out
    ids = stack.ok("app", "history", "several-revisions", "-o", "id").split()
    stack.ok("app", "rollback", "several-revisions", ids[0])
    assert data(stack, "several-revisions", "web") == {"color": "white"}
    ran = stack.cli("app", "sync", "several-revisions", "--revision", old)
    assert ran.code == 1
    assert "does not work on multi-source app with --revision flag" in ran.err


def test_sources_come_and_go(stack: Stack, charts: Repo, values: Repo) -> None:
    name = "several-changes"
    apply(stack, name, sources(charts, values)[2:], automated={"prune": True})
    stack.until_status(name, "Synced", "Healthy")
    stack.ok(
        "app", "add-source", name, "--repo", charts.url, "--path", "web",
        "--source-name", "chart", "--helm-set", "color=black",
    )  # fmt: skip
    stack.until("it is live", lambda: data(stack, name, "web") == {"color": "black"})
    stack.ok("app", "set", name, "--source-name", "chart", "--helm-set", "color=grey")
    stack.until("it is live", lambda: data(stack, name, "web") == {"color": "grey"})
    stack.ok("app", "unset", name, "--source-position", "2", "-p", "color")
    stack.until("it is live", lambda: data(stack, name, "web") == {"color": "none"})
    stack.ok("app", "remove-source", name, "--source-name", "chart")
    stack.until("it is pruned", lambda: stack.kube.get("ConfigMap", name, "web") is None)
    stack.until_status(name, "Synced", "Healthy")


class Servers:
    """A chart repository and a registry, open to all, on a loop of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.charts, self.registry = ChartServer(), Registry()
        self.run(self.charts.start())
        self.run(self.registry.start())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def stop(self) -> None:
        self.run(self.charts.stop())
        self.run(self.registry.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@pytest.fixture(scope="module")
def servers(stack: Stack) -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.stop()


def test_a_chart_an_artefact_and_values(stack: Stack, servers: Servers, values: Repo) -> None:
    name = "several-kinds"
    files = {"templates/web.yaml": TEMPLATE}
    servers.charts.publish("web", "1.0.0", files=files)
    layer = Blob(LAYER, tgz({"cm.yaml": config_map("artefact", a="1")}))
    digest = servers.run(servers.registry.push("team/plain", "v1", [layer]))
    registry = f"oci://{servers.registry.host}/team/plain"
    stack.kube.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "several-registry",
                "namespace": NAMESPACE,
                "labels": {"argocd.argoproj.io/secret-type": "repository"},
            },
            "stringData": {"type": "oci", "url": registry, "insecureOCIForceHttp": "true"},
        }
    )
    values.write("envs/prod.yaml", "color: blue\n")
    commit = values.commit()
    listed: Sources = [
        {
            "repoURL": servers.charts.url,
            "chart": "web",
            "targetRevision": "1.x",
            "helm": {"valueFiles": ["$env/envs/prod.yaml"]},
        },
        {"repoURL": values.url, "ref": "env"},
        {"repoURL": registry, "path": ".", "targetRevision": "v1"},
    ]
    apply(stack, name, listed, automated={"prune": True})
    stack.until_status(name, "Synced", "Healthy")
    assert revisions(stack, name) == ["1.0.0", commit, digest]
    assert data(stack, name, "web") == {"color": "blue"}
    assert data(stack, name, "artefact") == {"a": "1"}
    # A newer version of the chart, and another artefact under the tag.
    servers.charts.publish("web", "1.1.0", files=files)
    layer = Blob(LAYER, tgz({"cm.yaml": config_map("artefact", a="2")}))
    digest = servers.run(servers.registry.push("team/plain", "v1", [layer]))
    stack.until("it is followed", lambda: revisions(stack, name) == ["1.1.0", commit, digest])
    stack.until("it is live", lambda: data(stack, name, "artefact") == {"a": "2"})


def test_a_folder_stands_for_the_first_repository(stack: Stack, values: Repo, charts: Repo) -> None:
    name = "several-local"
    apply(stack, name, sources(charts, values)[1:])
    stack.ok("app", "sync", name)
    values.write("plain/cm.yaml", config_map("plain", a="not committed"))
    try:
        ran = stack.cli("app", "diff", name, "--local", str(values.folder))
        shown = stack.ok("app", "manifests", name, "--local", str(values.folder))
    finally:
        values.git("checkout", "--quiet", "plain/cm.yaml")
    assert ran.code == 1
    assert "not committed" in ran.out
    assert "not committed" in shown
    ran = stack.cli("app", "sync", name, "--local", str(values.folder))
    assert ran.code == 1
    assert "argocd cli does not work on multi-source app with --local flag" in ran.err


def test_the_source_that_fails_is_named(stack: Stack, charts: Repo, values: Repo) -> None:
    listed = [*sources(charts, values)[1:], {"repoURL": charts.url, "path": "nowhere"}]
    apply(stack, "several-wrong", listed)
    said = stack.until(
        "it is said", lambda: stack.conditions("several-wrong").get("ComparisonError")
    )
    assert said == (
        "Failed to load target state: failed to generate manifest for source 3 of 3: "
        "nowhere: app path does not exist"
    )
    assert stack.status("several-wrong")[0] == "Unknown"


def test_a_source_that_the_project_does_not_permit(
    stack: Stack, charts: Repo, values: Repo
) -> None:
    stack.kube.create(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AppProject",
            "metadata": {"name": "several-narrow", "namespace": NAMESPACE},
            "spec": {
                "sourceRepos": [charts.url],
                "destinations": [{"server": "*", "namespace": "*"}],
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
            },
        }
    )
    apply(stack, "several-denied", sources(charts, values))
    stack.kube.merge(
        "Application", NAMESPACE, "several-denied", {"spec": {"project": "several-narrow"}}
    )
    said = stack.until(
        "it is said", lambda: stack.conditions("several-denied").get("InvalidSpecError")
    )
    assert said == (f"application repo {values.url} is not permitted in project 'several-narrow'")


def test_a_command_prints_its_answer_and_nothing_else(
    stack: Stack, charts: Repo, values: Repo
) -> None:
    """What is wrong with a repository is said by who asks for it."""
    stack.kube.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "several-broken",
                "namespace": NAMESPACE,
                "labels": {"argocd.argoproj.io/secret-type": "repository"},
            },
            "stringData": {"url": "https://elsewhere.example.com", "insecure": "perhaps"},
        }
    )
    try:
        apply(stack, "several-quiet", sources(charts, values))
        ran = stack.cli("app", "manifests", "several-quiet")
        assert ran.code == 0, ran.err
        kinds = [one["kind"] for one in yaml.safe_load_all(ran.out)]
        assert kinds == ["ConfigMap", "ConfigMap"]
        assert "several-broken" not in ran.err
    finally:
        stack.kube.delete("Secret", NAMESPACE, "several-broken")
