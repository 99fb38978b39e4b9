"""Sources that name what lies outside of their repository: bases, and charts behind a login."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.manifests import config_map
from tests.e2e.stack import NAMESPACE, Stack
from tests.e2e.test_charts import PASSWORD, Servers, until_error, until_live

HARD = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}}


@pytest.fixture(scope="module")
def servers(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    servers = Servers(tmp_path_factory.mktemp("outside"))
    stack.ok("cert", "add-tls", "127.0.0.1", "--from", str(servers.ca))
    yield servers
    servers.stop()
    stack.ok("cert", "rm", "127.0.0.1")


def automated(**more: Any) -> dict[str, Any]:
    """A base that moved on makes no new commit: what differs then is healed."""
    return {"syncPolicy": {"automated": {"selfHeal": True}}, **more}


def test_a_base_in_another_repository(stack: Stack) -> None:
    base, repo = stack.repo("outside-base.git"), stack.repo("outside.git")
    base.write("deep/kustomization.yaml", "resources: [cm.yaml]\n")
    base.write("deep/cm.yaml", config_map("far", version="1"))
    base.commit()
    named = f"{base.url}//deep?ref=main"
    repo.write("app/kustomization.yaml", f"resources: ['{named}']\n")
    repo.commit()
    stack.apply("far-base", repo, "app", **automated())
    until_live(stack, "far-base", "far", "1")
    renders = stack.renders()
    base.write("deep/cm.yaml", config_map("far", version="2"))
    base.commit()
    stack.kube.merge("Application", NAMESPACE, "far-base", HARD)
    until_live(stack, "far-base", "far", "2")
    # One that says what it needs, and one that has it.
    assert stack.renders() - renders == 2


def test_a_base_that_the_project_does_not_permit(stack: Stack) -> None:
    base, repo = stack.repo("forbidden-base.git"), stack.repo("forbidden.git")
    base.write("kustomization.yaml", "resources: []\n")
    base.commit()
    repo.write("app/kustomization.yaml", f"resources: ['{base.url}//?ref=main']\n")
    repo.commit()
    stack.kube.create(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AppProject",
            "metadata": {"name": "narrow", "namespace": NAMESPACE},
            "spec": {
                "sourceRepos": [repo.url],
                "destinations": [{"server": "*", "namespace": "*"}],
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
            },
        }
    )
    stack.apply("forbidden", repo, "app", **automated(project="narrow"))
    shown = base.url.removesuffix(".git")
    until_error(stack, "forbidden", shown, "is not permitted in project 'narrow'")


def test_a_dependency_behind_a_login(stack: Stack, servers: Servers) -> None:
    servers.charts.publish("redis", "1.0.0")
    url = servers.charts.url
    repo = stack.repo("dependent.git")
    dependency = f"- {{name: redis, version: 1.x, repository: '{url}'}}\n"
    chart = "apiVersion: v2\nname: web\nversion: 0.1.0\ndependencies:\n"
    repo.write("app/Chart.yaml", chart + dependency)
    repo.commit()
    stack.apply("dependent", repo, "app", **automated())
    until_error(stack, "dependent", "wants a login", "register the repository")
    stack.ok(
        "repo", "add", url, "--type", "helm", "--name", "redis-charts", "--username", "ada",
        "--password", PASSWORD,
    )  # fmt: skip
    until_live(stack, "dependent", "x", "1.0.0")
