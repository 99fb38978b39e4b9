"""Automatic sync: commits go live, and are pruned only where that was asked for."""

import pytest

from tests.e2e.manifests import config_map
from tests.e2e.stack import Stack


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
    stack.until(
        "the commit is compared",
        lambda: stack.app(name)["status"]["sync"]["revision"] == commit,
    )
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


def test_a_failed_attempt_is_not_repeated_for_the_same_revision(stack: Stack) -> None:
    repo = stack.repo("failing.git")
    repo.write("app/bad.yaml", config_map("Not_A_Name", a="1"))
    repo.commit()
    stack.create(
        "failing", repo, "app", "--sync-policy", "auto",
        "--sync-retry-limit", "1", "--sync-retry-backoff-duration", "1s",
    )  # fmt: skip
    stack.until(
        "the attempt is given up",
        lambda: "Failed last sync attempt" in stack.conditions("failing").get("SyncError", ""),
        60,
    )
    repo.remove("app/bad.yaml")
    repo.write("app/good.yaml", config_map("good", a="1"))
    repo.commit()
    stack.until_status("failing", "Synced", "Healthy")
    assert "SyncError" not in stack.conditions("failing")
