"""Operations however they are asked for, and what is told of them."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.e2e.manifests import config_map
from tests.e2e.stack import NAMESPACE, Stack


def test_any_client_may_ask_for_an_operation(stack: Stack) -> None:
    repo = stack.repo("byhand.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.write("app/two.yaml", config_map("two", a="1"))
    commit = repo.commit()
    stack.apply("op-hand", repo, "app")
    stack.until_status("op-hand", "OutOfSync", "Missing")
    asked = {
        "initiatedBy": {"username": "ada"},
        "info": [{"name": "why", "value": "to see"}],
        "sync": {"syncOptions": ["CreateNamespace=true"], "syncStrategy": {"apply": {}}},
    }
    stack.kube.merge("Application", NAMESPACE, "op-hand", {"operation": asked})
    state = stack.until_done("op-hand", commit)
    assert state["operation"]["initiatedBy"] == {"username": "ada"}
    assert state["operation"]["info"] == asked["info"]
    assert state["message"] == "successfully synced (all tasks run)"
    history = stack.app("op-hand")["status"]["history"]
    assert history[0]["initiatedBy"] == {"username": "ada"}
    stack.until_status("op-hand", "Synced", "Healthy")


def test_an_operation_without_a_sync_is_an_error(stack: Stack) -> None:
    repo = stack.repo("nothing.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.commit()
    stack.apply("op-none", repo, "app")
    patch = {"operation": {"initiatedBy": {"username": "ada"}}}
    stack.kube.merge("Application", NAMESPACE, "op-none", patch)
    state = stack.until_done("op-none", phase="Error")
    assert state["message"] == "Invalid operation request: no operation specified"


def ask(stack: Stack, name: str, **sync: Any) -> None:
    """What any client may write."""
    wish = {"syncOptions": ["CreateNamespace=true"], "prune": True, **sync}
    status = {k: v for k, v in stack.app(name).get("status", {}).items() if k == "operationState"}
    body: dict[str, Any] = {"operation": {"sync": wish, "initiatedBy": {"username": "ada"}}}
    if status:
        body["status"] = {"operationState": None}
    stack.kube.merge("Application", NAMESPACE, name, body)


def test_local_manifests_stay_wanted_until_the_next_sync(stack: Stack) -> None:
    repo = stack.repo("local.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.commit()
    stack.apply("op-local", repo, "app")
    local = json.dumps(yaml.safe_load(config_map("mine", a="1")))
    ask(stack, "op-local", manifests=[local])
    stack.until_done("op-local")
    assert stack.kube.get("ConfigMap", "op-local", "mine") is not None
    assert stack.kube.get("ConfigMap", "op-local", "one") is None
    stack.until_status("op-local", "Synced", "Healthy")
    status = stack.app("op-local")["status"]
    assert "sourceType" not in status
    assert [one["name"] for one in status["resources"]] == ["mine"]
    ask(stack, "op-local")
    stack.until("it is replaced", lambda: stack.kube.get("ConfigMap", "op-local", "one"))
    stack.until_status("op-local", "Synced", "Healthy")
    assert stack.kube.get("ConfigMap", "op-local", "mine") is None


def test_a_deployment_of_the_history_is_gone_back_to(stack: Stack) -> None:
    repo = stack.repo("rollback.git")
    repo.write("old/one.yaml", config_map("one", a="old"))
    first = repo.commit()
    stack.apply("op-back", repo, "old")
    ask(stack, "op-back")
    stack.until_done("op-back", first)
    repo.write("new/one.yaml", config_map("one", a="new"))
    repo.remove("old/one.yaml")
    second = repo.commit()
    moved = {"spec": {"source": {"path": "new"}}}
    stack.kube.merge("Application", NAMESPACE, "op-back", moved)
    ask(stack, "op-back")
    stack.until_done("op-back", second)
    entry = stack.app("op-back")["status"]["history"][0]
    back = {"source": entry["source"], "revision": entry["revision"]}
    ask(stack, "op-back", syncStrategy={"apply": {}}, **back)
    state = stack.until_done("op-back", first)
    assert state["syncResult"]["source"]["path"] == "old"
    live = stack.kube.get("ConfigMap", "op-back", "one")
    assert live is not None
    assert live["data"] == {"a": "old"}
    history = stack.app("op-back")["status"]["history"]
    assert [one["id"] for one in history] == [0, 1, 2]
    assert history[2]["source"]["path"] == "old"
    assert history[2]["initiatedBy"] == {"username": "ada"}
    # It is not what the application wants.
    stack.until_status("op-back", "OutOfSync", "Healthy")


def test_a_newer_commit_supersedes_a_retrying_sync(stack: Stack) -> None:
    repo = stack.repo("supersede.git")
    repo.write("app/one.yaml", config_map("one", a="1") + "\n  b: [")
    repo.commit()
    stack.apply("op-super", repo, "app")
    backoff = {"duration": "1h", "maxDuration": "2h"}
    wish = {
        "sync": {"syncOptions": ["CreateNamespace=true"]},
        "retry": {"limit": 5, "refresh": True, "backoff": backoff},
    }
    stack.kube.merge("Application", NAMESPACE, "op-super", {"operation": wish})
    stack.until("it waits", lambda: stack.operation("op-super").get("retryCount") == 1)
    repo.write("app/one.yaml", config_map("one", a="2"))
    mended = repo.commit()
    state = stack.until_done("op-super", mended)
    assert state["retryCount"] == 1
    live = stack.kube.get("ConfigMap", "op-super", "one")
    assert live is not None
    assert live["data"] == {"a": "2"}


def test_shared_objects_fail_the_sync_where_that_is_asked_for(stack: Stack) -> None:
    repo = stack.repo("shared-kinds.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.commit()
    stack.apply("op-first", repo, "app")
    ask(stack, "op-first")
    stack.until_done("op-first")
    spec = {"destination": {"name": "in-cluster", "namespace": "op-first"}}
    stack.apply("op-second", repo, "app", **spec)
    said = "ConfigMap/one is part of applications argocd/op-second and op-first"
    stack.until(
        "it is told", lambda: stack.conditions("op-second").get("SharedResourceWarning") == said
    )
    ask(stack, "op-second", syncOptions=["FailOnSharedResource=true"])
    state = stack.until_done("op-second", phase="Failed")
    assert state["message"] == f"Shared resource found: {said}"


def test_ignored_fields_are_left_alone_where_that_is_asked_for(stack: Stack) -> None:
    repo = stack.repo("respect.git")
    repo.write("app/one.yaml", config_map("one", mine="1", theirs="1"))
    repo.commit()
    rule = {"group": "", "kind": "ConfigMap", "jsonPointers": ["/data/theirs"]}
    stack.apply("op-respect", repo, "app", ignoreDifferences=[rule])
    ask(stack, "op-respect")
    stack.until_done("op-respect")
    stack.kube.merge("ConfigMap", "op-respect", "one", {"data": {"theirs": "2"}})
    repo.write("app/one.yaml", config_map("one", mine="2", theirs="3"))
    commit = repo.commit()
    options = ["CreateNamespace=true", "RespectIgnoreDifferences=true"]
    ask(stack, "op-respect", syncOptions=options)
    stack.until_done("op-respect", commit)
    live = stack.kube.get("ConfigMap", "op-respect", "one")
    assert live is not None
    assert live["data"] == {"mine": "2", "theirs": "2"}
    stack.until_status("op-respect", "Synced", "Healthy")


def test_labels_and_annotations_of_the_namespace_are_managed(stack: Stack) -> None:
    repo = stack.repo("space.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.commit()
    metadata = {"labels": {"team": "a"}, "annotations": {"example.com/why": "x"}}
    policy = {"managedNamespaceMetadata": metadata}
    stack.apply("op-space", repo, "app", syncPolicy=policy)
    ask(stack, "op-space")
    stack.until_done("op-space")
    stack.until_status("op-space", "Synced", "Healthy")

    def meta() -> dict[str, Any]:
        live = stack.kube.get("Namespace", "", "op-space")
        assert live is not None
        return dict(live["metadata"])

    assert meta()["labels"]["team"] == "a"
    assert meta()["annotations"]["example.com/why"] == "x"
    assert "argocd.argoproj.io/tracking-id" not in meta()["annotations"]
    stack.kube.merge("Namespace", "", "op-space", {"metadata": {"labels": {"others": "b"}}})
    other = {"labels": {"team": "b"}, "annotations": None}
    wish = {"spec": {"syncPolicy": {"managedNamespaceMetadata": other}}}
    stack.kube.merge("Application", NAMESPACE, "op-space", wish)
    stack.until_status("op-space", "OutOfSync", "Healthy")
    ask(stack, "op-space")
    stack.until_done("op-space")
    stack.until_status("op-space", "Synced", "Healthy")
    assert meta()["labels"]["team"] == "b"
    assert meta()["labels"]["others"] == "b"
    assert "example.com/why" not in meta()["annotations"]


def test_a_status_is_shortened_before_it_is_too_large(stack: Stack) -> None:
    """Texts of a thousand failures together would not fit the Application."""
    repo = stack.repo("large-status.git")
    for number in range(120):
        manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"cm-{number}"}}
        text = json.dumps({**manifest, "data": {"x" * 9_000: "a"}})
        repo.write(f"app/{number}.yaml", text)
    repo.commit()
    stack.apply("op-large", repo, "app")
    ask(stack, "op-large")
    state = stack.until_done("op-large", phase="Failed")
    assert len(state["syncResult"]["resources"]) == 121
    said = stack.conditions("op-large")["UnknownError"]
    assert said.startswith("Application status exceeds the Kubernetes resource size limit")
    stack.until("it is compared", lambda: stack.status("op-large")[0] == "OutOfSync")


def test_many_are_synced_by_a_selector(stack: Stack) -> None:
    repo = stack.repo("selector.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.commit()
    for name in ("op-many-a", "op-many-b"):
        stack.create(name, repo, "app", "--label", "set=many")
    stack.ok("app", "sync", "-l", "set=many")
    stack.ok("app", "wait", "-l", "set=many", "--timeout", "30")
    for name in ("op-many-a", "op-many-b"):
        assert stack.status(name) == ("Synced", "Healthy")
    none = stack.cli("app", "sync", "-l", "set=none")
    assert none.code == 1
    assert "No matching apps found for filter: selector set=none" in none.err
    said = stack.ok("app", "delete", "-l", "set=many", "--yes", "--wait")
    # Found by their labels, they are named with their namespace.
    assert said == "".join(f"application 'argocd/op-many-{one}' deleted\n" for one in "ab")


def test_an_automatic_application_stays_with_its_target(stack: Stack) -> None:
    repo = stack.repo("target.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    first = repo.commit()
    repo.write("app/one.yaml", config_map("one", a="2"))
    repo.commit()
    stack.apply("op-target", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("op-target")
    ran = stack.cli("app", "sync", "op-target", "--revision", first)
    assert ran.code == 20
    assert f"Cannot sync to {first}: auto-sync currently set to HEAD" in ran.err


def test_events_tell_what_happened(stack: Stack) -> None:
    repo = stack.repo("events.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    commit = repo.commit()
    stack.apply("op-events", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("op-events")
    stack.until_status("op-events", "Synced", "Healthy")

    def told() -> set[tuple[str, str]]:
        return {(one["reason"], one["message"]) for one in events()}

    def events() -> list[dict[str, Any]]:
        found = stack.kube.list("Event", NAMESPACE)
        return [one for one in found if one["involvedObject"]["name"] == "op-events"]

    wanted = {
        ("OperationStarted", f"Initiated automated sync to '{commit}'"),
        ("OperationCompleted", f"Sync operation to {commit} succeeded"),
        ("ResourceUpdated", "Updated sync status: OutOfSync -> Synced"),
        ("ResourceUpdated", "Updated health status: Missing -> Healthy"),
    }
    stack.until("the events are there", lambda: wanted <= told())
    for one in events():
        assert one["source"]["component"] == "argocd-application-controller"
        assert one["type"] == "Normal"
