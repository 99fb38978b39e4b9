"""Every file beside this one is a live object and what it has to be judged as."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tiphys.core.health import judge
from tiphys.model.status import HealthCode, HealthStatus

CASES = sorted(Path(__file__).parent.glob("*/*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_judges_as_the_file_says(case: Path) -> None:
    content: dict[str, Any] = yaml.safe_load(case.read_text())
    expected = content["expected"]
    want = expected and HealthStatus(HealthCode(expected["status"]), expected.get("message", ""))
    assert judge(content["object"]) == want


def test_there_are_cases_of_every_judged_kind() -> None:
    kinds = {case.parent.name for case in CASES}
    assert kinds >= {
        "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job", "Service",
        "Ingress", "PersistentVolumeClaim",
    }  # fmt: skip
