"""Sync policies and options where two of them meet: which one holds."""

from __future__ import annotations

from typing import Any

import yaml

from tests.e2e.manifests import CONTAINER, as_yaml, config_map, job
from tests.e2e.repo import Repo
from tests.e2e.stack import Stack
from tests.e2e.test_automation import _seconds
from tests.e2e.test_sync import DEFINITION

OPTIONS = "argocd.argoproj.io/sync-options"


def source(stack: Stack, name: str, **files: str) -> Repo:
    repo = stack.repo(f"{name}.git")
    for path, text in files.items():
        repo.write(f"app/{path}.yaml", text)
    repo.commit()
    return repo


def live(stack: Stack, kind: str, namespace: str, name: str) -> dict[str, Any]:
    found = stack.kube.get(kind, namespace, name)
    assert found is not None
    return found


def test_what_could_only_be_pruned_starts_no_sync(stack: Stack) -> None:
    one, two = config_map("one", a="1"), config_map("two", a="1")
    repo = source(stack, "pol-only", one=one, two=two)
    stack.apply("pol-only", repo, "app", syncPolicy={"automated": {}})
    before = stack.until_done("pol-only")
    repo.remove("app/two.yaml")
    stack.until_compared("pol-only", repo.commit())
    stack.until_status("pol-only", "OutOfSync", "Healthy")
    stack.ok("app", "get", "pol-only", "--refresh")
    assert stack.operation("pol-only") == before
    assert "operation" not in stack.app("pol-only")


def test_a_negative_limit_retries_for_ever(stack: Stack) -> None:
    repo = source(stack, "pol-ever", bad=config_map("Not_A_Name", a="1"))
    retry = {"limit": -1, "backoff": {"duration": "1s", "factor": 1}}
    stack.apply("pol-ever", repo, "app", syncPolicy={"retry": retry})
    stack.ok("app", "sync", "pol-ever", "--async")
    stack.until("it goes on", lambda: (stack.operation("pol-ever").get("retryCount") or 0) >= 3)
    assert stack.operation("pol-ever")["phase"] == "Running"
    stack.ok("app", "terminate-op", "pol-ever")
    stack.until_done("pol-ever", phase="Failed")


def test_without_backoff_healing_waits_as_long_as_is_set(stack: Stack) -> None:
    repo = source(stack, "pol-heal", one=config_map("one", a="1"))
    waits = {
        "controller.self.heal.backoff.timeout.seconds": "0",
        "controller.self.heal.timeout.seconds": "3",
    }
    stack.configure(**waits)
    try:
        stack.apply("pol-heal", repo, "app", syncPolicy={"automated": {"selfHeal": True}})
        first = stack.until_done("pol-heal")
        stack.until_status("pol-heal", "Synced", "Healthy")
        stack.kube.merge("ConfigMap", "pol-heal", "one", {"data": {"a": "9"}})
        stack.until(
            "it is healed",
            lambda: live(stack, "ConfigMap", "pol-heal", "one")["data"] == {"a": "1"},
        )
    finally:
        stack.configure(**dict.fromkeys(waits))
    # From the end of the last operation on.
    second = stack.until_done("pol-heal")
    assert _seconds(second["startedAt"]) - _seconds(first["finishedAt"]) >= 3


def test_a_namespace_of_git_wins_and_one_of_nobody_stays(stack: Stack) -> None:
    space = "apiVersion: v1\nkind: Namespace\nmetadata: {name: pol-space, labels: {team: git}}\n"
    repo = source(stack, "pol-space", space=space, one=config_map("one", a="1"))
    managed = {"managedNamespaceMetadata": {"labels": {"team": "policy"}}}
    stack.apply("pol-space", repo, "app", syncPolicy=managed)
    stack.ok("app", "sync", "pol-space")
    assert live(stack, "Namespace", "", "pol-space")["metadata"]["labels"]["team"] == "git"
    stack.until_status("pol-space", "Synced", "Healthy")
    bare = source(stack, "pol-stays", one=config_map("one", a="1"))
    stack.apply("pol-stays", bare, "app", syncPolicy=managed)
    stack.ok("app", "sync", "pol-stays")
    stack.ok("app", "delete", "pol-stays", "--yes", "--wait", "--cascade")
    assert stack.kube.get("ConfigMap", "pol-stays", "one") is None
    kept = live(stack, "Namespace", "", "pol-stays")["metadata"]
    assert kept["labels"]["team"] == "policy"
    assert "deletionTimestamp" not in kept


def test_an_objects_own_word_beats_the_applications(stack: Stack) -> None:
    repo = source(
        stack,
        "pol-own",
        client=config_map("client", {OPTIONS: "ServerSideApply=false"}, a="1"),
        server=config_map("server", a="1"),
        goes=config_map("goes", {OPTIONS: "Prune=true"}, a="1"),
        stays=config_map("stays", a="1"),
    )
    options = ["ServerSideApply=true", "Prune=false"]
    stack.apply("pol-own", repo, "app", syncPolicy={"syncOptions": options})
    stack.ok("app", "sync", "pol-own")
    results = stack.results("pol-own")
    assert results["client"]["message"] == "configmap/client created"
    assert results["server"]["message"] == "configmap/server serverside-applied"
    repo.remove("app/goes.yaml")
    repo.remove("app/stays.yaml")
    stack.until_compared("pol-own", repo.commit())
    # What is skipped is no failure.
    stack.cli("app", "sync", "pol-own", "--prune")
    assert stack.operation("pol-own")["phase"] == "Succeeded"
    assert stack.results("pol-own")["stays"]["status"] == "PruneSkipped"
    assert stack.results("pol-own")["goes"]["status"] == "Pruned"
    assert stack.kube.get("ConfigMap", "pol-own", "stays") is not None
    assert stack.kube.get("ConfigMap", "pol-own", "goes") is None


