"""plugin.yaml."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tiphys.adapters.plugin.config import Discovery, PluginConfig, parse
from tiphys.adapters.plugin.errors import ConfigError


def text(**changed: Any) -> str:
    document: dict[str, Any] = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ConfigManagementPlugin",
        "metadata": {"name": "own"},
        "spec": {"generate": {"command": ["make"]}},
    }
    return yaml.safe_dump(document | changed)


def test_the_least() -> None:
    assert parse(text()) == PluginConfig("own", generate=("make",))
    assert parse(text()).socket == "own.sock"


def test_everything() -> None:
    spec = {
        "version": 1.0,
        "init": {"command": ["sh"], "args": ["-c", "prepare"]},
        "generate": {"command": ["sh", "-c"], "args": ["make"]},
        "discover": {
            "fileName": "*.cue",
            "find": {"glob": "**/x", "command": ["find"], "args": ["."]},
        },
        "parameters": {"static": [{"name": "a"}], "dynamic": {"command": ["list"]}},
        "preserveFileMode": True,
        "provideGitCreds": True,
        "unknown": {"field": 1},
    }
    found = parse(text(spec=spec))
    assert found == PluginConfig(
        name="own",
        version="1.0",
        init=("sh", "-c", "prepare"),
        generate=("sh", "-c", "make"),
        discovery=Discovery("*.cue", "**/x", ("find", ".")),
        announced=({"name": "a"},),
        announce=("list",),
        keeps_modes=True,
        wants_credentials=True,
    )
    assert found.socket == "own-1.0.sock"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (text(metadata={}), "metadata.name should be non-empty"),
        (text(metadata={"name": ""}), "metadata.name should be non-empty"),
        (text(kind="Other"), "kind should be ConfigManagementPlugin, found Other"),
        (text(kind=None), "kind should be ConfigManagementPlugin, found "),
        (text(spec={}), "spec.generate command should be non-empty"),
        (text(spec={"generate": {"args": ["x"]}}), "spec.generate command should be non-empty"),
        (
            text(spec={"generate": {"command": "make it"}}),
            "generate: command should be a list of texts",
        ),
        (text(spec=[]), "spec should be an object"),
        (
            text(spec={"generate": {"command": ["x"]}, "parameters": {"static": {}}}),
            "spec.parameters.static should be a list",
        ),
        (
            text(metadata={"name": "../own"}),
            "metadata.name and spec.version cannot contain a slash",
        ),
        ("[", "it is not YAML"),
        ("- x", "it should be an object"),
        ("", "metadata.name should be non-empty"),
    ],
)
def test_what_is_wrong(given: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(given)
    assert str(caught.value) == f"invalid plugin configuration file. {said}"
