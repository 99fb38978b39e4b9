"""Comparisons as files: the sides and the rules, and what is said of them.

The cases come from Kubernetes' documentation ("Declarative Management of Kubernetes Objects Using
Configuration Files", "Server-Side Apply"), its API conventions and the contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.core.diff.documents import KINDS, schema_of
from tiphys.core.diff.applied import with_last_applied
from tiphys.core.diff.compare import Question, judge, left_of
from tiphys.core.diff.explain import FieldDifference
from tiphys.core.diff.known import scalar_type, with_known_types
from tiphys.core.diff.rules import CompareRules, DiffMode, ObjectRules
from tiphys.core.diff.schema import TypeSchema
from tiphys.core.settings.overrides import IgnoredStatus, IgnoreRule, KnownTypeField
from tiphys.model.resource import Manifest, gvk_of, key_of

FOLDER = Path(__file__).parents[2] / "corpus" / "diff"
CASES = sorted(path.name for path in FOLDER.iterdir())
_KNOWN_KINDS = {gvk.kind for gvk in KINDS.values()}


def test_there_are_cases() -> None:
    assert len(CASES) > 25


@pytest.mark.parametrize("case", CASES)
def test_a_comparison(case: str) -> None:
    given = yaml.safe_load((FOLDER / case / "input.yaml").read_text())
    expected = yaml.safe_load((FOLDER / case / "expected.yaml").read_text())
    assert set(given) <= {"applied", "desired", "live", "predicted", "mode", "rules"}
    question = asked(given)
    answer = judge(question, left_of(question))
    assert in_order(told(answer.differences)) == in_order(expected["differences"])
    assert in_order(told(answer.hidden)) == in_order(expected.get("hidden", []))
    assert answer.modified is bool(expected["differences"])


def asked(given: Mapping[str, Any]) -> Question:
    rules = CompareRules(**rules_of(given.get("rules", {})))
    own = rules.of(key_of(given["live"]))
    return Question(
        desired=given["desired"],
        live=live_of(given),
        schema=schema(given["desired"], own),
        rules=own,
        mode=DiffMode(given.get("mode", "client")),
        predicted=given.get("predicted"),
    )


def live_of(given: Mapping[str, Any]) -> Manifest:
    """The live object with the annotation of what was applied, where something was."""
    live: Manifest = given["live"]
    if "applied" not in given:
        return live
    notes = with_last_applied(given["applied"])["metadata"]["annotations"]
    meta = live["metadata"]
    return {**live, "metadata": {**meta, "annotations": {**meta.get("annotations", {}), **notes}}}


def rules_of(said: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(said)
    made["ignore"] = tuple(_ignored(one) for one in said.get("ignore", ()))
    made["known_types"] = tuple(KnownTypeField(**one) for one in said.get("known_types", ()))
    made["ignored_status"] = IgnoredStatus(said.get("ignored_status", "all"))
    return made


def _ignored(said: Mapping[str, Any]) -> IgnoreRule:
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in said.items()}
    return IgnoreRule(**fields)


def schema(desired: Manifest, own: ObjectRules) -> TypeSchema | None:
    kind = gvk_of(desired)
    found = schema_of(kind.kind) if kind.kind in _KNOWN_KINDS else None
    types = {
        one.field: node for one in own.known_types if (node := scalar_type(one.type)) is not None
    }
    return with_known_types(found, kind, types) if types else found


def told(found: tuple[FieldDifference, ...]) -> list[dict[str, Any]]:
    return [
        {
            "field": one.field, "desired": one.desired, "live": one.live,
            **{name: text for name in ("manager", "time", "rule") if (text := getattr(one, name))},
        }
        for one in found
    ]  # fmt: skip


def in_order(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(found, key=lambda one: str(one["field"]))