def test_what_holds_others_is_replaced_in_place(stack: Stack) -> None:
    name = "widgets.pol.example.com"
    definition = yaml.safe_load(DEFINITION.replace("e2e.example.com", "pol.example.com"))
    space: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "pol-held", "annotations": {OPTIONS: "Replace=true"}},
    }
    definition["metadata"]["annotations"] = {OPTIONS: "Replace=true,Force=true"}
    repo = source(stack, "pol-held", crd=yaml.safe_dump(definition), space=yaml.safe_dump(space))
    stack.apply("pol-held", repo, "app")
    stack.ok("app", "sync", "pol-held")
    before = [
        live(stack, "Namespace", "", "pol-held"),
        live(stack, "CustomResourceDefinition", "", name),
    ]
    definition["spec"]["names"]["shortNames"] = ["wi"]
    space["metadata"]["labels"] = {"a": "b"}
    repo.write("app/crd.yaml", yaml.safe_dump(definition))
    repo.write("app/space.yaml", yaml.safe_dump(space))
    repo.commit()
    stack.ok("app", "sync", "pol-held")
    after = [
        live(stack, "Namespace", "", "pol-held"),
        live(stack, "CustomResourceDefinition", "", name),
    ]
    assert [one["metadata"]["uid"] for one in after] == [one["metadata"]["uid"] for one in before]
    assert after[0]["metadata"]["labels"]["a"] == "b"
    assert after[1]["spec"]["names"]["shortNames"] == ["wi"]
    assert stack.results("pol-held")["pol-held"]["message"] == "Namespace/pol-held updated"
    said = stack.results("pol-held")[name]["message"]
    assert said == f"CustomResourceDefinition/{name} updated"
    # A definition is part of no application by a mark of ours.
    assert "argocd.argoproj.io/tracking-id" not in after[1]["metadata"]["annotations"]
    stack.kube.delete("CustomResourceDefinition", "", name)


def test_hooks_run_though_only_what_differs_is_applied(stack: Stack) -> None:
    repo = source(stack, "pol-hooks", one=config_map("one", a="1"), pre=job("pre", hook="PreSync"))
    policy = {"syncOptions": ["ApplyOutOfSyncOnly=true"]}
    stack.apply("pol-hooks", repo, "app", syncPolicy=policy)
    stack.ok("app", "sync", "pol-hooks")
    first = live(stack, "Job", "pol-hooks", "pre")["metadata"]["uid"]
    stack.ok("app", "sync", "pol-hooks")
    assert set(stack.results("pol-hooks")) == {"pre"}
    assert live(stack, "Job", "pol-hooks", "pre")["metadata"]["uid"] != first
    # The other strategy knows no hooks.
    second = live(stack, "Job", "pol-hooks", "pre")["metadata"]["uid"]
    repo.write("app/one.yaml", config_map("one", a="2"))
    repo.commit()
    stack.ok("app", "sync", "pol-hooks", "--strategy", "apply")
    assert set(stack.results("pol-hooks")) == {"one"}
    assert live(stack, "Job", "pol-hooks", "pre")["metadata"]["uid"] == second


def test_of_several_propagations_the_background_wins(stack: Stack) -> None:
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "x"}}}
    pods = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [CONTAINER]}}
    web = as_yaml("Deployment", "x", {**spec, "template": pods}, api_version="apps/v1")
    repo = source(stack, "pol-many", web=web, one=config_map("one", a="1"))
    options = [f"PrunePropagationPolicy={one}" for one in ("orphan", "foreground", "background")]
    stack.apply("pol-many", repo, "app", syncPolicy={"syncOptions": options})
    stack.ok("app", "sync", "pol-many")
    stack.until("its set is there", lambda: stack.kube.list("ReplicaSet", "pol-many"))
    repo.remove("app/web.yaml")
    repo.commit()
    stack.ok("app", "sync", "pol-many", "--prune")
    assert stack.kube.get("Deployment", "pol-many", "x") is None
    stack.until("and gone", lambda: not stack.kube.list("ReplicaSet", "pol-many"))


def test_an_automatic_application_takes_a_folder_only_to_try(stack: Stack) -> None:
    repo = source(stack, "pol-local", one=config_map("one", a="1"))
    stack.create("pol-local", repo, "app", "--sync-policy", "auto")
    stack.until_done("pol-local")
    folder = str(repo.folder / "app")
    repo.write("app/one.yaml", config_map("one", a="2"))
    refused = stack.cli("app", "sync", "pol-local", "--local", folder)
    assert refused.code == 1
    assert "Cannot use local sync when Automatic Sync Policy is enabled" in refused.err
    said = stack.ok("app", "sync", "pol-local", "--local", folder, "--dry-run")
    assert "configmap/one configured (dry run)" in said
    assert live(stack, "ConfigMap", "pol-local", "one")["data"] == {"a": "1"}
