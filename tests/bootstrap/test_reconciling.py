"""Which settings comparisons rest on."""

from __future__ import annotations

from dataclasses import replace

from tiphys.bootstrap.reconciling import judged_by
from tiphys.core.settings import Settings
from tiphys.core.settings.settings import TrackingMethod


def test_what_says_when_and_how_many_makes_no_comparison_worthless() -> None:
    usual = Settings()
    timed = replace(usual, reconciliation=1.0, status_processors=3, application_namespaces=("a",))
    assert judged_by(timed) == judged_by(usual)
    for changed in (
        replace(usual, tracking=TrackingMethod.LABEL),
        replace(usual, server_side_diff=True),
        replace(usual, installation_id="one"),
    ):
        assert judged_by(changed) != judged_by(usual)
