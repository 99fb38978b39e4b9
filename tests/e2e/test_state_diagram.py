"""The states of an application: Unknown, OutOfSync, Synced, and back."""

from tests.e2e.manifests import config_map, deployment
from tests.e2e.stack import Stack


def test_a_commit_makes_it_out_of_sync_and_a_sync_makes_it_synced(stack: Stack) -> None:
    repo = stack.repo("states.git")
    repo.write("app/cm.yaml", config_map("settings", color="blue"))
    repo.commit()
    stack.create("states", repo, "app")
    stack.until_status("states", "OutOfSync", "Missing")

    stack.ok("app", "sync", "states")
    stack.until_status("states", "Synced", "Healthy")

    repo.write("app/cm.yaml", config_map("settings", color="red"))
    commit = repo.commit()
    stack.until_status("states", "OutOfSync", "Healthy")
    assert stack.app("states")["status"]["sync"]["revision"] == commit

    stack.ok("app", "sync", "states")
    stack.until_status("states", "Synced", "Healthy")
    live = stack.kube.get("ConfigMap", "states", "settings")
    assert live is not None
    assert live["data"] == {"color": "red"}


def test_it_is_unknown_while_the_repository_is_unreachable(stack: Stack) -> None:
    repo = stack.repo("gone.git")
    repo.write("app/cm.yaml", config_map("settings", color="blue"))
    repo.commit()
    stack.create("gone", repo, "app", "--sync-policy", "auto")
    stack.until_status("gone", "Synced", "Healthy")

    away = repo.folder.with_name("away")
    repo.folder.rename(away)
    stack.cli("app", "get", "gone", "--refresh")
    stack.until("Unknown", lambda: stack.status("gone")[0] == "Unknown")
    assert "Failed to load target state" in stack.conditions("gone")["ComparisonError"]
    # What is live stays, though nothing is known of what is wanted.
    assert stack.kube.get("ConfigMap", "gone", "settings") is not None

    away.rename(repo.folder)
    stack.cli("app", "get", "gone", "--refresh")
    stack.until_status("gone", "Synced", "Healthy")
    assert "ComparisonError" not in stack.conditions("gone")


def test_a_change_by_hand_names_the_field(stack: Stack) -> None:
    repo = stack.repo("drift.git")
    repo.write("app/web.yaml", deployment("web", replicas=2))
    repo.commit()
    stack.create("drift", repo, "app", "--sync-policy", "auto")
    stack.until_status("drift", "Synced", "Healthy")

    stack.kube.merge("Deployment", "drift", "web", {"spec": {"replicas": 3}})
    stack.until("OutOfSync", lambda: stack.status("drift")[0] == "OutOfSync")
    said = stack.ok("app", "get", "drift")
    assert "spec.replicas" in said
    live = stack.kube.get("Deployment", "drift", "web")
    assert live is not None
    assert live["spec"]["replicas"] == 3


def test_self_heal_restores_a_change_by_hand(stack: Stack) -> None:
    repo = stack.repo("heal.git")
    repo.write("app/web.yaml", deployment("web", replicas=2))
    repo.commit()
    stack.create("heal", repo, "app", "--sync-policy", "auto", "--self-heal")
    stack.until_status("heal", "Synced", "Healthy")

    stack.kube.merge("Deployment", "heal", "web", {"spec": {"replicas": 3}})

    def restored() -> bool:
        live = stack.kube.get("Deployment", "heal", "web")
        return live is not None and live["spec"]["replicas"] == 2

    stack.until("replicas are 2 again", restored)
    stack.until_status("heal", "Synced", "Healthy")


def test_self_heal_makes_a_deleted_object_again(stack: Stack) -> None:
    repo = stack.repo("remake.git")
    repo.write("app/cm.yaml", config_map("settings", color="blue"))
    repo.commit()
    stack.create("remake", repo, "app", "--sync-policy", "auto", "--self-heal")
    stack.until_status("remake", "Synced", "Healthy")
    before = stack.kube.get("ConfigMap", "remake", "settings")
    assert before is not None

    stack.kube.delete("ConfigMap", "remake", "settings")

    def made_again() -> bool:
        live = stack.kube.get("ConfigMap", "remake", "settings")
        return live is not None and live["metadata"]["uid"] != before["metadata"]["uid"]

    stack.until("the ConfigMap is there again", made_again)
