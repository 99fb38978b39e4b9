"""Hooks: when they run, how often, what their failure does, and when they go."""

from __future__ import annotations

import re

from tests.e2e.manifests import config_map, job
from tests.e2e.stack import Stack
from tests.e2e.test_order import writes


def jobs(stack: Stack, namespace: str) -> set[str]:
    return {one["metadata"]["name"] for one in stack.kube.list("Job", namespace)}


def test_a_hook_is_made_anew_for_the_next_sync(stack: Stack) -> None:
    repo = stack.repo("again.git")
    repo.write("app/pre.yaml", job("pre", hook="PreSync"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create("hook-again", repo, "app", "--sync-policy", "auto")
    stack.until_done("hook-again")
    first = stack.kube.get("Job", "hook-again", "pre")
    assert first is not None

    mark = stack.audit_offset()
    repo.write("app/cm.yaml", config_map("settings", a="2"))
    commit = repo.commit()
    stack.until_done("hook-again", commit)
    second = stack.kube.get("Job", "hook-again", "pre")
    assert second is not None
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    order = writes(stack, "hook-again", mark)
    assert order.count(("create", "pre")) == 1
    assert order.index(("delete", "pre")) < order.index(("create", "pre"))
    assert order.index(("create", "pre")) < order.index(("patch", "settings"))


def test_a_failed_hook_stops_the_sync_and_runs_sync_fail(stack: Stack) -> None:
    repo = stack.repo("broken.git")
    repo.write("app/pre.yaml", job("pre", hook="PreSync", behaviour="fail"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.write("app/fail.yaml", job("cleanup", hook="SyncFail"))
    repo.commit()
    stack.create("hook-broken", repo, "app")
    ran = stack.cli("app", "sync", "hook-broken")
    assert ran.code == 1
    assert "Operation has completed with phase: Failed" in ran.err
    state = stack.operation("hook-broken")
    assert state["phase"] == "Failed"
    assert state["message"].startswith("one or more synchronization tasks completed unsuccessfully")
    results = stack.results("hook-broken")
    assert results["pre"]["hookPhase"] == "Failed"
    assert results["cleanup"]["hookType"] == "SyncFail"
    assert results["cleanup"]["hookPhase"] == "Succeeded"
    assert "settings" not in results
    assert stack.kube.get("ConfigMap", "hook-broken", "settings") is None
    # A failed attempt is no deployment.
    assert not stack.app("hook-broken")["status"].get("history")


def test_sync_fail_hooks_do_not_run_after_a_success(stack: Stack) -> None:
    repo = stack.repo("unbroken.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.write("app/fail.yaml", job("cleanup", hook="SyncFail"))
    repo.commit()
    stack.apply("hook-unbroken", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("hook-unbroken")
    assert jobs(stack, "hook-unbroken") == set()


def test_hooks_that_succeeded_go_as_their_policies_say(stack: Stack) -> None:
    repo = stack.repo("policies.git")
    repo.write("app/keep.yaml", job("keep", hook="PreSync"))
    repo.write("app/early.yaml", job("before", hook="PreSync", policy="BeforeHookCreation"))
    repo.write("app/goes.yaml", job("goes", hook="PreSync", policy="HookSucceeded"))
    repo.write("app/fails.yaml", job("stays", hook="PreSync", policy="HookFailed"))
    repo.write("app/both.yaml", job("both", hook="PreSync", policy="HookFailed,HookSucceeded"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    mark = stack.audit_offset()
    stack.apply("hook-policies", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("hook-policies")
    left = {"keep", "before", "stays"}
    stack.until("those that succeeded go", lambda: jobs(stack, "hook-policies") == left)
    # Not at the end of their phase: at the end of the whole sync.
    order = writes(stack, "hook-policies", mark)
    assert order.index(("create", "settings")) < order.index(("delete", "goes"))
    assert [name for verb, name in order if verb == "delete"] in (
        ["goes", "both"],
        ["both", "goes"],
    )
    for name in left:
        live = stack.kube.get("Job", "hook-policies", name)
        assert live is not None
        assert "finalizers" not in live["metadata"]


def test_hooks_that_failed_go_as_their_policies_say(stack: Stack) -> None:
    repo = stack.repo("failing-policies.git")
    for name, policy in (
        ("keep", "BeforeHookCreation"),
        ("stays", "HookSucceeded"),
        ("goes", "HookFailed"),
    ):
        repo.write(f"app/{name}.yaml", job(name, hook="PreSync", policy=policy, behaviour="fail"))
    repo.commit()
    stack.apply("hook-failing", repo, "app")
    assert stack.cli("app", "sync", "hook-failing").code == 1
    stack.until("it goes", lambda: jobs(stack, "hook-failing") == {"keep", "stays"})


def test_a_generated_name_is_new_for_every_sync(stack: Stack) -> None:
    repo = stack.repo("generated.git")
    repo.write("app/pre.yaml", job("task-", hook="PreSync", generate=True))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    commit = repo.commit()
    stack.apply("hook-generated", repo, "app")
    stack.ok("app", "sync", "hook-generated")
    first = jobs(stack, "hook-generated")
    assert len(first) == 1
    assert re.fullmatch(rf"task-{commit[:7]}-presync-\d{{10}}", first.copy().pop())
    stack.ok("app", "sync", "hook-generated")
    second = jobs(stack, "hook-generated")
    # Another name is another object: the hook of before is left where it is.
    assert len(second) == 2
    assert first < second


def test_helm_hooks_run_as_hooks(stack: Stack) -> None:
    repo = stack.repo("helm-hooks.git")
    repo.write("app/Chart.yaml", "apiVersion: v2\nname: hooks\nversion: 0.1.0\n")
    templates = "app/templates"
    repo.write(
        f"{templates}/pre.yaml", job("pre", hook="pre-install", helm=True, wave=2, policy="x")
    )
    repo.write(f"{templates}/first.yaml", job("first", hook="pre-upgrade", helm=True, wave=-1))
    repo.write(
        f"{templates}/post.yaml",
        job("post", hook="post-install", helm=True, policy="hook-succeeded"),
    )
    repo.write(f"{templates}/test.yaml", job("checked", hook="test", helm=True))
    repo.write(f"{templates}/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    mark = stack.audit_offset()
    stack.apply("hook-helm", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("hook-helm")
    created = [name for verb, name in writes(stack, "hook-helm", mark) if verb == "create"]
    assert created == ["first", "pre", "settings", "post"]
    types = {name: one.get("hookType", "") for name, one in stack.results("hook-helm").items()}
    assert types == {
        "hook-helm": "",
        "first": "PreSync",
        "pre": "PreSync",
        "settings": "",
        "post": "PostSync",
    }
    stack.until("post is gone", lambda: jobs(stack, "hook-helm") == {"first", "pre"})
    stack.until_status("hook-helm", "Synced", "Healthy")


def test_a_skipped_object_is_left_alone(stack: Stack) -> None:
    repo = stack.repo("skipped.git")
    skip = {"argocd.argoproj.io/hook": "Skip"}
    repo.write("app/skip.yaml", config_map("skipped", skip, a="1"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("hook-skip", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("hook-skip")
    stack.until_status("hook-skip", "Synced", "Healthy")
    assert stack.kube.get("ConfigMap", "hook-skip", "skipped") is None


def test_a_hook_of_several_phases_runs_in_each(stack: Stack) -> None:
    repo = stack.repo("several.git")
    repo.write("app/task.yaml", job("task", hook="PreSync,PostSync"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    mark = stack.audit_offset()
    stack.apply("hook-several", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("hook-several")
    order = [entry for entry in writes(stack, "hook-several", mark) if entry[0] != "patch"]
    assert order == [
        ("create", "task"),
        ("create", "settings"),
        ("delete", "task"),
        ("create", "task"),
    ]
    listed = stack.operation("hook-several")["syncResult"]["resources"]
    assert [(one["name"], one.get("hookType", "")) for one in listed] == [
        ("hook-several", ""),
        ("task", "PreSync"),
        ("settings", ""),
        ("task", "PostSync"),
    ]


def test_post_sync_waits_for_health(stack: Stack) -> None:
    repo = stack.repo("post.git")
    repo.write("app/main.yaml", job("main", behaviour="hang"))
    repo.write("app/post.yaml", job("post", hook="PostSync"))
    repo.commit()
    stack.apply("hook-post", repo, "app", syncPolicy={"automated": {}})
    stack.until(
        "it says what it waits for",
        lambda: (
            stack.operation("hook-post").get("message")
            == "waiting for healthy state of batch/Job/main"
        ),
    )
    assert jobs(stack, "hook-post") == {"main"}
    assert stack.operation("hook-post")["phase"] == "Running"
    # The pod ends: so does the wait.
    pods = stack.kube.list("Pod", "hook-post")
    stack.kube.merge(
        "Pod",
        "hook-post",
        pods[0]["metadata"]["name"],
        {"metadata": {"annotations": {"tiphys.dev/pod-behaviour": ""}}},
    )
    stack.until_done("hook-post")
    assert jobs(stack, "hook-post") == {"main", "post"}


def test_hooks_are_neither_compared_nor_judged(stack: Stack) -> None:
    repo = stack.repo("unjudged.git")
    repo.write("app/pre.yaml", job("pre", hook="PostSync", behaviour="fail"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("hook-unjudged", repo, "app")
    assert stack.cli("app", "sync", "hook-unjudged").code == 1
    stack.until_status("hook-unjudged", "Synced", "Healthy")
    seen = stack.resources("hook-unjudged")["pre"]
    assert seen["hook"] is True
    assert "status" not in seen
