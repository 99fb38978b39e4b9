"""Every command on applications, on the real control plane, as a user types it."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.leaves import runs
from tests.e2e.manifests import config_map, deployment, job
from tests.e2e.repo import Repo
from tests.e2e.stack import BIN, NAMESPACE, Ran, Stack

CHART = "apiVersion: v2\nname: web\nversion: 1.0.0\n"
TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: values}
data: {image: "{{ .Values.image }}"}
"""
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {a: hushed}\n"


@pytest.fixture(scope="module")
def repo(stack: Stack) -> Repo:
    repo = stack.repo("commands.git")
    repo.write("plain/cm.yaml", config_map("settings", a="1"))
    repo.write("plain/secret.yaml", SECRET)
    repo.write("web/web.yaml", deployment("web"))
    repo.write("chart/Chart.yaml", CHART)
    repo.write("chart/values.yaml", "image: v1\n")
    repo.write("chart/templates/cm.yaml", TEMPLATE)
    repo.commit()
    return repo


@pytest.fixture(scope="module")
def plain(stack: Stack, repo: Repo) -> str:
    """An application that is synced; tests leave it so."""
    stack.create("cmd-plain", repo, "plain")
    stack.ok("app", "sync", "cmd-plain")
    return "cmd-plain"


def argocd(stack: Stack, *words: str) -> Ran:
    """Under the contract's name, whose output scripts read."""
    return stack.cli(*words, "--core", name="argocd")


def fatal(ran: Ran, code: int = 20) -> str:
    assert ran.code == code, ran
    said: str = json.loads(ran.err.splitlines()[-1])["msg"]
    return said


def live(stack: Stack, kind: str, namespace: str, name: str) -> dict[str, Any]:
    found = stack.kube.get(kind, namespace, name)
    assert found is not None
    return found


@runs("app set", "app unset", "app create", "app sync", core=True)
def test_set_and_unset(stack: Stack, repo: Repo) -> None:
    stack.create("cmd-set", repo, "chart")
    assert argocd(stack, "app", "set", "cmd-set", "-p", "image=v2").out == ""
    stack.ok("app", "sync", "cmd-set")
    assert live(stack, "ConfigMap", "cmd-set", "values")["data"] == {"image": "v2"}
    shown = stack.ok("app", "get", "cmd-set", "--show-params")
    assert "NAME   VALUE\nimage  v2\n" in shown
    assert argocd(stack, "app", "unset", "cmd-set", "-p", "image").out == ""
    assert "helm" not in stack.app("cmd-set")["spec"]["source"]
    differs = argocd(stack, "app", "diff", "cmd-set", "--refresh")
    assert differs.code == 1
    assert "<   image: v2\n---\n>   image: v1\n" in differs.out
    refused = stack.cli("app", "set", "cmd-set", "--path", "nowhere")
    assert "Unable to generate manifests in nowhere" in fatal(refused)


