"""What is a hook, of which phase, how it ends, and what it keeps waiting."""

from __future__ import annotations

import json

import yaml

from tests.e2e.manifests import config_map, job
from tests.e2e.stack import NAMESPACE, Stack
from tests.e2e.test_order import WAVE, writes

HOOK, HELM = "argocd.argoproj.io/hook", "helm.sh/hook"
SORTS: dict[str, dict[str, str]] = {
    # Skip with another is a hook all the same.
    "skip-and": {HOOK: "Skip,PreSync"},
    # Nobody runs what nobody knows; nor is it an object like others.
    "unknown": {HOOK: "WhenEver"},
    # A type that is valid hides Helm's, one that is not does not.
    "hides": {HOOK: "PreSync", HELM: "post-install"},
    "shows": {HOOK: "WhenEver", HELM: "pre-install"},
    "definition": {HELM: "crd-install"},
    "rollback": {HELM: "pre-rollback"},
    # Without a judge of its health a hook has succeeded as soon as it is there.
    "post": {HOOK: "PostSync"},
    # No number is no wave.
    "odd-wave": {WAVE: "soon"},
}


def test_annotations_say_what_is_a_hook(stack: Stack) -> None:
    repo = stack.repo("hook-sorts.git")
    for name, notes in SORTS.items():
        repo.write(f"app/{name}.yaml", config_map(name, notes, a="1"))
    repo.write("app/late.yaml", config_map("late", {WAVE: "1"}, a="1"))
    repo.commit()
    mark = stack.audit_offset()
    stack.apply("hook-sorts", repo, "app")
    stack.ok("app", "sync", "hook-sorts")
    types = {name: one.get("hookType", "") for name, one in stack.results("hook-sorts").items()}
    del types["hook-sorts"]
    assert types == {
        "skip-and": "PreSync",
        "hides": "PreSync",
        "shows": "PreSync",
        "definition": "",
        "odd-wave": "",
        "late": "",
        "post": "PostSync",
    }
    post = stack.results("hook-sorts")["post"]
    assert (post["hookPhase"], post["message"]) == ("Succeeded", "post created")
    created = [name for verb, name in writes(stack, "hook-sorts", mark) if verb == "create"]
    assert set(created) == types.keys()
    assert created.index("odd-wave") < created.index("late") < created.index("post")
    stack.until_status("hook-sorts", "Synced", "Healthy")


def test_failures_of_what_runs_after_a_failure_are_told_too(stack: Stack) -> None:
    repo = stack.repo("hook-after.git")
    repo.write("app/bad.yaml", config_map("Not_A_Name", a="1"))
    repo.write("app/fail.yaml", config_map("Nor_This", {HOOK: "SyncFail"}, a="1"))
    repo.commit()
    stack.apply("hook-after", repo, "app")
    assert stack.cli("app", "sync", "hook-after").code == 1
    state = stack.operation("hook-after")
    assert state["phase"] == "Failed"
    first, _, second = state["message"].partition("\n")
    assert first.startswith("one or more objects failed to apply, reason: ")
    assert "Not_A_Name" in first
    assert second.startswith("one or more SyncFail hooks failed, reason: ")
    assert "Nor_This" in second


