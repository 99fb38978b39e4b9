"""spec.source made options, build variables replaced; what is wrong says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tiphys.core.settings.tools import ToolSettings
from tiphys.core.source.environment import BuildContext
from tiphys.core.source.helm import plain_kube_version
from tiphys.core.source.options import options_for
from tiphys.model.errors import RenderError
from tiphys.model.render import (
    MOUNT,
    DirectoryOptions,
    HelmOptions,
    HelmParameter,
    JsonnetVariable,
    KustomizeOptions,
    PluginOptions,
    ToolKind,
)
from tiphys.model.source import ApplicationSource
from tiphys.model.structs import decode

COMMIT = "0123456789" * 4
CONTEXT = BuildContext(
    "team_web", "demo", kube_version="v1.36.3+k3s1", api_versions=("v1", "apps/v1")
)


def source(**fields: Any) -> ApplicationSource:
    given = {"repoURL": "https://h/r", "path": "apps/web", "targetRevision": "main"} | fields
    return decode(given, ApplicationSource, at="spec.source")


def helm(tools: ToolSettings | None = None, **fields: Any) -> HelmOptions:
    options = options_for(source(helm=fields), ToolKind.HELM, CONTEXT, COMMIT, tools)
    assert isinstance(options, HelmOptions)
    return options


def directory(tools: ToolSettings | None = None, **fields: Any) -> DirectoryOptions:
    options = options_for(source(directory=fields), ToolKind.DIRECTORY, CONTEXT, COMMIT, tools)
    assert isinstance(options, DirectoryOptions)
    return options


def kustomize(tools: ToolSettings | None = None, **fields: Any) -> KustomizeOptions:
    options = options_for(source(kustomize=fields), ToolKind.KUSTOMIZE, CONTEXT, COMMIT, tools)
    assert isinstance(options, KustomizeOptions)
    return options


def test_a_plain_folder() -> None:
    assert options_for(source(), ToolKind.DIRECTORY, CONTEXT, COMMIT) == DirectoryOptions()
    assert directory(
        recurse=True, include="*.yaml", exclude="x*", disableExtensionFilter=True, jsonnet={}
    ) == DirectoryOptions(True, "*.yaml", "x*", True)


def test_jsonnet_variables_are_substituted() -> None:
    options = directory(
        jsonnet={
            "extVars": [{"name": "ns", "value": "$ARGOCD_APP_NAMESPACE"}],
            "tlas": [{"name": "n", "value": "[$UNKNOWN]", "code": True}],
            "libs": ["vendor", "/lib/./sub", "."],
        }
    )
    assert options.ext_vars == (JsonnetVariable("ns", "demo"),)
    assert options.tlas == (JsonnetVariable("n", "[]", code=True),)
    assert options.libs == ("vendor", "lib/sub", "")


@pytest.mark.parametrize("path", ["../lib", "/../lib", "a/../../lib", f"{MOUNT}values"])
def test_a_library_stays_in_the_repository(path: str) -> None:
    with pytest.raises(RenderError) as caught:
        directory(jsonnet={"libs": [path]})
    assert (
        str(caught.value) == f"file '{path}' resolved to outside repository root: illegal filepath"
    )


def test_jsonnet_may_be_switched_off() -> None:
    assert not directory(ToolSettings(jsonnet=False)).jsonnet


def test_a_plain_kustomization() -> None:
    assert kustomize() == KustomizeOptions()
    assert options_for(source(), ToolKind.KUSTOMIZE, CONTEXT, COMMIT) == KustomizeOptions()


def test_edits_are_told_apart() -> None:
    one, other = kustomize(namePrefix="a-"), kustomize(namePrefix="b-")
    assert one.edits
    assert one.edits != other.edits
    assert one == kustomize(namePrefix="a-")


def test_charts_in_a_kustomization_see_the_cluster() -> None:
    tools = ToolSettings(kustomize_build_options="--enable-helm")
    assert kustomize(tools) == KustomizeOptions(
        enable_helm=True, kube_version="1.36.3", api_versions=("v1", "apps/v1")
    )
    assert kustomize(tools, kubeVersion="1.30", apiVersions=["a/v1"]) == KustomizeOptions(
        enable_helm=True, kube_version="1.30.0", api_versions=("a/v1",)
    )


def test_without_charts_the_cluster_makes_no_difference() -> None:
    assert kustomize(kubeVersion="1.30", apiVersions=["a/v1"]) == KustomizeOptions()


def test_build_options_count_for_every_kustomization() -> None:
    tools = ToolSettings(
        kustomize_build_options="--load-restrictor LoadRestrictionsNone --reorder=none"
    )
    assert kustomize(tools) == KustomizeOptions(unrestricted_files=True, reorder="none")
    with pytest.raises(RenderError, match="--enable-exec"):
        kustomize(ToolSettings(kustomize_build_options="--enable-exec"))


def test_a_version_of_kustomize_has_to_be_registered() -> None:
    assert kustomize(ToolSettings(kustomize_versions=("v5.1",)), version="v5.1").edits == ""
    with pytest.raises(RenderError) as caught:
        kustomize(ToolSettings(kustomize_versions=("v5.1",)), version="v4")
    assert str(caught.value) == "kustomize version v4 is not registered"


def test_a_plugin() -> None:
    options = options_for(source(plugin={"name": "x"}), ToolKind.PLUGIN, CONTEXT, COMMIT)
    assert isinstance(options, PluginOptions)
    assert options.name == "x"


def test_helm_without_a_block() -> None:
    assert options_for(source(), ToolKind.HELM, CONTEXT, COMMIT) == HelmOptions(
        release_name="web",
        namespace="demo",
        kube_version="1.36.3",
        api_versions=("v1", "apps/v1"),
    )


def test_helm_with_everything() -> None:
    assert helm(
        releaseName="shop",
        namespace="other",
        valueFiles=["values.yaml", "env/$ARGOCD_APP_NAMESPACE.yaml", "/${ARGOCD_APP_NAME}/v*.yaml"],
        ignoreMissingValueFiles=True,
        values="a: $KEPT",
        parameters=[{"name": "image.tag", "value": "$ARGOCD_APP_REVISION_SHORT"}],
        fileParameters=[{"name": "cert", "path": "$ARGOCD_APP_NAMESPACE.pem"}],
        passCredentials=True,
        skipCrds=True,
        skipTests=True,
        skipSchemaValidation=True,
        kubeVersion="1.30",
        apiVersions=["example.com/v1"],
        version="v3",
    ) == HelmOptions(
        release_name="shop",
        namespace="other",
        value_files=("values.yaml", "env/demo.yaml", "/team_web/v*.yaml"),
        ignore_missing_value_files=True,
        values="a: $KEPT",
        parameters=(HelmParameter("image.tag", "0123456"),),
        file_parameters=(("cert", "demo.pem"),),
        skip_crds=True,
        skip_tests=True,
        skip_schema_validation=True,
        kube_version="1.30.0",
        api_versions=("example.com/v1",),
    )


def test_of_one_parameter_s_name_the_last_is_meant() -> None:
    options = helm(
        parameters=[
            {"name": "a", "value": "1"},
            {"name": "a", "value": "2", "forceString": True},
            {"name": "a", "value": "3"},
        ]
    )
    assert options.parameters == (HelmParameter("a", "3"), HelmParameter("a", "2", True))


def test_values_as_an_object_beat_the_text() -> None:
    assert json.loads(helm(values="a: 1", valuesObject={"b": [True]}).values) == {"b": [True]}
    assert helm(values="a: 1", valuesObject={}).values == "{}"


def test_a_version_of_helm_that_is_none() -> None:
    with pytest.raises(RenderError) as caught:
        helm(version="v2")
    assert str(caught.value) == "helm version 'v2' is not supported"


@pytest.mark.parametrize("url", ["https://h/v.yaml", "HTTP://h/${ARGOCD_APP_NAME}.yaml"])
def test_values_from_a_url(url: str) -> None:
    files = helm(valueFiles=[url], fileParameters=[{"name": "a", "path": url}])
    expected = url.replace("${ARGOCD_APP_NAME}", "team_web")
    assert files.value_files == (expected,)
    assert files.file_parameters == (("a", expected),)


@pytest.mark.parametrize(
    ("url", "schemes", "scheme"),
    [
        ("http://h/v.yaml", ("https",), "http"),
        ("https://h/v.yaml", (), "https"),
        ("File:///etc/passwd", ("https", "http"), "file"),
        ("git::https://h/x", ("https", "http"), "git"),
    ],
)
def test_the_scheme_of_a_url_has_to_be_allowed(
    url: str, schemes: tuple[str, ...], scheme: str
) -> None:
    with pytest.raises(RenderError) as caught:
        helm(ToolSettings(values_file_schemes=schemes), valueFiles=[url])
    assert str(caught.value) == f"the URL scheme '{scheme}' is not allowed"


def test_no_path_of_a_user_names_a_tree_beside() -> None:
    with pytest.raises(RenderError, match="resolved to outside repository root"):
        helm(valueFiles=[f"{MOUNT}values/x.yaml"])


@pytest.mark.parametrize(
    ("text", "plain"), [("", ""), ("1.30", "1.30.0"), ("v1.36.3-gke.100+x", "1.36.3")]
)
def test_a_kubernetes_version_is_reduced(text: str, plain: str) -> None:
    assert plain_kube_version(text) == plain


def test_a_kubernetes_version_that_is_none() -> None:
    with pytest.raises(RenderError, match=r"^could not parse kubernetes version latest: "):
        plain_kube_version("latest")
