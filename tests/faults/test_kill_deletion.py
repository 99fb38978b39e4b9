"""Tiphys is killed at every write of a cascade deletion: all objects go in order, no others."""

from __future__ import annotations

import random

import pytest

from tests.e2e.manifests import config_map, deployment
from tests.e2e.repo import Repo
from tests.e2e.stack import NAMESPACE
from tests.faults.proxy import Moment
from tests.faults.rig import SEED, SOAK, Rig

WAVE = "argocd.argoproj.io/sync-wave"
SAMPLE = 3
OURS = ["configmaps/high", "configmaps/low", "deployments/web"]


@pytest.fixture(scope="module")
def repo(rig: Rig) -> Repo:
    repo = rig.stack.repo("kill-deletion.git")
    repo.write("app/low.yaml", config_map("low", {WAVE: "-1"}, a="1"))
    repo.write("app/web.yaml", deployment("web"))
    repo.write("app/high.yaml", config_map("high", {WAVE: "1"}, a="1"))
    keep = {"argocd.argoproj.io/sync-options": "Delete=false"}
    repo.write("app/keep.yaml", config_map("keep", keep, a="1"))
    repo.commit()
    return repo


def prepare(rig: Rig, repo: Repo, names: list[str]) -> None:
    for name in names:
        rig.application(name, repo, sync={}, cascade=True)
    for name in names:
        rig.stack.until_status(name, "Synced", "Healthy", 90)
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
    rig.stack.until(f"{name} is gone", gone, 60)
    rig.until_quiet(trap)
    assert set(rig.live(name)) == {"ConfigMap/keep", "ConfigMap/kube-root-ca.crt"}, name
    order = list(rig.audited(name, mark, "delete"))
    assert sorted(order) == OURS, name
    assert order == ["configmaps/high", "deployments/web", "configmaps/low"], name
    rig.kube.delete("Namespace", "", name)
    return len(trap.writes)


def test_a_cascade_deletion_survives_a_kill_at_any_write(rig: Rig, repo: Repo) -> None:
    prepare(rig, repo, ["kill-cascade-calm"])
    writes = run(rig, "kill-cascade-calm", 0, Moment.BEFORE)
    assert writes >= len(OURS) + 1  # the finalizer goes last

    cases = [(at, moment) for at in range(1, writes + 1) for moment in Moment]
    if not SOAK:
        cases = random.Random(SEED).sample(cases, SAMPLE)  # noqa: S311 - not a secret
    print(f"seed {SEED}, {writes} writes, {len(cases)} kills")
    names = {case: f"kill-cascade-{case[0]:02d}-{case[1]}" for case in cases}
    prepare(rig, repo, list(names.values()))
    for (at, moment), name in names.items():
        run(rig, name, at, moment)