def test_a_hook_that_goes_slowly_is_waited_for(stack: Stack) -> None:
    repo = stack.repo("hook-slow.git")
    repo.write("app/pre.yaml", job("pre", hook="PreSync"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("hook-slow", repo, "app")
    stack.ok("app", "sync", "hook-slow")
    held = {"metadata": {"finalizers": ["example.com/hold"]}}
    stack.kube.merge("Job", "hook-slow", "pre", held)
    stack.ok("app", "sync", "hook-slow", "--async")
    said = "waiting for deletion of hook batch/Job/pre"
    stack.until("it waits", lambda: stack.operation("hook-slow").get("message") == said)
    stack.kube.merge("Job", "hook-slow", "pre", {"metadata": {"finalizers": None}})
    stack.until_done("hook-slow")


def test_labels_choose_what_is_synced(stack: Stack) -> None:
    repo = stack.repo("hook-labels.git")
    for name, tier in (("one", "front"), ("two", "back")):
        manifest = yaml.safe_load(config_map(name, a="1"))
        manifest["metadata"]["labels"] = {"tier": tier}
        repo.write(f"app/{name}.yaml", json.dumps(manifest))
    repo.write("app/pre.yaml", job("pre", hook="PreSync"))
    repo.commit()
    stack.apply("hook-labels", repo, "app")
    stack.until_status("hook-labels", "OutOfSync", "Missing")
    stack.ok("app", "sync", "hook-labels", "--label", "tier=back")
    assert set(stack.results("hook-labels")) == {"hook-labels", "two"}
    assert not stack.app("hook-labels")["status"].get("history")
    # One of two is missing, which makes no application worse.
    stack.until_status("hook-labels", "OutOfSync", "Healthy")
    none = stack.cli("app", "sync", "hook-labels", "--label", "tier=none")
    assert none.code == 1
    assert "No matching resources found for labels" in none.err


def test_each_object_has_to_be_of_a_permitted_place(stack: Stack) -> None:
    repo = stack.repo("hook-place.git")
    elsewhere = yaml.safe_load(config_map("away", a="1"))
    elsewhere["metadata"]["namespace"] = "kube-public"
    repo.write("app/away.yaml", yaml.safe_dump(elsewhere))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.ok(
        "proj", "create", "hook-place", "-s", "*", "--allow-cluster-resource", "*/*",
        "-d", "*,hook-place",
    )  # fmt: skip
    stack.apply("hook-place", repo, "app", project="hook-place")
    stack.until_status("hook-place", "OutOfSync", "Missing")
    assert stack.cli("app", "sync", "hook-place").code == 1
    refused = "namespace kube-public is not permitted in project 'hook-place'"
    state = stack.operation("hook-place")
    assert state["message"] == f"one or more synchronization tasks are not valid: {refused}"
    assert stack.results("hook-place")["away"]["message"] == refused
    assert stack.kube.get("ConfigMap", "hook-place", "settings") is None


def test_accounts_of_other_namespaces_sync_and_delete(stack: Stack) -> None:
    """One that is named with its namespace; to delete it acts as the same one."""
    repo = stack.repo("hook-acts.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    name, account = "hook-acts", "system:serviceaccount:hook-accounts:deployer"
    group = "rbac.authorization.k8s.io"
    for space in (name, "hook-accounts"):
        stack.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
    stack.kube.create(
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "deployer", "namespace": name},
            "subjects": [{"kind": "User", "apiGroup": group, "name": account}],
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "edit"},
        }
    )
    stack.ok("proj", "create", name, "-s", "*", "-d", "*,*")
    server = "https://kubernetes.default.svc"
    accounts = [
        {"server": "https://other", "namespace": "*", "defaultServiceAccount": "wrong"},
        {
            "server": server,
            "namespace": "hook-*",
            "defaultServiceAccount": "hook-accounts:deployer",
        },
        {"server": "*", "namespace": "*", "defaultServiceAccount": "late"},
    ]
    stack.kube.merge(
        "AppProject", NAMESPACE, name, {"spec": {"destinationServiceAccounts": accounts}}
    )
    switch = "application.sync.impersonation.enabled"
    stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": {switch: "true"}})
    mark = stack.audit_offset()
    try:
        stack.create(name, repo, "app", "--project", name, "--set-finalizer")
        stack.kube.merge("Application", NAMESPACE, name, {"spec": {"syncPolicy": None}})
        stack.ok("app", "sync", name)
        stack.ok("app", "delete", name, "--yes", "--wait")
    finally:
        stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": {switch: None}})
    writes(stack, name, mark)
    acting = [
        (event["verb"], (event.get("impersonatedUser") or {}).get("username"))
        for event in stack.audit(name, mark)
        if event["objectRef"]["resource"] == "configmaps"
    ]
    assert acting == [("create", account), ("delete", account)]
