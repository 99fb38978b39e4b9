"""The order of waves, phases, hooks and prunes, read from the API server's audit log."""

from __future__ import annotations

import time
from datetime import datetime

from tests.e2e.manifests import as_yaml, config_map, deployment, job, workload
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
    stack.until_done("order-phases")
    stack.until("post is gone", lambda: stack.kube.get("Job", "order-phases", "post") is None)
    created = [name for verb, name in writes(stack, "order-phases", mark) if verb == "create"]
    assert created == ["pre", "settings", "post"]
    results = stack.app("order-phases")["status"]["operationState"]["syncResult"]["resources"]
    assert [(r["name"], r.get("hookType", ""), r["hookPhase"]) for r in results] == [
        # The namespace that was not there comes before everything.
        ("order-phases", "", "Succeeded"),
        ("pre", "PreSync", "Succeeded"),
        ("settings", "", "Succeeded"),
        ("post", "PostSync", "Succeeded"),
    ]


def test_prunes_run_before_applies_and_waves_backwards(stack: Stack) -> None:
    repo = stack.repo("prunes.git")
    repo.write("app/low.yaml", config_map("low", {WAVE: "1"}, a="1"))
    repo.write("app/high.yaml", config_map("high", {WAVE: "2"}, a="1"))
    repo.write("app/stays.yaml", config_map("stays", a="1"))
    repo.commit()
    stack.create("order-prunes", repo, "app", "--sync-policy", "auto", "--auto-prune")
    stack.until_done("order-prunes")

    mark = stack.audit_offset()
    repo.remove("app/low.yaml")
    repo.remove("app/high.yaml")
    repo.write("app/one.yaml", config_map("one", {WAVE: "1"}, a="1"))
    repo.write("app/two.yaml", config_map("two", {WAVE: "2"}, a="1"))
    commit = repo.commit()
    stack.until_done("order-prunes", commit)
    assert writes(stack, "order-prunes", mark) == [
        ("delete", "high"),
        ("create", "one"),
        ("delete", "low"),
        ("create", "two"),
    ]


def test_kinds_go_in_their_order_within_a_wave(stack: Stack) -> None:
    repo = stack.repo("kinds.git")
    repo.write("app/a.yaml", workload("Deployment", "web"))
    repo.write("app/b.yaml", as_yaml("Service", "web", {"ports": [{"port": 80}]}))
    repo.write("app/c.yaml", config_map("settings", a="1"))
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {a: b}\n"
    repo.write("app/d.yaml", text)
    account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: runner}\n"
    repo.write("app/e.yaml", account)
    repo.commit()
    mark = stack.audit_offset()
    stack.apply("order-kinds", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("order-kinds")
    created = [name for verb, name in writes(stack, "order-kinds", mark) if verb == "create"]
    assert created == ["runner", "token", "settings", "web", "web"]
    stack.until_status("order-kinds", "Synced", "Healthy")


def test_a_wave_waits_for_the_health_of_the_one_before(stack: Stack) -> None:
    repo = stack.repo("gate.git")
    repo.write("app/slow.yaml", deployment("slow", behaviour="hang"))
    repo.write("app/next.yaml", config_map("next", {WAVE: "1"}, a="1"))
    repo.commit()
    stack.apply("order-gate", repo, "app", syncPolicy={"automated": {}})
    stack.until(
        "it says what it waits for",
        lambda: (
            stack.operation("order-gate").get("message")
            == "waiting for healthy state of apps/Deployment/slow"
        ),
    )
    assert stack.kube.get("ConfigMap", "order-gate", "next") is None
    pods = stack.kube.list("Pod", "order-gate")
    for pod in pods:
        awake = {"metadata": {"annotations": {"tiphys.dev/pod-behaviour": None}}}
        stack.kube.merge("Pod", "order-gate", pod["metadata"]["name"], awake)
    stack.until_done("order-gate")
    assert stack.kube.get("ConfigMap", "order-gate", "next") is not None


def test_between_waves_there_is_a_pause(stack: Stack) -> None:
    repo = stack.repo("pause.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.write("app/two.yaml", config_map("two", {WAVE: "1"}, a="1"))
    repo.commit()
    stack.kube.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "order-pause"}}
    )
    mark = stack.audit_offset()
    # Without the parameter it is two seconds.
    stack.configure(**{"controller.sync.wave.delay.seconds": None})
    try:
        time.sleep(1)
        stack.apply("order-pause", repo, "app")
        stack.ok("app", "sync", "order-pause")
    finally:
        stack.configure(**{"controller.sync.wave.delay.seconds": "0"})
    time.sleep(0.5)
    moments = {
        event["objectRef"]["name"]: datetime.fromisoformat(event["stageTimestamp"])
        for event in stack.audit("order-pause", mark)
        if event["verb"] == "create"
    }
    assert 1.9 <= (moments["two"] - moments["one"]).total_seconds() < 6
    # There is none after the last wave.
    state = stack.operation("order-pause")
    took = datetime.fromisoformat(state["finishedAt"]) - datetime.fromisoformat(state["startedAt"])
    assert took.total_seconds() < 6


