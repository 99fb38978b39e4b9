"""Automatic sync: commits go live, and are pruned only where that was asked for."""

from datetime import datetime
from typing import Any

import pytest

from tests.e2e.manifests import config_map, job
from tests.e2e.stack import NAMESPACE, Stack
from tests.e2e.test_order import writes


def test_a_commit_is_live_without_a_further_command(stack: Stack) -> None:
    repo = stack.repo("auto.git")
    repo.write("app/cm.yaml", config_map("settings", color="blue"))
    repo.commit()
    stack.create("auto", repo, "app", "--sync-policy", "auto")
    stack.until_status("auto", "Synced", "Healthy")

    stack.until_done("auto")
    repo.write("app/cm.yaml", config_map("settings", color="red"))
    commit = repo.commit()

    def live() -> bool:
        found = stack.kube.get("ConfigMap", "auto", "settings")
        return found is not None and found["data"] == {"color": "red"}

    stack.until("the commit is live", live)
    stack.until_done("auto", commit)
    stack.until_status("auto", "Synced", "Healthy")
    status = stack.app("auto")["status"]
    assert status["sync"]["revision"] == commit
    assert [entry["id"] for entry in status["history"]] == [0, 1]
    assert status["history"][1]["revision"] == commit
    assert status["operationState"]["operation"]["initiatedBy"] == {"automated": True}
    assert status["operationState"]["phase"] == "Succeeded"


