"""Which tool renders a source."""

from __future__ import annotations

import pytest

from tiphys.core.settings.tools import ToolSettings
from tiphys.core.source.tool import choose
from tiphys.model.errors import RenderError
from tiphys.model.render import EntryKind, ToolKind
from tiphys.model.source import (
    ApplicationSource,
    ApplicationSourceDirectory,
    ApplicationSourceHelm,
    ApplicationSourceKustomize,
    ApplicationSourcePlugin,
)

FILE, FOLDER, LINK = EntryKind.FILE, EntryKind.FOLDER, EntryKind.LINK
PLAIN = ApplicationSource(repo_url="file:///r")


@pytest.mark.parametrize(
    ("children", "tool"),
    [
        ({}, ToolKind.DIRECTORY),
        ({"cm.yaml": FILE}, ToolKind.DIRECTORY),
        ({"Chart.yaml": FILE}, ToolKind.HELM),
        ({"MyChart.yaml": FILE}, ToolKind.HELM),
        ({"Chart.yml": FILE}, ToolKind.DIRECTORY),
        ({"Chart.yaml": FOLDER}, ToolKind.DIRECTORY),
        ({"kustomization.yaml": FILE}, ToolKind.KUSTOMIZE),
        ({"kustomization.yml": LINK}, ToolKind.KUSTOMIZE),
        ({"Kustomization": FILE}, ToolKind.KUSTOMIZE),
        ({"kustomization": FILE}, ToolKind.DIRECTORY),
        ({"kustomization.yaml": FILE, "Chart.yaml": FILE}, ToolKind.KUSTOMIZE),
        ({"Kustomization": FILE, "Chart.yaml": FILE}, ToolKind.KUSTOMIZE),
        ({"zChart.yaml": FILE, "kustomization.yaml": FILE}, ToolKind.HELM),
    ],
)
def test_the_files_decide(children: dict[str, EntryKind], tool: ToolKind) -> None:
    assert choose(PLAIN, children) is tool


@pytest.mark.parametrize(
    ("source", "tool"),
    [
        (
            ApplicationSource(repo_url="", directory=ApplicationSourceDirectory()),
            ToolKind.DIRECTORY,
        ),
        (
            ApplicationSource(repo_url="", kustomize=ApplicationSourceKustomize()),
            ToolKind.KUSTOMIZE,
        ),
        (ApplicationSource(repo_url="", helm=ApplicationSourceHelm()), ToolKind.HELM),
    ],
)
def test_a_block_decides_even_when_it_is_empty(source: ApplicationSource, tool: ToolKind) -> None:
    assert choose(source, {"Chart.yaml": FILE, "kustomization.yaml": FILE}) is tool


def test_two_blocks_are_an_error() -> None:
    source = ApplicationSource(
        repo_url="",
        plugin=ApplicationSourcePlugin(),
        directory=ApplicationSourceDirectory(),
        helm=ApplicationSourceHelm(),
        kustomize=ApplicationSourceKustomize(),
    )
    with pytest.raises(RenderError) as caught:
        choose(source, {})
    assert str(caught.value) == (
        "multiple application sources defined: Kustomize,Helm,Directory,Plugin"
    )


def test_a_plugin_is_named_by_its_block() -> None:
    source = ApplicationSource(repo_url="", plugin=ApplicationSourcePlugin())
    assert choose(source, {"Chart.yaml": FILE}) is ToolKind.PLUGIN


@pytest.mark.parametrize(
    ("tools", "tool"),
    [
        (ToolSettings(kustomize=False), ToolKind.HELM),
        (ToolSettings(helm=False), ToolKind.KUSTOMIZE),
        (ToolSettings(helm=False, kustomize=False), ToolKind.DIRECTORY),
    ],
)
def test_a_tool_that_is_off_is_not_found(tools: ToolSettings, tool: ToolKind) -> None:
    assert choose(PLAIN, {"Chart.yaml": FILE, "kustomization.yaml": FILE}, tools) is tool


def test_a_block_of_a_tool_that_is_off_is_a_plain_folder() -> None:
    off = ToolSettings(helm=False, kustomize=False)
    helm = ApplicationSource(repo_url="", helm=ApplicationSourceHelm())
    kustomize = ApplicationSource(repo_url="", kustomize=ApplicationSourceKustomize())
    plugin = ApplicationSource(repo_url="", plugin=ApplicationSourcePlugin())
    assert choose(helm, {"kustomization.yaml": FILE}, off) is ToolKind.DIRECTORY
    assert choose(kustomize, {"Chart.yaml": FILE}, off) is ToolKind.DIRECTORY
    assert choose(plugin, {}, off) is ToolKind.PLUGIN
