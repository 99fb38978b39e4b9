"""What the ConfigMaps say of tools."""

from __future__ import annotations

import pytest

from tiphys.core.settings.tools import (
    OCI_MEDIA_TYPES,
    ToolSettings,
    duplicate_versions,
    read_tools,
)


def test_without_any_key() -> None:
    assert read_tools({}, {}) == ToolSettings()
    assert ToolSettings().oci_media_types == OCI_MEDIA_TYPES


@pytest.mark.parametrize(
    ("text", "on"), [("", True), ("true", True), ("false", False), ("True", False), ("1", False)]
)
def test_tools_are_on_with_true_alone(text: str, *, on: bool) -> None:
    tools = read_tools({"helm.enable": text, "kustomize.enable": text, "jsonnet.enable": text}, {})
    assert (tools.helm, tools.kustomize, tools.jsonnet) == (on, on, on)


def test_kustomize() -> None:
    tools = read_tools(
        {
            "kustomize.buildOptions": " --enable-helm ",
            "kustomize.buildOptions.v4": "--not-applied",
            "kustomize.version.v4": "/bin/k4",
            "kustomize.path.v3.9.1": "/bin/k3",
        },
        {},
    )
    assert tools.kustomize_build_options == "--enable-helm"
    assert tools.kustomize_versions == ("v3.9.1", "v4")


def test_a_version_is_registered_once() -> None:
    general = {"kustomize.version.v4": "/a", "kustomize.path.v4": "/b", "kustomize.path.v5": "/c"}
    (found,) = duplicate_versions(general)
    assert str(found) == "kustomize.version.v4: found duplicate kustomize version: v4"
    assert found.key == "kustomize.version.v4"
    assert read_tools(general, {}).kustomize_versions == ("v4", "v5")


@pytest.mark.parametrize(
    ("text", "schemes"),
    [("", ()), ("https", ("https",)), (" HTTP, s3 ,", ("http", "s3"))],
)
def test_schemes_of_values(text: str, schemes: tuple[str, ...]) -> None:
    assert read_tools({"helm.valuesFileSchemes": text}, {}).values_file_schemes == schemes


@pytest.mark.parametrize("text", ["a/b,c/d", "[a/b, c/d]"])
def test_media_types(text: str) -> None:
    found = read_tools({}, {"reposerver.oci.layer.media.types": text})
    assert found.oci_media_types == ("a/b", "c/d")


def test_what_plugins_get() -> None:
    tools = read_tools(
        {},
        {
            "reposerver.plugin.tar.exclusions": "*.md;docs/**",
            "reposerver.plugin.use.manifest.generate.paths": "true",
        },
    )
    assert tools.plugin_tar_exclude == ("*.md", "docs/**")
    assert tools.plugin_use_generate_paths


@pytest.mark.parametrize(("text", "allowed"), [("", False), ("false", False), ("true", True)])
def test_links_that_lead_out(text: str, allowed: bool) -> None:
    assert read_tools({}, {"reposerver.allow.oob.symlinks": text}).allow_oob_symlinks is allowed


@pytest.mark.parametrize(("text", "part"), [("", True), ("true", True), ("false", False)])
def test_submodules(text: str, part: bool) -> None:
    assert read_tools({}, {"reposerver.enable.git.submodule": text}).submodules is part
