"""The cluster that Tiphys runs in: as it is, as a Secret says, and not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.manifests import config_map
from tests.e2e.repo import Repo
from tests.e2e.stack import NAMESPACE, Stack
from tests.e2e.test_ignore import setting
from tests.e2e.test_projects import SERVER, scoped_cluster

SKIP = "argocd.argoproj.io/skip-reconcile"


@pytest.fixture(scope="module")
def repo(stack: Stack) -> Repo:
    repo = stack.repo("cs.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    return repo


@pytest.fixture
def again(stack: Stack) -> Iterator[dict[str, Any]]:
    """The same control plane under a second name; a slash at the end of its URL means nothing."""
    secret = scoped_cluster(stack, "cs-again", "")
    del secret["stringData"]["project"]
    secret["stringData"]["server"] += "/"
    yield stack.kube.create(secret)
    stack.forget_applications()
    stack.kube.delete("Secret", NAMESPACE, "cs-again")


@pytest.mark.usefixtures("again")
def test_a_slash_at_the_end_of_a_server_means_nothing(stack: Stack, repo: Repo) -> None:
    there = {"server": stack.cluster.server, "namespace": "cs-slash"}
    stack.apply("cs-slash", repo, "app", destination=there, syncPolicy={"automated": {}})
    stack.until_status("cs-slash", "Synced", "Healthy")
    assert f"{stack.cluster.server} " in stack.ok("cluster", "list")


@pytest.mark.usefixtures("again")
def test_applications_of_a_cluster_may_be_left_alone(stack: Stack, repo: Repo) -> None:
    note = {"metadata": {"annotations": {SKIP: "true"}}}
    stack.kube.merge("Secret", NAMESPACE, "cs-again", note)
    there = {"name": "cs-again", "namespace": "cs-alone"}
    stack.apply("cs-alone", repo, "app", destination=there, syncPolicy={"automated": {}})
    stack.apply("cs-beside", repo, "app", syncPolicy={"automated": {}})
    stack.until_status("cs-beside", "Synced", "Healthy")
    assert "status" not in stack.app("cs-alone")
    assert stack.kube.get("Namespace", "", "cs-alone") is None
    stack.kube.merge("Secret", NAMESPACE, "cs-again", {"metadata": {"annotations": {SKIP: None}}})
    stack.until_status("cs-alone", "Synced", "Healthy")


def test_the_cluster_itself_may_be_no_destination(stack: Stack, repo: Repo) -> None:
    with setting(stack, "argocd-cm", **{"cluster.inClusterEnabled": "false"}):
        stack.apply("cs-inside", repo, "app", syncPolicy={"automated": {}})
        stack.until("it is told", lambda: "InvalidSpecError" in stack.conditions("cs-inside"))
        assert stack.status("cs-inside") == ("Unknown", "Unknown")
    stack.until_status("cs-inside", "Synced", "Healthy")


def test_a_secret_names_the_cluster_anew(stack: Stack, repo: Repo) -> None:
    secret = scoped_cluster(stack, "cs-home", "")
    del secret["stringData"]["project"]
    del secret["stringData"]["config"]
    secret["stringData"]["server"] = SERVER
    stack.kube.create(secret)
    try:
        there = {"name": "cs-home", "namespace": "cs-home"}
        stack.apply("cs-home", repo, "app", destination=there, syncPolicy={"automated": {}})
        stack.until_status("cs-home", "Synced", "Healthy")
        lines = stack.ok("cluster", "list").splitlines()
        assert [line.split()[1] for line in lines if line.startswith(SERVER)] == ["cs-home"]
    finally:
        stack.kube.delete("Secret", NAMESPACE, "cs-home")