def test_a_namespace_of_git_comes_before_its_first_user(stack: Stack) -> None:
    repo = stack.repo("bubble.git")
    repo.write("app/cm.yaml", config_map("settings", {WAVE: "-5"}, a="1"))
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: order-bubble, labels: {a: b}}\n"
    repo.write("app/ns.yaml", text)
    repo.commit()
    stack.apply("order-bubble", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("order-bubble")
    stack.until_status("order-bubble", "Synced", "Healthy")
    namespace = stack.kube.get("Namespace", "", "order-bubble")
    assert namespace is not None
    assert namespace["metadata"]["labels"]["a"] == "b"


def test_prune_false_keeps_an_object(stack: Stack) -> None:
    repo = stack.repo("prunefalse.git")
    keep = {"argocd.argoproj.io/sync-options": "Prune=false"}
    repo.write("app/keep.yaml", config_map("keep", keep, a="1"))
    repo.write("app/go.yaml", config_map("go", a="1"))
    repo.write("app/stays.yaml", config_map("stays", a="1"))
    repo.commit()
    stack.apply("order-keep", repo, "app", syncPolicy={"automated": {"prune": True}})
    stack.until_done("order-keep")
    repo.remove("app/keep.yaml")
    repo.remove("app/go.yaml")
    commit = repo.commit()
    stack.until_done("order-keep", commit)
    assert stack.results("order-keep")["keep"]["status"] == "PruneSkipped"
    assert stack.results("order-keep")["keep"]["message"] == "ignored (no prune)"
    assert stack.kube.get("ConfigMap", "order-keep", "keep") is not None
    assert stack.kube.get("ConfigMap", "order-keep", "go") is None
    # It is no failure, and no agreement either.
    stack.until_status("order-keep", "OutOfSync", "Healthy")


def test_prune_last_waits_until_the_end(stack: Stack) -> None:
    repo = stack.repo("prunelast.git")
    last = {"argocd.argoproj.io/sync-options": "PruneLast=true"}
    repo.write("app/first.yaml", config_map("first", a="1"))
    repo.write("app/last.yaml", config_map("last", last, a="1"))
    repo.write("app/stays.yaml", config_map("stays", a="1"))
    repo.commit()
    stack.apply("order-last", repo, "app", syncPolicy={"automated": {"prune": True}})
    stack.until_done("order-last")
    mark = stack.audit_offset()
    repo.remove("app/first.yaml")
    repo.remove("app/last.yaml")
    repo.write("app/new.yaml", config_map("new", {WAVE: "3"}, a="1"))
    repo.write("app/post.yaml", job("post", hook="PostSync"))
    commit = repo.commit()
    stack.until_done("order-last", commit)
    order = [entry for entry in writes(stack, "order-last", mark) if entry[0] != "patch"]
    assert order == [
        ("delete", "first"),
        ("create", "new"),
        ("delete", "last"),
        ("create", "post"),
    ]


def test_prunes_delete_as_the_option_says(stack: Stack) -> None:
    repo = stack.repo("propagation.git")
    repo.write("app/web.yaml", deployment("web"))
    repo.write("app/stays.yaml", config_map("stays", a="1"))
    repo.commit()
    policy = {"automated": {"prune": True}, "syncOptions": ["PrunePropagationPolicy=orphan"]}
    stack.apply("order-orphan", repo, "app", syncPolicy=policy)
    stack.until_status("order-orphan", "Synced", "Healthy")
    stack.until_done("order-orphan")
    repo.remove("app/web.yaml")
    commit = repo.commit()
    stack.until_done("order-orphan", commit)
    stack.until("web is gone", lambda: stack.kube.get("Deployment", "order-orphan", "web") is None)
    left = stack.kube.list("ReplicaSet", "order-orphan")
    assert len(left) == 1
    assert "ownerReferences" not in left[0]["metadata"]
