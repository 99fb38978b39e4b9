"""A control plane's own objects, exported and restored."""

from __future__ import annotations

import base64
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.proofs import proves
from tests.e2e.stack import NAMESPACE, Stack

LABEL = "backup.test/kept"


@pytest.fixture
def application(stack: Stack) -> Iterator[str]:
    """One that is left alone, so that nothing of it changes between two looks."""
    name = "backed-up"
    stack.kube.create(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {
                "name": name,
                "namespace": NAMESPACE,
                "labels": {LABEL: "yes"},
                "annotations": {"argocd.argoproj.io/skip-reconcile": "true"},
                "finalizers": ["resources-finalizer.argocd.argoproj.io"],
            },
            "spec": {
                "project": "default",
                "source": {"repoURL": "https://example.com/a.git", "path": "a"},
                "destination": {"name": "in-cluster", "namespace": "default"},
            },
        }
    )
    yield name
    if stack.kube.get("Application", NAMESPACE, name) is not None:
        stack.kube.merge("Application", NAMESPACE, name, {"metadata": {"finalizers": None}})
        stack.kube.delete("Application", NAMESPACE, name)


def exported(stack: Stack, path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    assert stack.ok("admin", "export", "-n", NAMESPACE, "-o", str(path)) == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert text.endswith("---\n")
    documents = [one for one in yaml.safe_load_all(text) if one]
    return {(one["kind"], one["metadata"]["name"]): one for one in documents}


def restore(stack: Stack, path: Path, *flags: str) -> list[str]:
    return stack.ok("admin", "import", str(path), "-n", NAMESPACE, *flags).splitlines()


def place(kind: str, name: str) -> str:
    group = "argoproj.io" if kind in ("Application", "AppProject") else ""
    return f"{group}/{kind} {name} in namespace {NAMESPACE}"


@proves("admin import", "--dry-run", "--verbose")
@proves("admin export", "--out")
def test_what_is_exported_is_restored(stack: Stack, application: str, tmp_path: Path) -> None:
    found = exported(stack, tmp_path / "backup.yaml")
    assert {("ConfigMap", "argocd-cm"), ("ConfigMap", "argocd-rbac-cm")} <= found.keys()
    assert ("ConfigMap", "argocd-cmd-params-cm") not in found
    assert ("Secret", "argocd-secret") in found
    assert ("AppProject", "default") in found
    kept = found["Application", application]
    assert kept["metadata"].keys() == {"name", "labels", "annotations", "finalizers"}
    stack.kube.merge(
        "Application", NAMESPACE, application, {"spec": {"source": {"path": "elsewhere"}}}
    )

    dry = restore(stack, tmp_path / "backup.yaml", "--dry-run")
    assert f"{place('Application', application)} updated (dry run)" in dry
    assert stack.app(application)["spec"]["source"]["path"] == "elsewhere"

    said = restore(stack, tmp_path / "backup.yaml", "--verbose")
    assert said[0].startswith("import process started")
    assert f"{place('Application', application)} updated" in said
    assert f"{place('AppProject', 'default')} unchanged" in said
    assert said[-1].startswith(f"Import process completed successfully in namespace {NAMESPACE} at")
    assert stack.app(application)["spec"]["source"]["path"] == "a"


@proves("admin import", "--skip-resources-with-label")
def test_what_is_gone_is_created_and_labels_are_skipped(
    stack: Stack, application: str, tmp_path: Path
) -> None:
    path = tmp_path / "backup.yaml"
    exported(stack, path)
    stack.kube.merge("Application", NAMESPACE, application, {"metadata": {"finalizers": None}})
    stack.kube.delete("Application", NAMESPACE, application)
    skipped = restore(stack, path, "--skip-resources-with-label", f"{LABEL}=yes")
    assert f"Skipping {place('Application', application)}" in skipped
    assert stack.kube.get("Application", NAMESPACE, application) is None
    assert f"{place('Application', application)} created" in restore(stack, path)
    assert stack.app(application)["metadata"]["labels"] == {LABEL: "yes"}


@proves("admin import", "--prune")
def test_pruning_is_asked_for(stack: Stack, application: str, tmp_path: Path) -> None:
    path = tmp_path / "backup.yaml"
    exported(stack, path)
    documents = [one for one in yaml.safe_load_all(path.read_text()) if one]
    kept = [one for one in documents if one["metadata"]["name"] != application]
    path.write_text(yaml.safe_dump_all(kept))
    line = place("Application", application)
    assert f"{line} needs pruning" in restore(stack, path)
    assert f"{line} pruned (dry run)" in restore(stack, path, "--prune", "--dry-run")
    assert stack.kube.get("Application", NAMESPACE, application) is not None
    assert f"{line} pruned" in restore(stack, path, "--prune")
    # The finalizer went first: nothing that was deployed is deleted.
    assert stack.kube.get("Application", NAMESPACE, application) is None


@proves("admin import", "--ignore-tracking", "--stop-operation")
def test_operations_and_tracking_may_be_left_out(
    stack: Stack, application: str, tmp_path: Path
) -> None:
    path = tmp_path / "backup.yaml"
    found = exported(stack, path)
    backup = found["Application", application]
    backup["operation"] = {"sync": {"revision": "HEAD"}}
    backup["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = "of:the/backup:a/b"
    path.write_text(yaml.safe_dump(backup))
    restore(stack, path, "--ignore-tracking", "--stop-operation")
    now = stack.app(application)
    assert "operation" not in now
    assert "argocd.argoproj.io/tracking-id" not in now["metadata"]["annotations"]


def test_a_document_that_belongs_in_no_backup_is_refused(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "backup.yaml"
    path.write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n")
    done = stack.cli("admin", "import", str(path), "-n", NAMESPACE)
    assert done.code == 20
    assert "Pod, which is no kind of a backup" in done.err


def test_a_password_for_redis_is_made_once(stack: Stack) -> None:
    seen = []
    for _ in range(2):
        said = stack.ok("admin", "redis-initial-password", "-n", NAMESPACE)
        assert said == "Argo CD Redis secret state confirmed: secret name argocd-redis.\n"
        secret = stack.kube.get("Secret", NAMESPACE, "argocd-redis")
        assert secret is not None
        assert len(base64.b64decode(secret["data"]["auth"])) >= 16
        seen.append(secret["metadata"]["resourceVersion"])
    assert seen[0] == seen[1]
