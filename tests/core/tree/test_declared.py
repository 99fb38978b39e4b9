"""What definitions of kinds say to whoever follows the kinds of a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.tree.declared import Declaration, declaration_of
from tiphys.model.resource import GroupKind


def definition(kind: str, spec: dict[str, Any], *conditions: tuple[str, str]) -> dict[str, Any]:
    return {
        "kind": kind,
        "metadata": {"name": "x", "generation": 2},
        "spec": spec,
        "status": {"conditions": [{"type": t, "status": s} for t, s in conditions]},
    }


CRD_SPEC = {"group": "example.com", "names": {"kind": "Widget"}}


@pytest.mark.parametrize(
    ("conditions", "serving"),
    [
        ([], False),
        ([("Established", "False")], False),
        ([("NamesAccepted", "True"), ("Established", "True")], True),
    ],
)
def test_a_custom_kind_serves_once_it_is_established(
    conditions: list[tuple[str, str]], serving: bool
) -> None:
    given = definition("CustomResourceDefinition", CRD_SPEC, *conditions)
    assert declaration_of(given) == Declaration(GroupKind("example.com", "Widget"), 2, serving)


def test_a_definition_without_status_serves_nothing_yet() -> None:
    given = {"kind": "CustomResourceDefinition", "metadata": {"name": "x"}, "spec": CRD_SPEC}
    assert declaration_of(given) == Declaration(GroupKind("example.com", "Widget"), 0, False)


def test_an_aggregated_service_serves_while_it_is_available() -> None:
    spec = {"group": "metrics.k8s.io", "service": {"name": "metrics"}}
    assert declaration_of(definition("APIService", spec, ("Available", "True"))) == Declaration(
        None, 2, True
    )


def test_the_services_of_built_in_groups_declare_nothing() -> None:
    assert (
        declaration_of(definition("APIService", {"group": "apps"}, ("Available", "True"))) is None
    )


def test_other_kinds_declare_nothing() -> None:
    assert declaration_of({"kind": "ConfigMap", "metadata": {"name": "x"}}) is None
