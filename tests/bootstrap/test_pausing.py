"""When a source that cannot be rendered is left alone."""

from __future__ import annotations

import pytest

from tiphys.bootstrap.pausing import read_pause
from tiphys.services.render.failures import Pause

AFTER = "ARGOCD_PAUSE_GEN_AFTER_FAILED_ATTEMPTS"
MINUTES, REQUESTS = "ARGOCD_PAUSE_GEN_MINUTES", "ARGOCD_PAUSE_GEN_REQUESTS"


@pytest.mark.parametrize(
    ("environment", "pause"),
    [
        ({}, Pause(3, 60.0, 0)),
        ({AFTER: "0", MINUTES: "5", REQUESTS: "7"}, Pause(0, 5.0, 7)),
        ({AFTER: "", MINUTES: "0"}, Pause(3, 0.0, 0)),
        ({AFTER: "-1", MINUTES: "1h", REQUESTS: "99999999"}, Pause(3, 60.0, 0)),
    ],
)
def test_what_the_environment_says(environment: dict[str, str], pause: Pause) -> None:
    assert read_pause(environment) == pause
