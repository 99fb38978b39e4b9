"""Values of ConfigMaps that stand in Secrets."""

from __future__ import annotations

from tiphys.core.settings.references import resolved


def test_references_lead_into_secrets_or_stay() -> None:
    secrets = {"": {"a": " one "}, "b": {"c": "two"}}
    document = {"x": ["$a", "$b:c", "$b:d", "$n:c", 7], "y": {"z": "plain"}}
    assert resolved(document, lambda name: secrets.get(name, {})) == {
        "x": ["one", "two", "$b:d", "$n:c", 7],
        "y": {"z": "plain"},
    }
