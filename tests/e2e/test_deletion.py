"""Deleting an application: its objects go with it, or stay, as its finalizer says."""

from tests.e2e.manifests import config_map
from tests.e2e.stack import NAMESPACE, Stack


def test_a_cascade_deletes_from_high_wave_to_low(stack: Stack) -> None:
    repo = stack.repo("cascade.git")
    wave = "argocd.argoproj.io/sync-wave"
    repo.write("app/low.yaml", config_map("low", {wave: "0"}, a="1"))
    repo.write("app/high.yaml", config_map("high", {wave: "1"}, a="1"))
    repo.commit()
    stack.create("cascade", repo, "app", "--sync-policy", "auto")
    stack.until_status("cascade", "Synced", "Healthy")

    mark = stack.audit_offset()
    stack.ok("app", "delete", "cascade", "--yes", "--wait")
    assert stack.kube.get("Application", NAMESPACE, "cascade") is None
    assert stack.kube.get("ConfigMap", "cascade", "low") is None
    assert stack.kube.get("ConfigMap", "cascade", "high") is None
    stack.until(
        "the audit log shows both",
        lambda: [e["objectRef"]["name"] for e in stack.audit("cascade", mark)] == ["high", "low"],
    )


def test_without_cascade_the_objects_stay(stack: Stack) -> None:
    repo = stack.repo("orphan.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create("orphan", repo, "app", "--sync-policy", "auto")
    stack.until_status("orphan", "Synced", "Healthy")
    stack.ok("app", "delete", "orphan", "--yes", "--cascade=false", "--wait")
    assert stack.kube.get("Application", NAMESPACE, "orphan") is None
    assert stack.kube.get("ConfigMap", "orphan", "settings") is not None


def test_what_says_delete_false_stays(stack: Stack) -> None:
    repo = stack.repo("keep.git")
    keep = {"argocd.argoproj.io/sync-options": "Delete=false"}
    repo.write("app/keep.yaml", config_map("keep", keep, a="1"))
    repo.write("app/go.yaml", config_map("go", a="1"))
    repo.commit()
    stack.create("keep", repo, "app", "--sync-policy", "auto")
    stack.until_status("keep", "Synced", "Healthy")
    stack.ok("app", "delete", "keep", "--yes", "--wait")
    assert stack.kube.get("ConfigMap", "keep", "keep") is not None
    assert stack.kube.get("ConfigMap", "keep", "go") is None


def test_another_applications_objects_are_never_touched(stack: Stack) -> None:
    repo = stack.repo("copied.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create("copied", repo, "app", "--sync-policy", "auto", "--auto-prune")
    stack.until_status("copied", "Synced", "Healthy")
    # A copy of the object carries the tracking id of the original.
    original = stack.kube.get("ConfigMap", "copied", "settings")
    assert original is not None
    stack.kube.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "copy",
                "namespace": "copied",
                "annotations": original["metadata"]["annotations"],
            },
        }
    )
    repo.write("app/cm.yaml", config_map("settings", a="2"))
    commit = repo.commit()
    stack.until_done("copied", commit)
    stack.until_status("copied", "Synced", "Healthy")
    assert stack.kube.get("ConfigMap", "copied", "copy") is not None
