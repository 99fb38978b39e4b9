"""What a spec says and how it is stored: its defaults, its history, its rules, its columns."""

from __future__ import annotations

import time
from typing import Any

from tests.e2e.manifests import config_map, job
from tests.e2e.stack import NAMESPACE, Stack

NOTE = "example.com/note"
FINALIZER = "argocd.argoproj.io/hook-finalizer"


def made(stack: Stack, name: str, *, annotations: dict[str, str] | None = None) -> None:
    """With spellings that mean nothing: no project, empty tool blocks, an empty policy."""
    repo = stack.repo(f"{name}.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    source = {"repoURL": repo.url, "path": "app", "helm": {}, "directory": {}}
    stack.kube.create(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name, "namespace": NAMESPACE, "annotations": annotations or {}},
            "spec": {
                "project": "",
                "source": source,
                "destination": {"name": "in-cluster", "namespace": name},
                "syncPolicy": {},
            },
        }
    )


def test_what_means_nothing_is_taken_out_of_the_spec(stack: Stack) -> None:
    made(stack, "spec-plain")
    stack.until_status("spec-plain", "OutOfSync", "Missing")
    stack.until("it is stored", lambda: stack.app("spec-plain")["spec"]["project"] == "default")
    spec = stack.app("spec-plain")["spec"]
    assert "syncPolicy" not in spec
    assert spec["source"].keys() == {"repoURL", "path"}


def test_skipping_is_any_spelling_of_true(stack: Stack) -> None:
    skip = "argocd.argoproj.io/skip-reconcile"
    made(stack, "spec-skipped", annotations={skip: "T"})
    made(stack, "spec-odd", annotations={skip: "yes"})
    stack.until_status("spec-odd", "OutOfSync", "Missing")
    assert "status" not in stack.app("spec-skipped")


def test_one_source_has_one_tool(stack: Stack) -> None:
    repo = stack.repo("spec-tools.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    two = {"helm": {"releaseName": "x"}, "directory": {"recurse": True}}
    source = {"repoURL": repo.url, "path": "app", **two}
    stack.apply("spec-tools", repo, "app", source=source)
    said = "multiple application sources defined: Helm,Directory"
    stack.until(
        "it is told", lambda: said in stack.conditions("spec-tools").get("ComparisonError", "")
    )
    assert stack.status("spec-tools")[0] == "Unknown"


def test_a_limit_of_none_keeps_no_history(stack: Stack) -> None:
    repo = stack.repo("spec-history.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create("spec-history", repo, "app", "--revision-history-limit", "0")
    stack.ok("app", "sync", "spec-history")
    assert not stack.app("spec-history")["status"].get("history")


def test_an_operation_that_runs_is_not_replaced(stack: Stack) -> None:
    repo = stack.repo("spec-operation.git")
    repo.write("app/pre.yaml", job("pre", hook="PreSync", behaviour="hang"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    commit = repo.commit()
    stack.create("spec-operation", repo, "app")
    stack.ok("app", "sync", "spec-operation", "--async", "--info", "why=first")
    pod = stack.until("its hook runs", lambda: stack.kube.list("Pod", "spec-operation"))[0]
    # A hook is held as long as it is not known how it ended.
    hook = stack.kube.get("Job", "spec-operation", "pre")
    assert hook is not None
    assert hook["metadata"]["finalizers"] == [FINALIZER]
    # It stands in both places; what runs is the copy.
    first = stack.app("spec-operation")
    assert first["operation"] == first["status"]["operationState"]["operation"]
    other = {"info": [{"name": "why", "value": "second"}], "sync": {"dryRun": True}}
    stack.kube.merge("Application", NAMESPACE, "spec-operation", {"operation": other})
    time.sleep(0.5)
    awake = {"metadata": {"annotations": {"tiphys.dev/pod-behaviour": None}}}
    stack.kube.merge("Pod", "spec-operation", pod["metadata"]["name"], awake)
    state = stack.until_done("spec-operation", commit)
    assert state["operation"]["info"] == [{"name": "why", "value": "first"}]
    assert stack.kube.get("ConfigMap", "spec-operation", "settings") is not None
    hook = stack.kube.get("Job", "spec-operation", "pre")
    assert hook is not None
    assert "finalizers" not in hook["metadata"]


def test_a_condition_keeps_its_time_while_it_says_the_same(stack: Stack) -> None:
    repo = stack.repo("spec-condition.git")
    repo.write("app/a.yaml", config_map("settings", a="1"))
    repo.write("app/b.yaml", config_map("settings", a="2"))
    repo.commit()
    stack.apply("spec-condition", repo, "app")

    def conditions() -> list[dict[str, Any]]:
        found = stack.app("spec-condition").get("status", {}).get("conditions") or []
        return [one for one in found if one["type"] == "RepeatedResourceWarning"]

    before = stack.until("it warns", conditions)
    time.sleep(1.1)
    stack.ok("app", "get", "spec-condition", "--hard-refresh")
    assert conditions() == before
    repo.write("app/c.yaml", config_map("settings", a="3"))
    stack.until_compared("spec-condition", repo.commit())
    (after,) = conditions()
    assert "appeared 3 times" in after["message"]
    assert after["lastTransitionTime"] > before[0]["lastTransitionTime"]


def test_rules_of_an_application_choose_by_name_and_escape_slashes(stack: Stack) -> None:
    name = "spec-ignore"
    repo = stack.repo(f"{name}.git")
    for one in ("one", "two"):
        repo.write(f"app/{one}.yaml", config_map(one, {NOTE: "git"}, a="1"))
    repo.commit()
    pointer = "/metadata/annotations/example.com~1note"
    rule = {"kind": "ConfigMap", "name": "one", "namespace": name, "jsonPointers": [pointer]}
    elsewhere = {**rule, "name": "two", "namespace": "elsewhere"}
    stack.apply(name, repo, "app", ignoreDifferences=[rule, elsewhere])
    stack.ok("app", "sync", name)
    stack.until_status(name, "Synced", "Healthy")
    for one in ("one", "two"):
        patch = {"metadata": {"annotations": {NOTE: "hand"}}}
        stack.kube.merge("ConfigMap", name, one, patch)
    stack.until("one differs", lambda: stack.status(name)[0] == "OutOfSync")
    assert stack.resources(name)["one"]["status"] == "Synced"
    assert stack.resources(name)["two"]["status"] == "OutOfSync"
    # To be ignored changes nothing of what is applied, unless that is asked for.
    stack.ok("app", "sync", name)
    live = stack.kube.get("ConfigMap", name, "one")
    assert live is not None
    assert live["metadata"]["annotations"][NOTE] == "git"


def test_the_columns_of_a_table(stack: Stack) -> None:
    path = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications?limit=1"
    table = stack.kube.call("GET", path, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    named = {one["name"]: one["priority"] for one in table["columnDefinitions"]}
    assert list(named) == ["Name", "Sync Status", "Health Status", "Revision", "Project"]
    assert named["Revision"] == named["Project"] == 10
