"""Tiphys is killed at every write of a deletion with hooks: each hook runs once, in its place."""

from __future__ import annotations

import random

import pytest

from tests.e2e.manifests import config_map, job
from tests.e2e.repo import Repo
from tests.e2e.stack import NAMESPACE
from tests.faults.proxy import Moment
from tests.faults.rig import SEED, SOAK, Rig

SAMPLE = 4


@pytest.fixture(scope="module")
def repo(rig: Rig) -> Repo:
    repo = rig.stack.repo("kill-delete-hooks.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    # It vanishes as soon as nothing holds it: only what is stored says that it ran.
    brief = job("before", hook="PreDelete")
    brief = brief.replace("spec:\n", "spec:\n  ttlSecondsAfterFinished: 0\n", 1)
    repo.write("app/before.yaml", brief)
    repo.write("app/after.yaml", job("after", hook="PostDelete", policy="HookSucceeded"))
    repo.write("app/stays.yaml", job("stays", hook="PostDelete"))
    repo.commit()
    return repo


def prepare(rig: Rig, repo: Repo, names: list[str]) -> None:
    for name in names:
        rig.application(name, repo, sync={}, cascade=True)
    for name in names:
        rig.stack.until_status(name, "Synced", "Healthy", 90)
        rig.stack.until(
            "its hooks hold it",
            lambda name=name: len(rig.stack.app(name)["metadata"]["finalizers"]) == 5,  # type: ignore[misc]
        )
        rig.until_idle(name)


def run(rig: Rig, name: str, at: int, moment: Moment) -> int:
    """Deletes it and holds what must be so in the end; answers the number of writes."""
    mark = rig.stack.audit_offset()
    trap = rig.arm(name, at, moment)
    rig.kube.delete("Application", NAMESPACE, name)

    def gone() -> bool:
        return rig.kube.get("Application", NAMESPACE, name) is None

    if at:
        rig.until_killed(trap, gone)
    rig.stack.until(f"{name} is gone", gone, 90)
    rig.until_quiet(trap)
    rig.stack.until(
        f"what ran after is gone from {name}", lambda: rig.kube.get("Job", name, "after") is None
    )
    assert set(rig.live(name)) == {"ConfigMap/kube-root-ca.crt", "Job/stays"}, name
    stays = rig.kube.get("Job", name, "stays")
    assert stays is not None
    # Nothing of ours holds what is left.
    assert "argocd.argoproj.io/hook-finalizer" not in stays["metadata"].get("finalizers", ()), name
    made = rig.audited(name, mark, "create")
    assert sorted(made) == ["jobs/after", "jobs/before", "jobs/stays"], name
    assert set(made.values()) == {1}, (name, made)
    order = list(made)
    assert order[0] == "jobs/before", name
    rig.kube.delete("Namespace", "", name)
    return len(trap.writes)


def test_the_hooks_of_a_deletion_survive_a_kill_at_any_write(rig: Rig, repo: Repo) -> None:
    prepare(rig, repo, ["kill-farewell-calm"])
    writes = run(rig, "kill-farewell-calm", 0, Moment.BEFORE)
    # Three hooks, one object, a hook cleaned up, and five finalizers in four steps.
    assert writes >= 9

    cases = [(at, moment) for at in range(1, writes + 1) for moment in Moment]
    if not SOAK:
        cases = random.Random(SEED).sample(cases, SAMPLE)  # noqa: S311 - not a secret
    print(f"seed {SEED}, {writes} writes, {len(cases)} kills")
    names = {case: f"kill-farewell-{case[0]:02d}-{case[1]}" for case in cases}
    prepare(rig, repo, list(names.values()))
    for (at, moment), name in names.items():
        run(rig, name, at, moment)