@pytest.mark.parametrize("prune", [True, False])
def test_a_file_deleted_from_git_is_pruned_only_where_prune_is_on(
    stack: Stack, prune: bool
) -> None:
    name = f"prune-{str(prune).lower()}"
    repo = stack.repo(f"{name}.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.write("app/two.yaml", config_map("two", a="1"))
    repo.commit()
    stack.create(name, repo, "app", "--sync-policy", "auto", *(["--auto-prune"] if prune else []))
    stack.until_status(name, "Synced", "Healthy")

    repo.remove("app/two.yaml")
    commit = repo.commit()
    stack.until_compared(name, commit)
    if prune:
        stack.until("two is gone", lambda: stack.kube.get("ConfigMap", name, "two") is None)
        stack.until_status(name, "Synced", "Healthy")
    else:
        stack.until_status(name, "OutOfSync", "Healthy")
        assert stack.kube.get("ConfigMap", name, "two") is not None
        resources = {r["name"]: r for r in stack.app(name)["status"]["resources"]}
        assert resources["two"]["requiresPruning"] is True
        assert resources["one"]["status"] == "Synced"
    assert stack.kube.get("ConfigMap", name, "one") is not None


def test_an_application_is_never_emptied_by_itself(stack: Stack) -> None:
    repo = stack.repo("empty.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.write("app/README", "keeps the folder")
    repo.commit()
    stack.create("empty", repo, "app", "--sync-policy", "auto", "--auto-prune")
    stack.until_status("empty", "Synced", "Healthy")

    repo.remove("app/one.yaml")
    repo.commit()
    stack.until(
        "it says why it does not sync",
        lambda: (
            "auto-sync will wipe out all resources"
            in stack.conditions("empty").get("SyncError", "")
        ),
    )
    assert stack.kube.get("ConfigMap", "empty", "one") is not None
    # Unless that is what is wanted.
    automated = {"spec": {"syncPolicy": {"automated": {"allowEmpty": True}}}}
    stack.kube.merge("Application", NAMESPACE, "empty", automated)
    stack.ok("app", "get", "empty", "--refresh")
    stack.until("it is empty", lambda: stack.kube.get("ConfigMap", "empty", "one") is None)
    stack.until_status("empty", "Synced", "Healthy")
    assert "SyncError" not in stack.conditions("empty")


def test_a_failed_attempt_is_not_repeated_for_the_same_revision(stack: Stack) -> None:
    repo = stack.repo("failing.git")
    repo.write("app/bad.yaml", config_map("Not_A_Name", a="1"))
    repo.commit()
    stack.create(
        "failing", repo, "app", "--sync-policy", "auto",
        "--sync-retry-limit", "1", "--sync-retry-backoff-duration", "1s",
    )  # fmt: skip
    state = stack.until_done("failing", phase="Failed")
    revision = state["syncResult"]["revision"]
    said = stack.until("it says why", lambda: stack.conditions("failing").get("SyncError"))
    assert said.startswith(f"Failed last sync attempt to [{revision}]: one or more objects failed")
    # Asked again, it gives the same answer, and tries nothing.
    stack.ok("app", "get", "failing", "--hard-refresh")
    assert stack.operation("failing") == state
    repo.remove("app/bad.yaml")
    repo.write("app/good.yaml", config_map("good", a="1"))
    repo.commit()
    stack.until_status("failing", "Synced", "Healthy")
    assert "SyncError" not in stack.conditions("failing")


def test_what_is_switched_off_does_not_start(stack: Stack) -> None:
    repo = stack.repo("ladder.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    # Switched off, whatever else is said.
    stack.apply(
        "ladder", repo, "app", syncPolicy={"automated": {"enabled": False, "selfHeal": True}}
    )
    stack.until_status("ladder", "OutOfSync", "Missing")
    stack.ok("app", "get", "ladder", "--refresh")
    assert not stack.operation("ladder")
    policy = {"spec": {"syncPolicy": {"automated": {"enabled": True}}}}
    stack.kube.merge("Application", NAMESPACE, "ladder", policy)
    state = stack.until_done("ladder")
    # An automatic sync tries five times unless it is told otherwise.
    assert state["operation"]["retry"] == {"limit": 5}
    assert state["operation"]["sync"]["revision"] == state["syncResult"]["revision"]


def test_healing_is_selective_and_counted(stack: Stack) -> None:
    repo = stack.repo("healing.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.write("app/two.yaml", config_map("two", a="1"))
    repo.write("app/hook.yaml", job("pre", hook="PreSync", policy="HookSucceeded"))
    repo.commit()
    stack.create("healing", repo, "app", "--sync-policy", "auto", "--self-heal")
    stack.until_done("healing")
    stack.until_status("healing", "Synced", "Healthy")
    first = stack.app("healing")["status"]["history"]
    mark = stack.audit_offset()
    stack.kube.merge("ConfigMap", "healing", "one", {"data": {"a": "9"}})
    stack.until(
        "it heals",
        lambda: (
            stack.operation("healing")
            .get("operation", {})
            .get("sync", {})
            .get("autoHealAttemptsCount")
        ),
    )
    state = stack.until_done("healing")
    sync = state["operation"]["sync"]
    assert sync["autoHealAttemptsCount"] == 1
    # Without namespace, which stands for any.
    assert sync["resources"] == [{"kind": "ConfigMap", "name": "one"}]
    stack.until_status("healing", "Synced", "Healthy")
    # No hooks, no history, and nothing else is written.
    assert stack.app("healing")["status"]["history"] == first
    assert writes(stack, "healing", mark) == [("patch", "one")]
    live = stack.kube.get("ConfigMap", "healing", "one")
    assert live is not None
    assert live["data"] == {"a": "1"}


def test_two_who_disagree_do_not_fight_at_full_speed(stack: Stack) -> None:
    repo = stack.repo("fight.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.commit()
    stack.apply("fight", repo, "app", syncPolicy={"automated": {"selfHeal": True}})
    stack.until_done("fight")
    stack.until_status("fight", "Synced", "Healthy")

    def healed(count: int) -> dict[str, Any]:
        def once_more() -> dict[str, Any]:
            state = stack.operation("fight")
            sync = (state.get("operation") or {}).get("sync") or {}
            assert sync.get("autoHealAttemptsCount") == count, state
            assert state["phase"] == "Succeeded"
            return state

        return stack.until(f"healed {count} times", once_more)

    stack.kube.merge("ConfigMap", "fight", "one", {"data": {"a": "9"}})
    first = healed(1)
    stack.kube.merge("ConfigMap", "fight", "one", {"data": {"a": "9"}})
    second = healed(2)
    # The first healing is at once, the second waits two seconds from the end of the first.
    assert _seconds(second["startedAt"]) - _seconds(first["finishedAt"]) >= 2


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