@runs("app edit", core=True)
def test_edit(stack: Stack, plain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "revisionHistoryLimit: 4" >> "$1"\n')
    editor.chmod(stat.S_IRWXU)
    monkeypatch.setenv("EDITOR", str(editor))
    stack.ok("app", "edit", plain)
    assert stack.app(plain)["spec"]["revisionHistoryLimit"] == 4
    monkeypatch.setenv("EDITOR", "true")
    ran = stack.cli("app", "edit", plain)
    assert fatal(ran) == "edit cancelled, no valid changes were saved"


@runs("app patch", core=True)
def test_patch(stack: Stack, plain: str) -> None:
    merge = '{"metadata":{"labels":{"a":"b"}},"status":{"health":{"status":"x"}}}'
    printed = yaml.safe_load(stack.ok("app", "patch", plain, "--type", "merge", "--patch", merge))
    assert printed["metadata"]["labels"] == {"a": "b"}
    assert stack.status(plain) == ("Synced", "Healthy")
    path = '[{"op":"remove","path":"/metadata/labels/a"}]'
    stack.ok("app", "patch", plain, "--patch", path)
    assert not stack.app(plain)["metadata"].get("labels")


@runs("app history", "app rollback", core=True)
def test_history_and_rollback(stack: Stack) -> None:
    repo = stack.repo("cmd-rollback.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    first = repo.commit()
    stack.create("cmd-back", repo, "app")
    stack.ok("app", "sync", "cmd-back")
    repo.write("app/cm.yaml", config_map("settings", a="2"))
    repo.write("app/more.yaml", config_map("more", a="1"))
    repo.commit()
    stack.ok("app", "sync", "cmd-back")
    assert stack.ok("app", "history", "cmd-back", "-o", "id").split() == ["0", "1"]
    shown = stack.ok("app", "history", "cmd-back").splitlines()
    assert shown[0].split() == ["SOURCE", repo.url]
    assert shown[2].endswith(f" ({first[:7]})")
    out = stack.ok("app", "rollback", "cmd-back", "0", "--prune")
    assert f"Sync Revision:      {first}\n" in out
    assert live(stack, "ConfigMap", "cmd-back", "settings")["data"] == {"a": "1"}
    assert stack.kube.get("ConfigMap", "cmd-back", "more") is None
    # Without an id: to what was there before the last one.
    stack.ok("app", "rollback", "cmd-back")
    assert live(stack, "ConfigMap", "cmd-back", "settings")["data"] == {"a": "2"}
    stack.ok("app", "set", "cmd-back", "--sync-policy", "auto")
    ran = stack.cli("app", "rollback", "cmd-back", "0")
    assert fatal(ran).endswith("rollback cannot be initiated when auto-sync is enabled")


@runs("app diff", core=True)
def test_diff(stack: Stack, repo: Repo, plain: str, tmp_path: Path) -> None:
    assert argocd(stack, "app", "diff", plain) == Ran(0, "", "")
    stack.kube.merge("ConfigMap", plain, "settings", {"data": {"a": "live"}})
    secret = {"stringData": {"a": "other"}}
    stack.kube.merge("Secret", plain, "token", secret)
    ran = argocd(stack, "app", "diff", plain)
    assert ran.code == 1
    assert f"\n===== /ConfigMap {plain}/settings ======\n" in ran.out
    assert '<   a: live\n---\n>   a: "1"\n' in ran.out
    assert "<   a: ++++++++++++\n---\n>   a: ++++++++\n" in ran.out
    assert "hushed" not in ran.out
    ours = stack.cli("app", "diff", plain, "--exit-code=false")
    assert ours.code == 0
    assert 'data.a: desired "1", live "live" (written by ' in ours.out
    server = argocd(stack, "app", "diff", plain, "--server-side-diff")
    assert server.code == 1
    assert '>   a: "1"\n' in server.out
    assert argocd(stack, "app", "diff", plain, "--diff-exit-code", "5").code == 5
    (tmp_path / "cm.yaml").write_text(config_map("settings", a="folder"))
    local = argocd(stack, "app", "diff", plain, "--local", str(tmp_path))
    assert ">   a: folder\n" in local.out
    assert "Secret" not in local.out
    whole = argocd(
        stack, "app", "diff", plain, "--local", str(repo.folder), "--server-side-generate"
    )
    assert whole.out == ran.out
    stack.ok("app", "sync", plain)


def test_diff_of_a_revision(stack: Stack) -> None:
    repo = stack.repo("revisions.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create("cmd-rev", repo, "app")
    stack.ok("app", "sync", "cmd-rev")
    repo.git("checkout", "--quiet", "-b", "other")
    repo.write("app/cm.yaml", config_map("settings", a="2"))
    repo.commit()
    ran = argocd(stack, "app", "diff", "cmd-rev", "--revision", "other")
    assert (ran.code, ran.out.count('>   a: "2"\n')) == (1, 1)
    shown = yaml.safe_load(stack.ok("app", "manifests", "cmd-rev", "--revision", "other"))
    assert shown["data"] == {"a": "2"}


@runs("app manifests", "app resources", core=True)
def test_manifests_and_resources(stack: Stack, repo: Repo, plain: str) -> None:
    git = list(yaml.safe_load_all(stack.ok("app", "manifests", plain)))
    assert [one["kind"] for one in git] == ["ConfigMap", "Secret"]
    assert git[1]["data"] == {"a": "++++++++"}
    there = list(yaml.safe_load_all(stack.ok("app", "manifests", plain, "--source", "live")))
    assert there[0]["metadata"]["uid"]
    stack.create("cmd-web", repo, "web")
    stack.ok("app", "sync", "cmd-web")
    stack.until_status("cmd-web", "Synced", "Healthy")
    rows = stack.ok("app", "resources", "cmd-web").splitlines()
    assert [row.split() for row in rows] == [
        ["GROUP", "KIND", "NAMESPACE", "NAME", "ORPHANED"],
        ["apps", "Deployment", "cmd-web", "web", "No"],
    ]
    tree = stack.ok("app", "resources", "cmd-web", "--output", "tree").splitlines()
    assert [row.split()[-4] if row.startswith("  └─ ") else "" for row in tree[3:]] == ["Pod"]
    assert tree[2].startswith("└─apps  ReplicaSet  cmd-web")


@runs("app get-resource", "app patch-resource", "app delete-resource", core=True)
def test_one_live_object(stack: Stack, repo: Repo) -> None:
    stack.create("cmd-live", repo, "web")
    stack.ok("app", "sync", "cmd-live")
    chosen = ["cmd-live", "--kind", "Deployment", "--resource-name", "web"]
    ran = stack.cli("app", "get-resource", *chosen, "--filter-fields", "spec.replicas,kind")
    fields = ["FIELD          VALUE", "spec.replicas  1", "kind           Deployment"]
    assert ran.out.splitlines() == fields
    assert "Resources 'web' fetched" in ran.err
    ran = stack.cli("app", "patch-resource", *chosen, "--patch", '{"spec":{"replicas":2}}')
    assert "Resource 'web' patched" in ran.err
    assert live(stack, "Deployment", "cmd-live", "web")["spec"]["replicas"] == 2
    stack.kube.create(yaml.safe_load(config_map("other", a="1")) | {
        "metadata": {"name": "other", "namespace": "cmd-live"}
    })  # fmt: skip
    ran = stack.cli("app", "delete-resource", "cmd-live", "--kind", "ConfigMap")
    assert fatal(ran) == "no matching resource found"
    ran = stack.cli("app", "delete-resource", *chosen, "--force")
    assert "Resource 'web' deleted" in ran.err
    stack.until("it is gone", lambda: stack.kube.get("Deployment", "cmd-live", "web") is None)
    assert stack.kube.get("ConfigMap", "cmd-live", "other") is not None


@runs("app terminate-op", core=True)
def test_terminate(stack: Stack) -> None:
    repo = stack.repo("terminate.git")
    repo.write("app/job.yaml", job("slow", hook="PreSync", behaviour="hang"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create("cmd-stop", repo, "app")
    ran = stack.cli("app", "terminate-op", "cmd-stop")
    assert fatal(ran).endswith("Unable to terminate operation. No operation is in progress")
    stack.ok("app", "sync", "cmd-stop", "--async")
    stack.until("it runs", lambda: stack.operation("cmd-stop").get("phase") == "Running")
    assert stack.ok("app", "terminate-op", "cmd-stop") == (
        "Application 'cmd-stop' operation terminating\n"
    )
    state = stack.until_done("cmd-stop", phase="Failed")
    assert "terminated" in state["message"]
    assert stack.kube.get("ConfigMap", "cmd-stop", "settings") is None


@runs("app confirm-deletion", core=True)
def test_confirm_deletion(stack: Stack) -> None:
    repo = stack.repo("confirm.git")
    mark = {"argocd.argoproj.io/sync-options": "Delete=confirm"}
    repo.write("app/cm.yaml", config_map("precious", mark, a="1"))
    repo.commit()
    stack.create("cmd-confirm", repo, "app", "--set-finalizer")
    stack.ok("app", "sync", "cmd-confirm")
    stack.ok("app", "delete", "cmd-confirm", "--yes")
    short = stack.cli("app", "wait", "cmd-confirm", "--delete", "--timeout", "2")
    assert "timed out (2s)" in fatal(short)
    assert stack.kube.get("ConfigMap", "cmd-confirm", "precious") is not None
    assert stack.ok("app", "confirm-deletion", "cmd-confirm") == (
        "Application 'cmd-confirm' updated successfully\n"
    )
    stack.until("it is gone", lambda: "cmd-confirm" not in stack.ok("app", "list", "-o", "name"))
    assert stack.kube.get("ConfigMap", "cmd-confirm", "precious") is None


@runs("app add-source", "app remove-source", core=True)
def test_several_sources(stack: Stack, repo: Repo) -> None:
    sources = [{"repoURL": repo.url, "path": "plain", "name": "one"}]
    stack.apply("cmd-sources", repo, "plain", sources=sources)
    stack.kube.merge("Application", NAMESPACE, "cmd-sources", {"spec": {"source": None}})
    done = "Application 'cmd-sources' updated successfully\n"
    added = ["--repo", repo.url, "--path", "chart", "--source-name", "two"]
    assert stack.ok("app", "add-source", "cmd-sources", *added) == done
    stack.ok("app", "set", "cmd-sources", "--source-name", "two", "--helm-set", "image=v9")
    two = {"repoURL": repo.url, "path": "chart", "name": "two",
           "helm": {"parameters": [{"name": "image", "value": "v9"}]}}  # fmt: skip
    assert stack.app("cmd-sources")["spec"]["sources"] == [*sources, two]
    assert stack.ok("app", "remove-source", "cmd-sources", "--source-position", "1") == done
    assert stack.app("cmd-sources")["spec"]["sources"] == [two]


def test_sync_from_a_folder(stack: Stack, repo: Repo, tmp_path: Path) -> None:
    stack.create("cmd-local", repo, "plain")
    (tmp_path / "cm.yaml").write_text(config_map("settings", a="folder"))
    preview = stack.cli(
        "app", "sync", "cmd-local", "--local", str(tmp_path), "--preview-changes", "--assumeYes"
    )
    assert preview.code == 0, preview
    assert "====== Previewing differences between live and desired state of app" in preview.out
    assert live(stack, "ConfigMap", "cmd-local", "settings")["data"] == {"a": "folder"}
    assert stack.kube.get("Secret", "cmd-local", "token") is None


def test_default_flags_and_plugins(
    stack: Stack, plain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOCD_OPTS", "--core --logformat=text")
    ran = stack.cli("app", "get", plain, name="argocd")
    assert ran.out.startswith(f"Name:               argocd/{plain}\n")
    ran = stack.cli("app", "get", "nosuch", name="argocd")
    assert "level=fatal" in ran.err
    plugin = tmp_path / "argocd-greet"
    plugin.write_text('#!/bin/sh\necho "hello $1"\nexit 3\n')
    plugin.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin:{BIN}")
    assert stack.cli("greet", "you") == Ran(3, "hello you\n", "")
