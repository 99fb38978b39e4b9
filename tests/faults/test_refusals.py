"""The API server refuses, stalls or is away for a while: a sync still ends right."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from tests.e2e.manifests import config_map, job
from tests.e2e.repo import Repo
from tests.faults.proxy import Call, Refusal, Slow
from tests.faults.rig import Rig

HOOKS = Counter({"jobs/pre": 1, "jobs/post": 1})
AWAY_SECONDS = 5.0

CONFLICT = Refusal(409, "Conflict")
BUSY = Refusal(429, "TooManyRequests", (("Retry-After", "1"),))
BROKEN = Refusal(500, "InternalError")
BROKEN_AFTERWARDS = Refusal(500, "InternalError", done=True)


def deploy(rig: Rig, name: str, **more: object) -> tuple[Repo, str, str]:
    """Synced once; the commit that follows changes an object and prunes another."""
    repo = rig.stack.repo(f"{name}.git")
    repo.write("app/pre.yaml", job("pre", hook="PreSync"))
    repo.write("app/settings.yaml", config_map("settings", a="1"))
    repo.write("app/old.yaml", config_map("old", a="1"))
    repo.write("app/post.yaml", job("post", hook="PostSync", policy="HookSucceeded"))
    first = repo.commit()
    repo.remove("app/old.yaml")
    repo.write("app/settings.yaml", config_map("settings", a="2"))
    second = repo.commit()
    rig.application(name, repo, sync={"revision": first})
    rig.until_history(name, first)
    rig.stack.until_status(name, "OutOfSync", "Healthy")
    return repo, first, second


def ends_right(rig: Rig, name: str, mark: int, first: str, second: str) -> None:
    rig.until_history(name, first, second)
    rig.stack.until_status(name, "Synced", "Healthy")
    state = rig.operation(name)
    assert state["phase"] == "Succeeded"
    assert state.get("retryCount", 0) == 0
    settings = rig.kube.get("ConfigMap", name, "settings")
    assert settings is not None
    assert settings["data"] == {"a": "2"}
    assert rig.audited(name, mark, "create") == HOOKS
    assert rig.deleted(name, mark) == {"configmaps/old", "jobs/pre", "jobs/post"}
    assert rig.kube.get("Job", name, "post") is None
    rig.remove(name)


@pytest.mark.parametrize(
    ("name", "method", "part", "answer", "times"),
    [
        ("conflict-object", "PATCH", "/configmaps/settings", CONFLICT, 1),
        ("conflict-hook", "PATCH", "/jobs/pre", CONFLICT, 1),
        ("conflict-status", "PATCH", "/applications/", CONFLICT, 2),
        ("broken-create", "POST", "/broken-create/jobs", BROKEN, 1),
        ("done-create-hook", "POST", "/done-create-hook/jobs", BROKEN_AFTERWARDS, 1),
        ("busy", "", "", BUSY, 6),
        ("broken-object", "PATCH", "/configmaps/settings", BROKEN, 2),
        ("broken-status", "PATCH", "/applications/", BROKEN, 2),
        ("broken-hook", "PATCH", "/jobs/pre", BROKEN, 1),
        ("broken-prune", "DELETE", "/configmaps/old", BROKEN, 2),
        ("done-object", "PATCH", "/configmaps/settings", BROKEN_AFTERWARDS, 1),
        ("done-status", "PATCH", "/applications/", BROKEN_AFTERWARDS, 4),
        ("done-hook", "PATCH", "/jobs/pre", BROKEN_AFTERWARDS, 1),
        ("done-prune", "DELETE", "/configmaps/old", BROKEN_AFTERWARDS, 1),
    ],
)
def test_a_sync_ends_right_though_writes_are_refused(
    rig: Rig, name: str, method: str, part: str, answer: Refusal, times: int
) -> None:
    def fits(call: Call) -> bool:
        about = name in call.path and part in call.path
        return call.write and about and method in ("", call.method)

    _, first, second = deploy(rig, name)
    mark = rig.stack.audit_offset()
    with rig.proxy.rule(fits, answer, times) as rule:
        rig.sync(name, prune=True)
        rig.until_history(name, first, second)
    assert len(rule.hits) == times
    ends_right(rig, name, mark, first, second)


def test_a_hook_whose_creation_was_not_answered_runs_once(rig: Rig) -> None:
    """Whether the server did what it did not answer is seen from what is there."""
    name = "done-create"
    repo = rig.stack.repo(f"{name}.git")
    repo.write("app/pre.yaml", job("pre", hook="PreSync"))
    repo.write("app/settings.yaml", config_map("settings", a="1"))
    commit = repo.commit()
    mark = rig.stack.audit_offset()

    def creates(call: Call) -> bool:
        return call.method == "POST" and call.path.endswith(f"/{name}/jobs")

    with rig.proxy.rule(creates, BROKEN_AFTERWARDS, 1) as rule:
        rig.application(name, repo, policy={"automated": {}})
        rig.until_history(name, commit)
        assert len(rule.hits) == 1
    rig.stack.until_status(name, "Synced", "Healthy")
    assert rig.operation(name).get("retryCount", 0) == 0
    assert rig.audited(name, mark, "create") == {"jobs/pre": 1, "configmaps/settings": 1}
    rig.remove(name)


def test_a_server_that_is_away_for_a_while_delays_a_sync(rig: Rig) -> None:
    name = "away"
    _, first, second = deploy(rig, name)
    mark = rig.stack.audit_offset()
    trap = rig.arm(name)
    rig.sync(name, prune=True)
    rig.stack.until(
        "the first hook is made",
        lambda: any(call.path.endswith(f"/{name}/jobs") for call in trap.writes),
    )
    with rig.proxy.away():
        time.sleep(AWAY_SECONDS)
    ends_right(rig, name, mark, first, second)


def test_a_slow_server_delays_a_sync_and_breaks_nothing(rig: Rig) -> None:
    name = "slow"
    _, first, second = deploy(rig, name)
    mark = rig.stack.audit_offset()
    with rig.proxy.rule(lambda call: not call.watch, Slow(0.5)) as rule:
        rig.sync(name, prune=True)
        rig.until_history(name, first, second)
    assert any(call.write for call in rule.hits)
    ends_right(rig, name, mark, first, second)
