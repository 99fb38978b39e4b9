"""The order of applies."""

from __future__ import annotations

from tiphys.core.manifest.order import KIND_ORDER, apply_order, kind_rank
from tiphys.model.status import SyncPhase


def test_every_kind_has_one_rank() -> None:
    assert len(KIND_ORDER) == 35
    assert [kind_rank(kind) for kind in KIND_ORDER] == list(range(35))


def test_unknown_kinds_come_last() -> None:
    assert kind_rank("Gateway") == 35


def test_phase_beats_wave_beats_kind_beats_name() -> None:
    tasks = [
        (SyncPhase.SYNC_FAIL, -9, "Namespace", "a"),
        (SyncPhase.POST_SYNC, -5, "Namespace", "a"),
        (SyncPhase.SYNC, 1, "Namespace", "a"),
        (SyncPhase.SYNC, 0, "Gateway", "a"),
        (SyncPhase.SYNC, 0, "Deployment", "b"),
        (SyncPhase.SYNC, 0, "Deployment", "a"),
        (SyncPhase.SYNC, 0, "ConfigMap", "z"),
        (SyncPhase.SYNC, -1, "Ingress", "z"),
        (SyncPhase.PRE_SYNC, 9, "Job", "z"),
    ]
    assert sorted(tasks, key=lambda task: apply_order(*task)) == tasks[::-1]
