"""Which tool renders a source."""

from __future__ import annotations

import pytest

from tiphys.core.source.tool import choose, refuse_overrides
from tiphys.model.errors import RenderError, UnsupportedSourceError
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


@pytest.mark.parametrize("name", [".argocd-source.yaml", ".argocd-source-demo_web.yaml"])
@pytest.mark.parametrize(("path", "shown"), [("", ""), ("apps/web", "apps/web/")])
def test_overrides_in_the_repository_are_refused(name: str, path: str, shown: str) -> None:
    with pytest.raises(UnsupportedSourceError, match="not supported") as caught:
        refuse_overrides("demo_web", path, {name: FILE})
    assert str(caught.value).startswith(f"{shown}{name}: ")


def test_overrides_of_others_and_folders_are_passed_over() -> None:
    refuse_overrides("web", "", {".argocd-source-api.yaml": FILE, ".argocd-source.yaml": FOLDER})
