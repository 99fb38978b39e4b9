"""The order of waves, phases, hooks and prunes, read from the API server's audit log."""

from __future__ import annotations

import time

from tests.e2e.manifests import config_map, job
from tests.e2e.stack import Stack

WAVE = "argocd.argoproj.io/sync-wave"


def writes(stack: Stack, namespace: str, since: int) -> list[tuple[str, str]]:
    """(verb, name) of what Tiphys wrote, in order; the namespace itself left out."""
    time.sleep(0.5)  # the audit log is written behind the answers
    return [
        (event["verb"], event["objectRef"].get("name", ""))
        for event in stack.audit(namespace, since)
        if event["objectRef"]["resource"] != "namespaces"
    ]


def test_waves_go_from_low_to_high(stack: Stack) -> None:
    repo = stack.repo("waves.git")
    for name, wave in (("late", "5"), ("early", "-3"), ("middle", "0"), ("next", "1")):
        repo.write(f"app/{name}.yaml", config_map(name, {WAVE: wave}, a="1"))
    repo.commit()
    mark = stack.audit_offset()
    stack.create("order-waves", repo, "app", "--sync-policy", "auto")
    stack.until_status("order-waves", "Synced", "Healthy")
    assert writes(stack, "order-waves", mark) == [
        ("create", "early"),
        ("create", "middle"),
        ("create", "next"),
        ("create", "late"),
    ]


def test_phases_and_hooks_run_in_order_and_once(stack: Stack) -> None:
    repo = stack.repo("phases.git")
    repo.write("app/pre.yaml", job("pre", hook="PreSync"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.write("app/post.yaml", job("post", hook="PostSync", policy="HookSucceeded"))
    repo.commit()
    mark = stack.audit_offset()
    stack.create("order-phases", repo, "app", "--sync-policy", "auto")
    stack.until_status("order-phases", "Synced", "Healthy")
    stack.until("post is gone", lambda: stack.kube.get("Job", "order-phases", "post") is None)
    created = [name for verb, name in writes(stack, "order-phases", mark) if verb == "create"]
    assert created == ["pre", "settings", "post"]
    results = stack.app("order-phases")["status"]["operationState"]["syncResult"]["resources"]
    assert [(r["name"], r.get("hookType", ""), r["hookPhase"]) for r in results] == [
        ("pre", "PreSync", "Succeeded"),
        ("settings", "", "Succeeded"),
        ("post", "PostSync", "Succeeded"),
    ]


def test_a_hook_is_made_anew_for_the_next_sync(stack: Stack) -> None:
    repo = stack.repo("again.git")
    repo.write("app/pre.yaml", job("pre", hook="PreSync"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create("order-again", repo, "app", "--sync-policy", "auto")
    stack.until_status("order-again", "Synced", "Healthy")
    first = stack.kube.get("Job", "order-again", "pre")
    assert first is not None

    mark = stack.audit_offset()
    repo.write("app/cm.yaml", config_map("settings", a="2"))
    commit = repo.commit()
    stack.until(
        "the second sync is done",
        lambda: stack.app("order-again")["status"]["history"][-1]["revision"] == commit,
        60,
    )
    second = stack.kube.get("Job", "order-again", "pre")
    assert second is not None
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    order = writes(stack, "order-again", mark)
    assert order.count(("create", "pre")) == 1
    assert order.index(("delete", "pre")) < order.index(("create", "pre"))
    assert order.index(("create", "pre")) < order.index(("patch", "settings"))


def test_a_failed_hook_stops_the_sync_and_runs_sync_fail(stack: Stack) -> None:
    repo = stack.repo("broken.git")
    repo.write("app/pre.yaml", job("pre", hook="PreSync", behaviour="fail"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.write("app/fail.yaml", job("cleanup", hook="SyncFail"))
    repo.commit()
    stack.create("order-broken", repo, "app")
    ran = stack.cli("app", "sync", "order-broken")
    assert ran.code == 1
    assert "Operation has completed with phase: Failed" in ran.err
    state = stack.app("order-broken")["status"]["operationState"]
    assert state["phase"] == "Failed"
    assert state["message"].startswith("one or more synchronization tasks completed unsuccessfully")
    assert stack.kube.get("ConfigMap", "order-broken", "settings") is None
    assert stack.kube.get("Job", "order-broken", "cleanup") is not None


def test_hooks_go_as_their_policies_say(stack: Stack) -> None:
    repo = stack.repo("policies.git")
    repo.write("app/keep.yaml", job("keep", hook="PreSync"))
    repo.write("app/goes.yaml", job("goes", hook="PreSync", policy="HookSucceeded"))
    repo.write("app/fails.yaml", job("stays", hook="PreSync", policy="HookFailed"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create("order-policies", repo, "app", "--sync-policy", "auto")
    stack.until_status("order-policies", "Synced", "Healthy")
    stack.until("goes went", lambda: stack.kube.get("Job", "order-policies", "goes") is None)
    assert stack.kube.get("Job", "order-policies", "keep") is not None
    assert stack.kube.get("Job", "order-policies", "stays") is not None


def test_prunes_run_before_applies_and_waves_backwards(stack: Stack) -> None:
    repo = stack.repo("prunes.git")
    repo.write("app/low.yaml", config_map("low", {WAVE: "1"}, a="1"))
    repo.write("app/high.yaml", config_map("high", {WAVE: "2"}, a="1"))
    repo.write("app/stays.yaml", config_map("stays", a="1"))
    repo.commit()
    stack.create("order-prunes", repo, "app", "--sync-policy", "auto", "--auto-prune")
    stack.until_status("order-prunes", "Synced", "Healthy")

    mark = stack.audit_offset()
    repo.remove("app/low.yaml")
    repo.remove("app/high.yaml")
    repo.commit()
    stack.until("low is gone", lambda: stack.kube.get("ConfigMap", "order-prunes", "low") is None)
    stack.until_status("order-prunes", "Synced", "Healthy")
    deleted = [name for verb, name in writes(stack, "order-prunes", mark) if verb == "delete"]
    assert deleted == ["high", "low"]
