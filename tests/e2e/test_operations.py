"""Operations however they are asked for, and what is told of them."""

from __future__ import annotations

from typing import Any

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


def test_local_manifests_are_refused_by_name(stack: Stack) -> None:
    repo = stack.repo("local.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.commit()
    stack.apply("op-local", repo, "app")
    patch = {"operation": {"sync": {"manifests": [config_map("other", a="1")]}}}
    stack.kube.merge("Application", NAMESPACE, "op-local", patch)
    state = stack.until_done("op-local", phase="Error")
    assert "operation.sync.manifests is not supported" in state["message"]
    assert stack.kube.get("Namespace", "", "op-local") is None


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
