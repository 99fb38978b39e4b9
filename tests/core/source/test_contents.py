"""What is told of a repository's folders."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.settings.tools import ToolSettings
from tiphys.core.source import contents
from tiphys.core.source.contents import (
    application_kind,
    flattened,
    maintainers,
    values_files,
)
from tiphys.model.render import EntryKind, ToolKind


def test_folders_are_applications_by_their_files() -> None:
    tools = ToolSettings()
    assert application_kind({"Chart.yaml": EntryKind.FILE}, tools) is ToolKind.HELM
    assert application_kind({"kustomization.yaml": EntryKind.FILE}, tools) is ToolKind.KUSTOMIZE
    assert application_kind({"a.yaml": EntryKind.FILE}, tools) is None
    assert application_kind({"Chart.yaml": EntryKind.FILE}, ToolSettings(helm=False)) is None


def test_files_of_values() -> None:
    children = {
        "values.yaml": EntryKind.FILE,
        "prod-values.yml": EntryKind.LINK,
        "values.json": EntryKind.FILE,
        "values.d.yaml": EntryKind.FOLDER,
        "Chart.yaml": EntryKind.FILE,
    }
    assert values_files(children) == ["prod-values.yml", "values.yaml"]


def test_values_as_parameters() -> None:
    values = {"b": {"c": [1, {"d": "x"}]}, "a": True, "n": None, "f": False, "m": {}}
    assert flattened(values) == [
        {"name": "a", "value": "true"},
        {"name": "b.c[0]", "value": "1"},
        {"name": "b.c[1].d", "value": "x"},
        {"name": "f", "value": "false"},
    ]
    assert flattened("x") == []


def test_a_later_file_leaves_what_it_does_not_have() -> None:
    image = {"image": {"name": "web", "tag": "1"}, "ports": [80, 443]}
    assert flattened(image, {"image": {"tag": "2"}, "ports": [81]}) == [
        {"name": "image.name", "value": "web"},
        {"name": "image.tag", "value": "2"},
        {"name": "ports[0]", "value": "81"},
        {"name": "ports[1]", "value": "443"},
    ]


def test_too_many_and_too_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_MOST_PARAMETERS", 2)
    assert len(flattened({"a": 1, "b": 2, "c": 3})) == 2
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    assert flattened({"a": deep}) == []


def test_maintainers() -> None:
    chart = {"maintainers": [{"name": "Ann", "email": "a@x"}, {"name": "Bob"}, {}, 7]}
    assert maintainers(chart) == ["Ann <a@x>", "Bob"]
    assert maintainers({"maintainers": "x"}) == []
