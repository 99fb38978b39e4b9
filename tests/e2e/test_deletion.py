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


PRE = "pre-delete-finalizer.argocd.argoproj.io"
POST = "post-delete-finalizer.argocd.argoproj.io"


def writes_to(stack: Stack, namespace: str, since: int) -> list[tuple[str, str]]:
    """What Tiphys did to a namespace's objects, without what only lets go of a hook."""
    return [
        (event["verb"], event["objectRef"]["name"])
        for event in stack.audit(namespace, since)
        if event["verb"] in ("create", "delete")
    ]


def test_hooks_run_before_and_after_the_objects_go(stack: Stack) -> None:
    repo = stack.repo("farewell.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.write("app/before.yaml", job("before", hook="PreDelete"))
    repo.write("app/after.yaml", job("after", hook="PostDelete", policy="HookSucceeded"))
    repo.write("app/stays.yaml", job("stays", hook="post-delete", helm=True))
    repo.commit()
    stack.create("farewell", repo, "app", "--sync-policy", "auto", "--set-finalizer")
    stack.until_status("farewell", "Synced", "Healthy")
    # They are no part of a sync, and hold the application from then on.
    assert stack.kube.get("Job", "farewell", "before") is None
    assert "before" not in stack.resources("farewell")
    finalizers = stack.app("farewell")["metadata"]["finalizers"]
    assert finalizers[1:] == [PRE, f"{PRE}/cleanup", POST, f"{POST}/cleanup"]

    mark = stack.audit_offset()
    stack.ok("app", "delete", "farewell", "--yes", "--wait")
    assert stack.kube.get("ConfigMap", "farewell", "settings") is None
    stack.until("the hook is gone", lambda: stack.kube.get("Job", "farewell", "after") is None)
    # The default policy keeps what ran after; nothing holds it.
    live = stack.kube.get("Job", "farewell", "stays")
    assert live is not None
    assert "finalizers" not in live["metadata"]

    def in_order() -> bool:
        done = writes_to(stack, "farewell", mark)
        assert done[0] == ("create", "before")
        assert sorted(done[1:3]) == [("delete", "before"), ("delete", "settings")]
        assert sorted(done[3:5]) == [("create", "after"), ("create", "stays")]
        assert done[5:] == [("delete", "after")]
        return True

    stack.until("the audit log shows the order", in_order)


def test_a_failing_hook_keeps_the_objects_until_it_is_mended(stack: Stack) -> None:
    repo = stack.repo("guarded.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.write("app/check.yaml", job("check", hook="PreDelete", behaviour="fail"))
    repo.commit()
    stack.create("guarded", repo, "app", "--sync-policy", "auto", "--set-finalizer")
    stack.until_status("guarded", "Synced", "Healthy")
    mark = stack.audit_offset()
    stack.ok("app", "delete", "guarded", "--yes")
    said = "error executing pre-delete hooks: PreDelete hook(s) failed: guarded/check"
    stack.until("it says why", lambda: stack.conditions("guarded").get("DeletionError") == said)
    event = f"Unable to delete application resources: {said}"
    stack.until(
        "an event says so",
        lambda: any(one["message"] == event for one in stack.kube.list("Event", NAMESPACE)),
    )
    stack.until(
        "it is tried again",
        lambda: writes_to(stack, "guarded", mark).count(("create", "check")) > 1,
    )
    assert stack.kube.get("ConfigMap", "guarded", "settings") is not None
    repo.write("app/check.yaml", job("check", hook="PreDelete"))
    repo.commit()
    stack.until("it is gone", lambda: stack.kube.get("Application", NAMESPACE, "guarded") is None)
    assert stack.kube.get("ConfigMap", "guarded", "settings") is None
    # Each time it was made, it had gone before.
    done = [verb for verb, name in writes_to(stack, "guarded", mark) if name == "check"]
    assert done[::2] == ["create"] * len(done[::2])
    assert done[1::2] == ["delete"] * len(done[1::2])


def test_finalizers_go_with_the_hooks(stack: Stack) -> None:
    repo = stack.repo("changed.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.write("app/bye.yaml", job("bye", hook="PostDelete"))
    repo.commit()
    stack.apply("changed", repo, "app", syncPolicy={"automated": {}})

    def finalizers() -> list[str]:
        return list(stack.app("changed")["metadata"].get("finalizers", ()))

    stack.until("they are set", lambda: finalizers() == [POST, f"{POST}/cleanup"])
    repo.remove("app/bye.yaml")
    repo.commit()
    stack.until("they are gone", lambda: finalizers() == [])
    stack.kube.delete("Application", NAMESPACE, "changed")
    assert stack.kube.get("Application", NAMESPACE, "changed") is None


def test_a_hook_that_vanishes_when_it_ended_runs_once(stack: Stack) -> None:
    repo = stack.repo("vanishing.git")
    brief = job("brief", hook="PreDelete")
    brief = brief.replace("spec:\n", "spec:\n  ttlSecondsAfterFinished: 0\n", 1)
    repo.write("app/brief.yaml", brief)
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create("vanishing", repo, "app", "--sync-policy", "auto", "--set-finalizer")
    stack.until_status("vanishing", "Synced", "Healthy")
    mark = stack.audit_offset()
    stack.ok("app", "delete", "vanishing", "--yes", "--wait")
    stack.until("the hook is gone", lambda: stack.kube.get("Job", "vanishing", "brief") is None)
    assert writes_to(stack, "vanishing", mark).count(("create", "brief")) == 1
