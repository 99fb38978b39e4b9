"""Every example goes live, by itself and as a child of the application of applications."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.repo import Repo
from tests.e2e.stack import NAMESPACE, Stack

EXAMPLES = Path(__file__).parents[2] / "examples"
OVERLAYS = "kustomize-guestbook/overlays"
ALONE = {
    "guestbook": {"ConfigMap/guestbook-text", "Deployment/guestbook", "Service/guestbook"},
    "helm-guestbook": {
        "Deployment/ex-helm-guestbook",
        "PersistentVolumeClaim/ex-helm-guestbook-pages",
        "Service/ex-helm-guestbook",
    },
    "kustomize-guestbook": {
        "ConfigMap/guestbook-text",
        "Deployment/guestbook",
        "Service/guestbook",
    },
    f"{OVERLAYS}/dev": {
        "ConfigMap/dev-guestbook-text",
        "Deployment/dev-guestbook",
        "Service/dev-guestbook",
    },
    f"{OVERLAYS}/staging": {
        "ConfigMap/staging-guestbook-text",
        "Deployment/staging-guestbook",
        "Service/staging-guestbook",
    },
    f"{OVERLAYS}/prod": {
        "ConfigMap/prod-guestbook-text",
        "Deployment/prod-guestbook",
        "Service/prod-guestbook",
    },
    "waves": {"ConfigMap/schema", "Deployment/backend", "Deployment/frontend"},
    # The hook that ran before stays, the one that ran after is gone.
    "hooks": {"Deployment/server", "Job/migrate"},
}
CHILDREN = {
    "guestbook",
    "helm-guestbook",
    "waves",
    "hooks",
    "kustomize-guestbook",
    "stage-dev",
    "stage-staging",
    "stage-prod",
}


@pytest.fixture(scope="module")
def examples(stack: Stack) -> Repo:
    repo = stack.repo("examples.git")
    shutil.copytree(EXAMPLES, repo.folder, dirs_exist_ok=True)
    repo.commit()
    return repo


def test_every_example_is_tested() -> None:
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert folders == {path.split("/")[0] for path in ALONE} | {"apps"}
    overlays = {path.name for path in (EXAMPLES / OVERLAYS).iterdir()}
    assert overlays == {path.rsplit("/", 1)[1] for path in ALONE if path.startswith(OVERLAYS)}


@pytest.mark.parametrize("path", ALONE)
def test_an_example_is_synced_and_healthy(stack: Stack, examples: Repo, path: str) -> None:
    name = f"ex-{path.rsplit('/', 1)[-1]}"
    stack.create(name, examples, path)
    stack.ok("app", "sync", name)
    stack.ok("app", "wait", name, "--timeout", "60")
    assert stack.status(name) == ("Synced", "Healthy")
    found = stack.app(name)["status"]["resources"]
    # The hash that Kustomize puts at the end of a generated name is none of ours.
    seen = {f"{entry['kind']}/{entry['name']}" for entry in found}
    wanted = ALONE[path]
    if "kustomize" in path:
        assert all(any(one.startswith(prefix) for prefix in wanted) for one in seen)
        assert len(seen) == len(wanted)
    else:
        assert seen == wanted
    assert all(entry.get("status", "Synced") == "Synced" for entry in found)
    stack.ok("app", "delete", name, "--yes")


def test_overlays_differ_as_they_say(stack: Stack, examples: Repo) -> None:
    stack.apply("ov-prod", examples, f"{OVERLAYS}/prod", syncPolicy={"automated": {}})
    stack.until_done("ov-prod")
    live = stack.kube.get("Deployment", "ov-prod", "prod-guestbook")
    assert live is not None
    assert live["spec"]["replicas"] == 3
    assert live["spec"]["selector"]["matchLabels"]["stage"] == "prod"
    maps = stack.kube.list("ConfigMap", "ov-prod")
    texts = [one["data"] for one in maps if one["metadata"]["name"].startswith("prod-")]
    assert texts == [{"greeting": "Hello from prod"}]


def test_helm_values_and_parameters_reach_the_chart(stack: Stack, examples: Repo) -> None:
    stack.create(
        "ex-values", examples, "helm-guestbook", "--sync-policy", "auto",
        "--values", "values-big.yaml", "--helm-set", "service.type=ClusterIP",
        "--release-name", "pages",
    )  # fmt: skip
    stack.until_status("ex-values", "Synced", "Healthy")
    live = stack.kube.get("Deployment", "ex-values", "pages")
    assert live is not None
    # The value file says three replicas, the parameter what sort of Service.
    assert live["spec"]["replicas"] == 3
    service = stack.kube.get("Service", "ex-values", "pages")
    assert service is not None
    assert service["spec"]["type"] == "ClusterIP"
    said = stack.ok("app", "get", "ex-values", "--show-params")
    assert "NAME" in said
    assert "service.type" in said
    assert "ClusterIP" in said


def test_an_application_of_applications_cascades(stack: Stack, examples: Repo) -> None:
    stack.ok(
        "app", "create", "ex-apps", "--repo", examples.url, "--path", "apps",
        "--helm-set", f"repoURL={examples.url}",
        "--dest-server", "https://kubernetes.default.svc", "--dest-namespace", NAMESPACE,
        "--sync-policy", "auto", "--auto-prune", "--set-finalizer",
    )  # fmt: skip
    stack.until_status("ex-apps", "Synced", "Healthy")
    parent = stack.app("ex-apps")["status"]
    assert {entry["name"] for entry in parent["resources"]} == CHILDREN
    assert {entry["kind"] for entry in parent["resources"]} == {"Application"}
    assert parent["summary"]["isAppOfApps"] is True
    for child in sorted(CHILDREN):
        stack.until_status(child, "Synced", "Healthy", 120)
        tracking = stack.app(child)["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"]
        assert tracking == f"ex-apps:argoproj.io/Application:{NAMESPACE}/{child}"
    # What its children write into their statuses is no change of the parent's objects.
    assert stack.status("ex-apps") == ("Synced", "Healthy")

    stack.ok("app", "delete", "ex-apps", "--yes")
    stack.until(
        "parent and children are gone",
        lambda: (
            not [
                name
                for name in (*CHILDREN, "ex-apps")
                if stack.kube.get("Application", NAMESPACE, name) is not None
            ]
        ),
        90,
    )
    for namespace in sorted(CHILDREN):
        assert stack.kube.list("Deployment", namespace) == []
        assert stack.kube.list("Service", namespace) == []
