"""Every sync option with every tool, through creation, update, prune and deletion.

A sample that holds every pair of tool, option, level and strategy runs always, all of them with
TIPHYS_SOAK.
"""

from __future__ import annotations

import os

import pytest

from tests.e2e.matrix import Case, Life, pairs, sample, whole
from tests.e2e.stack import Stack

CASES = whole() if os.environ.get("TIPHYS_SOAK") else sample()


@pytest.fixture(scope="module")
def life(stack: Stack) -> Life:
    made = Life(stack, stack.repo("options.git"), CASES)
    made.run()
    return made


def test_the_sample_holds_every_pair() -> None:
    assert pairs(sample()) == pairs(whole())


each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def name_of(verb: str) -> str:
    return f"configmap/settings {verb}"


@each
def test_creation(life: Life, case: Case) -> None:
    seen = life.seen["create", case]
    assert {"extra", "settings", "steady"} <= seen.objects.keys()
    created = "serverside-applied" if case.asks("ServerSideApply=true") else "created"
    assert seen.message("settings") == name_of(created)
    live = seen.objects["settings"]["metadata"]
    marked = "kubectl.kubernetes.io/last-applied-configuration" in live["annotations"]
    # Only a patch has to remember what was applied.
    assert marked is not (case.asks("ServerSideApply=true") or case.asks("Replace=true"))
    # One write for each object.
    assert len(seen.writes) == 3


@each
def test_update(life: Life, case: Case) -> None:
    before, seen = life.seen["create", case], life.seen["update", case]
    live = seen.objects["settings"]
    if case.asks("Replace=true"):
        verb = "replaced"
    else:
        verb = "serverside-applied" if case.asks("ServerSideApply=true") else "configured"
    assert seen.message("settings") == name_of(verb)
    assert live["data"]["a"] == "2"
    # What others added goes with a replacement only.
    kept = not case.asks("Replace=true") and not case.recreated
    assert ("others" in live["data"]) is kept
    same = live["metadata"]["uid"] == before.objects["settings"]["metadata"]["uid"]
    assert same is not case.recreated
    alone = case.asks("ApplyOutOfSyncOnly=true")
    assert seen.results.keys() == ({"settings"} if alone else {"extra", "settings", "steady"})


@each
def test_prune(life: Life, case: Case) -> None:
    seen = life.seen["prune", case]
    assert "late" in seen.objects
    if case.asks("Prune=false"):
        assert seen.results["extra"]["status"] == "PruneSkipped"
        assert seen.message("extra") == "ignored (no prune)"
        assert "extra" in seen.objects
        return
    assert (seen.results["extra"]["status"], seen.message("extra")) == ("Pruned", "pruned")
    assert "extra" not in seen.objects
    order = [one for one in seen.writes if one in (("delete", "extra"), CREATED[case])]
    assert order == (
        [CREATED[case], ("delete", "extra")]
        if case.asks("PruneLast=true")
        else [("delete", "extra"), CREATED[case]]
    )
    waits = "waiting for pruning confirmation of /ConfigMap/extra"
    assert seen.waited == (waits if case.asks("Prune=confirm") else "")


@each
def test_deletion(life: Life, case: Case) -> None:
    left = {"late", "settings", "steady"} & life.seen["delete", case].objects.keys()
    assert left == ({"late", "settings", "steady"} if case.asks("Delete=false") else set())
    if case.asks("Delete=confirm") or case.asks("Prune=confirm"):
        asked = life.seen["asked", case].objects.keys()
        assert {"late", "settings", "steady"} <= asked


# An apply by the server is a patch, whether the object was there or not.
CREATED = {
    case: ("patch" if case.asks("ServerSideApply=true") else "create", "late") for case in CASES
}
