"""Tiphys is killed at every write of an automatic sync that is tried again after a failed hook.

The count of retries survives, and the hook is created once for each attempt.
"""

from __future__ import annotations

import random
from typing import Any

from tests.e2e.manifests import config_map, job
from tests.faults.proxy import Moment
from tests.faults.rig import SEED, SOAK, Rig, differences

SAMPLE = 3
RETRIES = 2
POLICY = {
    "automated": {},
    "retry": {
        "limit": RETRIES,
        "backoff": {"duration": "1s", "factor": 1, "maxDuration": "1s"},
    },
}


def run(rig: Rig, url: str, at: int = 0, moment: Moment = Moment.BEFORE) -> tuple[Any, int]:
    """What is found in the end, and how many writes there were."""
    name = f"kill-retry-{at:02d}-{moment}"
    mark = rig.stack.audit_offset()
    trap = rig.arm(name, at, moment)
    rig.application(name, url, policy=POLICY)
    if at:
        rig.until_killed(trap, lambda: "SyncError" in rig.stack.conditions(name))

    def given_up() -> bool:
        state = rig.operation(name)
        assert state.get("phase") == "Failed", state
        assert state.get("retryCount") == RETRIES, state
        return "operation" not in rig.stack.app(name)

    rig.stack.until(f"{name} is given up", given_up, 60)
    rig.stack.until("it says so", lambda: "SyncError" in rig.stack.conditions(name))
    rig.until_quiet(trap)
    found = {
        "ended": rig.ended(name),
        "live": rig.live(name),
        "created": rig.audited(name, mark, "create"),
    }
    rig.remove(name)
    return found, len(trap.writes)


def test_retries_survive_a_kill_at_any_write(rig: Rig) -> None:
    repo = rig.stack.repo("kill-retry.git")
    repo.write("app/pre.yaml", job("pre", hook="PreSync", behaviour="fail"))
    repo.write("app/settings.yaml", config_map("settings", a="1"))
    repo.commit()
    expected, writes = run(rig, repo.url)
    assert expected["created"] == {"jobs/pre": 1 + RETRIES}
    assert "ConfigMap/settings" not in expected["live"]

    cases = [(at, moment) for at in range(1, writes + 1) for moment in Moment]
    if not SOAK:
        cases = random.Random(SEED).sample(cases, SAMPLE)  # noqa: S311 - not a secret
    print(f"seed {SEED}, {writes} writes, {len(cases)} kills")
    wrong: list[str] = []
    for at, moment in cases:
        found, _ = run(rig, repo.url, at, moment)
        wrong += differences(expected, found, f"{at} {moment}")
    assert not wrong, "\n".join(wrong)
