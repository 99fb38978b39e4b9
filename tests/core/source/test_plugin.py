"""The environment of a plugin."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tiphys.core.settings.tools import ToolSettings
from tiphys.core.source.environment import BuildContext
from tiphys.core.source.plugin import announcement_environment, plugin_options, with_subtree
from tiphys.model.render import PluginOptions
from tiphys.model.source import ApplicationSourcePlugin
from tiphys.model.structs import decode

CONTEXT = BuildContext("web", "demo", kube_version="v1.36.3+k3s1", api_versions=("v1", "apps/v1"))
BUILD = {"ARGOCD_APP_NAME": "web", "ARGOCD_APP_SOURCE_PATH": "x"}


def plugin(**fields: Any) -> ApplicationSourcePlugin:
    return decode(fields, ApplicationSourcePlugin, at="spec.source.plugin")


def test_one_that_was_discovered_gets_no_parameters() -> None:
    assert plugin_options(None, CONTEXT, BUILD).environment == (
        ("ARGOCD_APP_NAME", "web"),
        ("ARGOCD_APP_SOURCE_PATH", "x"),
        ("KUBE_VERSION", "1.36.3"),
        ("KUBE_API_VERSIONS", "v1,apps/v1"),
    )


def test_a_block_without_anything() -> None:
    options = plugin_options(plugin(name="x"), CONTEXT, {})
    assert options.name == "x"
    assert options.environment[-1] == ("ARGOCD_APP_PARAMETERS", "null")


def test_the_block_s_variables_see_those_before_them() -> None:
    block = plugin(
        env=[
            {"name": "ONE", "value": "$ARGOCD_APP_NAME-$KUBE_VERSION"},
            {"name": "TWO", "value": "${ARGOCD_ENV_ONE}!$THREE"},
        ]
    )
    environment = dict(plugin_options(block, CONTEXT, BUILD).environment)
    assert environment["ARGOCD_ENV_ONE"] == "web-1.36.3"
    assert environment["ARGOCD_ENV_TWO"] == "web-1.36.3!"


def test_parameters() -> None:
    given = [
        {"name": "image.tag", "string": "$KEPT"},
        {"name": "list", "array": ["a", ""]},
        {"name": "none", "array": []},
        {"name": "Map", "map": {"a-b": "1", "c": "2"}},
    ]
    environment = plugin_options(plugin(parameters=given), CONTEXT, {}).environment
    assert json.loads(environment[2][1]) == given
    assert environment[3:] == (
        ("PARAM_IMAGE_TAG", "$KEPT"),
        ("PARAM_LIST_0", "a"),
        ("PARAM_LIST_1", ""),
        ("PARAM_MAP_A_B", "1"),
        ("PARAM_MAP_C", "2"),
    )


@pytest.mark.parametrize(
    ("path", "paths", "root"),
    [
        ("apps/web", (), ""),
        ("apps/web", ("apps/web",), "apps/web"),
        ("apps/web", ("apps/web", "apps/shared"), "apps"),
        ("apps/web", ("apps/web/*/x.yaml", "apps/web/lib"), "apps/web"),
        ("apps/web", ("apps/w*",), "apps"),
        ("apps/web", ("",), ""),
        ("", ("apps",), ""),
        ("apps/web", ("apps/webs",), "apps"),
    ],
)
def test_only_what_is_needed_is_sent(path: str, paths: tuple[str, ...], root: str) -> None:
    whole = PluginOptions("x")
    tools = ToolSettings(plugin_use_generate_paths=True, plugin_tar_exclude=("*.md",))
    narrow = with_subtree(whole, path, paths, tools)
    assert narrow == PluginOptions("x", root=root, exclude=("*.md",))
    assert with_subtree(whole, path, paths, ToolSettings()) == whole


def test_an_announcement_sees_little() -> None:
    build = {
        f"ARGOCD_APP_{name}": name
        for name in (
            "NAME",
            "NAMESPACE",
            "SOURCE_REPO_URL",
            "SOURCE_PATH",
            "SOURCE_TARGET_REVISION",
        )
    }
    little = tuple((name, value) for name, value in build.items() if not name.endswith("SPACE"))
    assert announcement_environment(None, build) == little
    block = plugin(env=[{"name": "A", "value": "$ARGOCD_APP_NAME"}])
    assert announcement_environment(block, build) == (*little, ("ARGOCD_ENV_A", "NAME"))
