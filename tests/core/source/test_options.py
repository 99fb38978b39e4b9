"""spec.source made options; what is not acted on is refused by its name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tiphys.core.source.environment import BuildContext
from tiphys.core.source.options import options_for, plain_kube_version, unsupported_fields
from tiphys.model.errors import RenderError, UnsupportedSourceError
from tiphys.model.render import (
    DirectoryOptions,
    HelmOptions,
    HelmParameter,
    KustomizeOptions,
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


def helm(**fields: Any) -> HelmOptions:
    options = options_for(source(helm=fields), ToolKind.HELM, CONTEXT, COMMIT)
    assert isinstance(options, HelmOptions)
    return options


def test_a_plain_folder() -> None:
    assert options_for(source(), ToolKind.DIRECTORY, CONTEXT, COMMIT) == DirectoryOptions()
    block = {
        "recurse": True,
        "include": "*.yaml",
        "exclude": "x*",
        "disableExtensionFilter": True,
        "jsonnet": {},
    }
    assert options_for(
        source(directory=block), ToolKind.DIRECTORY, CONTEXT, COMMIT
    ) == DirectoryOptions(True, "*.yaml", "x*", True)


def test_a_plain_kustomization() -> None:
    options = options_for(source(kustomize={}), ToolKind.KUSTOMIZE, CONTEXT, COMMIT)
    assert options == KustomizeOptions()


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
        valueFiles=["values.yaml", "env/$ARGOCD_APP_NAMESPACE.yaml", "/${ARGOCD_APP_NAME}/v.yaml"],
        ignoreMissingValueFiles=True,
        values="a: $KEPT",
        parameters=[{"name": "image.tag", "value": "$ARGOCD_APP_REVISION_SHORT"}],
        fileParameters=[{"name": "cert", "path": "$ARGOCD_APP_NAMESPACE.pem"}],
        skipCrds=True,
        skipTests=True,
        skipSchemaValidation=True,
        kubeVersion="1.30",
        apiVersions=["example.com/v1"],
        version="v3",
    ) == HelmOptions(
        release_name="shop",
        namespace="other",
        value_files=("values.yaml", "env/demo.yaml", "/team_web/v.yaml"),
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


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"plugin": {"name": "x"}}, "plugin"),
        ({"chart": "x"}, "chart"),
        ({"ref": "values"}, "ref"),
        ({"directory": {"jsonnet": {"libs": ["x"]}}}, "directory.jsonnet"),
        ({"helm": {"passCredentials": True}}, "helm.passCredentials"),
        ({"helm": {"valueFiles": ["https://h/v.yaml"]}}, "helm.valueFiles"),
        ({"helm": {"valueFiles": ["$other/v.yaml"]}}, "helm.valueFiles"),
        ({"helm": {"valueFiles": ["env/*.yaml"]}}, "helm.valueFiles"),
        ({"helm": {"fileParameters": [{"path": "https://h/x"}]}}, "helm.fileParameters"),
        ({"kustomize": {"namePrefix": "x-"}}, "kustomize.namePrefix"),
        ({"kustomize": {"nameSuffix": "-x"}}, "kustomize.nameSuffix"),
        ({"kustomize": {"images": ["a=b"]}}, "kustomize.images"),
        ({"kustomize": {"replicas": [{"name": "a", "count": 1}]}}, "kustomize.replicas"),
        ({"kustomize": {"commonLabels": {"a": "b"}}}, "kustomize.commonLabels"),
        ({"kustomize": {"commonAnnotations": {"a": "b"}}}, "kustomize.commonAnnotations"),
        ({"kustomize": {"namespace": "x"}}, "kustomize.namespace"),
        ({"kustomize": {"patches": [{"patch": "x"}]}}, "kustomize.patches"),
        ({"kustomize": {"components": ["x"]}}, "kustomize.components"),
        ({"kustomize": {"version": "v5"}}, "kustomize.version"),
        ({"kustomize": {"kubeVersion": "1.30"}}, "kustomize.kubeVersion"),
    ],
)
@pytest.mark.parametrize("tool", list(ToolKind))
def test_what_is_not_acted_on_is_refused(
    fields: dict[str, Any], field: str, tool: ToolKind
) -> None:
    assert list(unsupported_fields(source(**fields))) == [f"spec.source.{field}"]
    with pytest.raises(UnsupportedSourceError) as caught:
        options_for(source(**fields), tool, CONTEXT, COMMIT)
    assert caught.value.field == f"spec.source.{field}"
    assert f"spec.source.{field}" in str(caught.value)


def test_a_plugin_is_refused_also_where_nobody_named_it() -> None:
    with pytest.raises(UnsupportedSourceError, match=r"spec\.source\.plugin"):
        options_for(source(), ToolKind.PLUGIN, CONTEXT, COMMIT)


def test_a_block_of_defaults_is_acted_on() -> None:
    fields = {"helm": {"valueFiles": ["values.yaml"]}, "kustomize": {}, "name": "x"}
    assert list(unsupported_fields(source(**fields))) == []


@pytest.mark.parametrize(
    ("text", "plain"), [("", ""), ("1.30", "1.30.0"), ("v1.36.3-gke.100+x", "1.36.3")]
)
def test_a_kubernetes_version_is_reduced(text: str, plain: str) -> None:
    assert plain_kube_version(text) == plain


def test_a_kubernetes_version_that_is_none() -> None:
    with pytest.raises(RenderError, match=r"^could not parse kubernetes version latest: "):
        plain_kube_version("latest")
