"""Deleting an application: its objects go with it, or stay, as its finalizer says."""

import time
from datetime import UTC, datetime

import pytest

from tests.e2e.manifests import config_map, deployment, job
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


def test_helm_may_ask_to_keep_an_object(stack: Stack) -> None:
    repo = stack.repo("policy.git")
    repo.write("app/keep.yaml", config_map("keep", {"helm.sh/resource-policy": "keep"}, a="1"))
    repo.write("app/go.yaml", config_map("go", a="1"))
    repo.commit()
    stack.apply("policy", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("policy")
    stack.ok("app", "delete", "policy", "--yes", "--wait")
    live = stack.kube.get("ConfigMap", "policy", "keep")
    assert live is not None
    # What is kept loses nothing, not even whose it was.
    assert "argocd.argoproj.io/tracking-id" in live["metadata"]["annotations"]
    assert stack.kube.get("ConfigMap", "policy", "go") is None


@pytest.mark.parametrize("propagation", ["foreground", "background"])
def test_objects_go_as_the_finalizer_says(stack: Stack, propagation: str) -> None:
    name = f"go-{propagation}"
    repo = stack.repo(f"{name}.git")
    repo.write("app/web.yaml", deployment("web"))
    repo.commit()
    stack.apply(name, repo, "app", syncPolicy={"automated": {}})
    stack.until_status(name, "Synced", "Healthy")
    # Held: in the foreground an object waits for what it owns, in the background it does not.
    held = stack.kube.list("ReplicaSet", name)[0]["metadata"]["name"]
    stack.kube.merge("ReplicaSet", name, held, {"metadata": {"finalizers": ["example.com/hold"]}})
    stack.ok("app", "delete", name, "--yes", "--propagation-policy", propagation)
    if propagation == "foreground":

        def waits() -> bool:
            live = stack.kube.get("Deployment", name, "web")
            assert live is not None
            return "foregroundDeletion" in live["metadata"].get("finalizers", ())

        stack.until("it waits for what it owns", waits)
        time.sleep(1)
        # The application stays as long as its objects.
        finalizers = stack.app(name)["metadata"]["finalizers"]
        assert finalizers == ["resources-finalizer.argocd.argoproj.io/foreground"]
    else:
        stack.until("it is gone", lambda: stack.kube.get("Application", NAMESPACE, name) is None)
        assert stack.kube.get("Deployment", name, "web") is None
        assert stack.kube.get("ReplicaSet", name, held) is not None
    stack.kube.merge("ReplicaSet", name, held, {"metadata": {"finalizers": None}})
    stack.until("all is gone", lambda: stack.kube.get("Application", NAMESPACE, name) is None)
    assert stack.kube.get("Deployment", name, "web") is None
    stack.until("and its pods", lambda: stack.kube.list("Pod", name) == [])


def test_an_application_without_finalizer_leaves_everything(stack: Stack) -> None:
    repo = stack.repo("plain.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("plain", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("plain")
    mark = stack.audit_offset()
    stack.kube.delete("Application", NAMESPACE, "plain")
    assert stack.kube.get("Application", NAMESPACE, "plain") is None
    time.sleep(1)
    assert stack.kube.get("ConfigMap", "plain", "settings") is not None
    assert [event["verb"] for event in stack.audit("plain", mark)] == []


def test_what_wants_approval_is_not_deleted_without(stack: Stack) -> None:
    repo = stack.repo("approval.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.write("app/two.yaml", config_map("two", a="1"))
    repo.commit()
    stack.create("approval", repo, "app", "--sync-policy", "auto", "--set-finalizer")
    stack.until_done("approval")
    wish = {"argocd.argoproj.io/sync-options": "Delete=confirm"}
    stack.kube.merge("ConfigMap", "approval", "one", {"metadata": {"annotations": wish}})
    stack.until(
        "it is known",
        lambda: stack.resources("approval")["one"].get("requiresDeletionConfirmation"),
    )
    approved = "argocd.argoproj.io/deletion-approved"

    def approve(moment: str) -> None:
        patch = {"metadata": {"annotations": {approved: moment}}}
        stack.kube.merge("Application", NAMESPACE, "approval", patch)

    # An approval of earlier was one of something else.
    approve("2001-01-01T00:00:00Z")
    stack.ok("app", "delete", "approval", "--yes")
    time.sleep(2)
    assert stack.kube.get("ConfigMap", "approval", "one") is not None
    assert stack.kube.get("ConfigMap", "approval", "two") is not None
    approve(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    stack.until("it is gone", lambda: stack.kube.get("Application", NAMESPACE, "approval") is None)
    assert stack.kube.get("ConfigMap", "approval", "one") is None
    assert stack.kube.get("ConfigMap", "approval", "two") is None


def test_a_missing_project_holds_a_deletion_up(stack: Stack) -> None:
    repo = stack.repo("orphaned.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create("orphaned", repo, "app", "--sync-policy", "auto", "--set-finalizer")
    stack.until_done("orphaned")
    stack.kube.merge("Application", NAMESPACE, "orphaned", {"spec": {"project": "no-such"}})
    stack.ok("app", "delete", "orphaned", "--yes")
    stack.until(
        "it says why",
        lambda: "no-such" in stack.conditions("orphaned").get("DeletionError", ""),
    )
    assert stack.kube.get("ConfigMap", "orphaned", "settings") is not None
    stack.kube.merge("Application", NAMESPACE, "orphaned", {"spec": {"project": "default"}})
    stack.until("it is gone", lambda: stack.kube.get("Application", NAMESPACE, "orphaned") is None)
    assert stack.kube.get("ConfigMap", "orphaned", "settings") is None


def test_an_unknown_destination_lets_the_application_go(stack: Stack) -> None:
    repo = stack.repo("nowhere.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create("nowhere", repo, "app", "--sync-policy", "auto", "--set-finalizer")
    stack.until_done("nowhere")
    elsewhere = {"server": "https://none", "namespace": "nowhere"}
    stack.kube.merge("Application", NAMESPACE, "nowhere", {"spec": {"destination": elsewhere}})
    stack.ok("app", "delete", "nowhere", "--yes", "--wait")
    assert stack.kube.get("ConfigMap", "nowhere", "settings") is not None


def test_a_running_operation_ends_before_the_objects_go(stack: Stack) -> None:
    repo = stack.repo("midway.git")
    repo.write("app/pre.yaml", job("pre", hook="PreSync", behaviour="slow"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create("midway", repo, "app")
    stack.ok("app", "sync", "midway", "--async")
    stack.until("the hook runs", lambda: stack.kube.get("Job", "midway", "pre"))
    stack.ok("app", "delete", "midway", "--yes", "--wait")
    assert stack.kube.get("ConfigMap", "midway", "settings") is None
    stack.until("the hook is gone", lambda: stack.kube.get("Job", "midway", "pre") is None)
