"""The table of observations, and the same for programs."""

from __future__ import annotations

import json

from tiphys.cli.observations import as_json, as_table
from tiphys.services.observe.observation import Action, ObjectAction, Observation, Standing

SEEN = (
    Observation(
        "argocd",
        "web",
        "default",
        Standing("Synced", "Healthy", "0123456789"),
        Standing("OutOfSync", "Healthy", "abcdef0123"),
        would_sync=True,
        reason="Initiated automated sync to 'abcdef0123'",
        objects=(
            ObjectAction("apps", "Deployment", "demo", "web", Action.UPDATE, ("spec.replicas",)),
            ObjectAction("", "Namespace", "", "old", Action.PRUNE),
        ),
    ),
    Observation(
        "team",
        "broken",
        "default",
        Standing("", "", ""),
        Standing("Unknown", "Unknown", ""),
        conditions=(("InvalidSpecError", "no such project"),),
    ),
)


def test_the_table_says_what_would_change() -> None:
    assert as_table(SEEN).splitlines() == [
        "APPLICATION  THEIRS                    OURS                         WOULD SYNC  CHANGES",
        "argocd/web   Synced/Healthy (0123456)  OutOfSync/Healthy (abcdef0)  yes         2",
        "  update apps/Deployment demo/web: spec.replicas",
        "  prune Namespace old",
        "  (Initiated automated sync to 'abcdef0123')",
        "team/broken  -/-                       Unknown/Unknown              no          0",
        "  InvalidSpecError: no such project",
    ]


def test_json_says_the_same() -> None:
    first, second = json.loads(as_json(SEEN))
    assert (first["application"], first["agrees"], first["wouldSync"]) == ("web", False, True)
    assert first["objects"][0] == {
        "group": "apps",
        "kind": "Deployment",
        "namespace": "demo",
        "name": "web",
        "action": "update",
        "fields": ["spec.replicas"],
    }
    assert second["conditions"] == [{"type": "InvalidSpecError", "message": "no such project"}]
