"""Every pair of files in the corpus is a live object and what it has to be judged as."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tiphys.core.health import JUDGED_KINDS, judge
from tiphys.model.status import HealthCode, HealthStatus

CORPUS = Path(__file__).parents[2] / "corpus" / "health"
EXPECTED = ".expected.yaml"
CASES = sorted(path for path in CORPUS.glob("*/*.yaml") if not path.name.endswith(EXPECTED))


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_judges_as_the_file_says(case: Path) -> None:
    live: dict[str, Any] = yaml.safe_load(case.read_text())
    expected = yaml.safe_load(case.with_name(case.stem + EXPECTED).read_text())
    want = expected and HealthStatus(HealthCode(expected["status"]), expected.get("message", ""))
    assert judge(live) == want


def test_there_are_cases_of_every_judged_kind() -> None:
    assert {path.parent.name for path in CASES} >= {kind.kind for kind in JUDGED_KINDS}
