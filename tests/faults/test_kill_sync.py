"""Tiphys is killed at every write of a sync: after its restart the sync ends as if it had not been.

Each case syncs from `first` to `second`: a PreSync hook that exists from the sync before and one
that is new, objects in two waves, a prune, and a PostSync hook that goes when it has succeeded.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.manifests import config_map, deployment, job
from tests.faults.proxy import Moment
from tests.faults.rig import SEED, SOAK, Rig, differences

WAVE = "argocd.argoproj.io/sync-wave"
SAMPLE = 8
PATIENCE = 50
"""How often it is looked whether the end is as expected: ten seconds."""

CREATED = Counter({"jobs/before": 1, "jobs/check": 1, "jobs/post": 1, "configmaps/added": 1})
DELETED = {"jobs/before", "jobs/post", "configmaps/old"}


@dataclass(frozen=True)
class Commits:
    url: str
    first: str
    second: str


@dataclass(frozen=True)
class Case:
    """Kill number `at`; 0 never comes."""

    at: int
    moment: Moment

    @property
    def name(self) -> str:
        return f"kill-sync-{self.at:02d}-{self.moment}"


@pytest.fixture(scope="module")
def commits(rig: Rig) -> Commits:
    repo = rig.stack.repo("kill-sync.git")
    repo.write("app/before.yaml", job("before", hook="PreSync"))
    repo.write("app/settings.yaml", config_map("settings", a="1"))
    repo.write("app/web.yaml", deployment("web", image="registry.example.com/web:1"))
    repo.write("app/late.yaml", config_map("late", {WAVE: "1"}, a="1"))
    repo.write("app/old.yaml", config_map("old", a="1"))
    first = repo.commit()
    repo.remove("app/old.yaml")
    repo.write("app/check.yaml", job("check", hook="PreSync", wave=1))
    repo.write("app/settings.yaml", config_map("settings", a="2"))
    repo.write("app/web.yaml", deployment("web", image="registry.example.com/web:2"))
    repo.write("app/late.yaml", config_map("late", {WAVE: "1"}, a="2"))
    repo.write("app/added.yaml", config_map("added", {WAVE: "1"}, a="1"))
    repo.write("app/post.yaml", job("post", hook="PostSync", policy="HookSucceeded"))
    return Commits(repo.url, first, repo.commit())


def prepare(rig: Rig, commits: Commits, cases: list[Case]) -> None:
    """All applications side by side at the first commit, each with a stranger in its namespace."""
    for case in cases:
        rig.application(case.name, commits.url, sync={"revision": commits.first})
    for case in cases:
        rig.until_history(case.name, commits.first, seconds=60 + 3 * len(cases))
        rig.kube.create(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "stranger", "namespace": case.name},
            }
        )
    for case in cases:
        rig.stack.until_status(case.name, "OutOfSync", "Healthy")


def run(rig: Rig, commits: Commits, case: Case) -> tuple[int, Callable[[], dict[str, Any]]]:
    """Syncs to the end; answers how many writes that took, and how to see what came of it."""
    mark = rig.stack.audit_offset()
    trap = rig.arm(case.name, case.at, case.moment)
    rig.sync(case.name, prune=True)
    if case.at:
        rig.until_killed(trap, lambda: len(rig.status(case.name).get("history") or ()) > 1)
    rig.until_history(case.name, commits.first, commits.second)
    rig.stack.until_status(case.name, "Synced", "Healthy")
    rig.until_quiet(trap)

    def outcome() -> dict[str, Any]:
        return {
            "ended": rig.ended(case.name),
            "live": rig.live(case.name),
            "created": rig.audited(case.name, mark, "create"),
            "deleted": rig.deleted(case.name, mark),
        }

    return len(trap.writes), outcome


def differs(rig: Rig, commits: Commits, case: Case, expected: dict[str, Any]) -> list[str]:
    """What is not as without a kill, once Tiphys has had the time to make it so."""
    _, outcome = run(rig, commits, case)
    for _ in range(PATIENCE):
        found = differences(expected, outcome(), case.name)
        if not found:
            break
        time.sleep(0.2)
    rig.remove(case.name)
    return found


def test_a_sync_survives_a_kill_at_any_write(rig: Rig, commits: Commits) -> None:
    calm = Case(0, Moment.BEFORE)
    prepare(rig, commits, [calm])
    writes, outcome = run(rig, commits, calm)
    expected = outcome()
    assert expected["created"] == CREATED
    assert expected["deleted"] == DELETED
    assert expected["ended"]["phase"] == "Succeeded"
    assert "Job/post" not in expected["live"]
    assert "ConfigMap/stranger" in expected["live"]
    assert not any(one["metadata"].get("finalizers") for one in expected["live"].values())
    rig.remove(calm.name)

    cases = [Case(at, moment) for at in range(1, writes + 1) for moment in Moment]
    if not SOAK:
        cases = random.Random(SEED).sample(cases, SAMPLE)  # noqa: S311 - not a secret
    print(f"seed {SEED}, {writes} writes, {len(cases)} kills")
    prepare(rig, commits, cases)
    wrong = [line for case in cases for line in differs(rig, commits, case, expected)]
    assert not wrong, "\n".join(wrong)
