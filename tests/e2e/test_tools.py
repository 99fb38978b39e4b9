"""What a spec says to the tools: every field that changes what comes out, on real objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.manifests import config_map, deployment
from tests.e2e.repo import Repo
from tests.e2e.stack import NAMESPACE, Stack

AUTOMATED: dict[str, Any] = {"automated": {}}
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "values.yaml": "from: chart\nkept: chart\n",
    "templates/cm.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-cm'}\n"
        "data: {{ .Values | toJson }}\n"
    ),
}
JSONNET = """
local lib = import 'names.libsonnet';
function(colour) {
  apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: lib.name },
  data: { colour: colour, app: std.extVar('app'), size: std.toString(std.extVar('size') + 1) },
}
"""


@pytest.fixture(scope="module")
def repo(stack: Stack) -> Repo:
    repo = stack.repo("tools.git")
    repo.write("kustomize/kustomization.yaml", "resources: [web.yaml, ../shared/cm.yaml]\n")
    repo.write("overlay/kustomization.yaml", "resources: [web.yaml]\n")
    repo.write("overlay/web.yaml", deployment("web"))
    repo.write("kustomize/web.yaml", deployment("web"))
    repo.write("shared/cm.yaml", config_map("shared", a="1"))
    repo.write(
        "parts/labelled/kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        "commonAnnotations: {part: labelled}\n",
    )
    for name, text in CHART.items():
        repo.write(f"chart/{name}", text)
    repo.write("chart/env/10-first.yaml", "from: first\nfirst: 'yes'\n")
    repo.write("chart/env/20-second.yaml", "from: second\n")
    repo.write("chart/motd.txt", "hello, world")
    repo.write("jsonnet/main.jsonnet", JSONNET)
    repo.write("lib/names.libsonnet", "{ name: 'made' }")
    repo.write("overridden/cm.yaml", config_map("plain", a="1"))
    repo.write("overridden/kustomization.yaml", "resources: [cm.yaml]\n")
    repo.write("overridden/.argocd-source.yaml", "kustomize: {namePrefix: all-, nameSuffix: -all}")
    repo.write("overridden/.argocd-source-over.yaml", "kustomize: {namePrefix: own-}")
    repo.commit()
    return repo


def _applied(stack: Stack, name: str, repo: Repo, path: str, **source: Any) -> None:
    stack.apply(
        name,
        repo,
        path,
        source={"repoURL": repo.url, "path": path, **source},
        syncPolicy=AUTOMATED,
    )
    stack.until("it is synced", lambda: stack.status(name)[0] == "Synced")


def _data(stack: Stack, namespace: str, name: str) -> dict[str, str]:
    found: dict[str, Any] | None = stack.kube.get("ConfigMap", namespace, name)
    assert found is not None
    data: dict[str, str] = found["data"]
    return data


def _error(stack: Stack, name: str, text: str) -> None:
    stack.until("it is said", lambda: text in stack.conditions(name).get("ComparisonError", ""))


@contextmanager
def _setting(stack: Stack, **data: str) -> Iterator[None]:
    keys = {key.replace("_", "."): value for key, value in data.items()}
    stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": keys})
    try:
        yield
    finally:
        stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": dict.fromkeys(keys)})


def test_every_edit_of_a_kustomization(stack: Stack, repo: Repo) -> None:
    _applied(
        stack,
        "edits",
        repo,
        "overlay",
        kustomize={
            "namePrefix": "pre-",
            "nameSuffix": "-post",
            "namespace": "edits",
            "images": ["registry.example.com/web=registry.example.com/other:$ARGOCD_APP_NAME"],
            "replicas": [{"name": "web", "count": "2"}],
            "commonLabels": {"app": "$ARGOCD_APP_NAME"},
            "commonAnnotations": {"note": "$ARGOCD_APP_NAME", "kept": "$$"},
            "commonAnnotationsEnvsubst": True,
            "patches": [
                {
                    "target": {"kind": "Deployment"},
                    "patch": json.dumps(
                        [{"op": "add", "path": "/spec/revisionHistoryLimit", "value": 3}]
                    ),
                }
            ],
            "components": ["../parts/labelled", "../parts/missing"],
            "ignoreMissingComponents": True,
        },
    )
    found = stack.kube.get("Deployment", "edits", "pre-web-post")
    assert found is not None
    spec = found["spec"]
    assert spec["template"]["spec"]["containers"][0]["image"] == "registry.example.com/other:edits"
    assert (spec["replicas"], spec["revisionHistoryLimit"]) == (2, 3)
    assert spec["selector"]["matchLabels"] == {"app": "edits"}
    annotations = found["metadata"]["annotations"]
    assert {name: annotations[name] for name in ("note", "kept", "part")} == {
        "note": "edits",
        "kept": "$",
        "part": "labelled",
    }


def test_a_component_that_is_missing(stack: Stack, repo: Repo) -> None:
    kustomize = {"components": ["../parts/missing"]}
    source = {"repoURL": repo.url, "path": "overlay", "kustomize": kustomize}
    stack.apply("no-component", repo, "overlay", source=source)
    _error(stack, "no-component", "../parts/missing has no match")


def test_a_version_that_nobody_registered(stack: Stack, repo: Repo) -> None:
    source = {"repoURL": repo.url, "path": "overlay", "kustomize": {"version": "v4"}}
    stack.apply("version", repo, "overlay", source=source, syncPolicy=AUTOMATED)
    _error(stack, "version", "kustomize version v4 is not registered")
    with _setting(stack, **{"kustomize.path.v4": "/usr/bin/kustomize"}):
        stack.until("it is synced", lambda: stack.status("version")[0] == "Synced")


def test_options_of_the_build(stack: Stack, repo: Repo) -> None:
    stack.apply("tool-outside", repo, "kustomize", syncPolicy=AUTOMATED)
    _error(stack, "tool-outside", "is not in or below")
    with _setting(stack, **{"kustomize.buildOptions": "--load-restrictor LoadRestrictionsNone"}):
        stack.until("it is synced", lambda: stack.status("tool-outside")[0] == "Synced")
    with _setting(stack, **{"kustomize.buildOptions": "--enable-helm --helm-command ./evil.sh"}):
        _error(stack, "tool-outside", "kustomize.buildOptions: --helm-command is not supported")


def test_values_in_the_order_that_counts(stack: Stack, repo: Repo) -> None:
    _applied(
        stack,
        "values",
        repo,
        "chart",
        helm={
            "releaseName": "own",
            "valueFiles": ["env/*.yaml", "missing.yaml"],
            "ignoreMissingValueFiles": True,
            "values": "from: text",
            "valuesObject": {"object": "yes", "number": "0"},
            "parameters": [
                {"name": "number", "value": "7", "forceString": True},
                {"name": "app", "value": "$ARGOCD_APP_NAME"},
            ],
            "fileParameters": [{"name": "motd", "path": "motd.txt"}],
        },
    )
    assert _data(stack, "values", "own-cm") == {
        "from": "second",
        "kept": "chart",
        "first": "yes",
        "object": "yes",
        "number": "7",
        "app": "values",
        "motd": "hello, world",
    }


def test_jsonnet_with_variables_and_a_library(stack: Stack, repo: Repo) -> None:
    jsonnet = {
        "tlas": [{"name": "colour", "value": "blue"}],
        "extVars": [
            {"name": "app", "value": "$ARGOCD_APP_NAME"},
            {"name": "size", "value": "41", "code": True},
        ],
        "libs": ["lib"],
    }
    _applied(stack, "jsonnet", repo, "jsonnet", directory={"jsonnet": jsonnet})
    assert _data(stack, "jsonnet", "made") == {"colour": "blue", "app": "jsonnet", "size": "42"}


def test_parameters_beside_the_manifests(stack: Stack, repo: Repo) -> None:
    _applied(stack, "over", repo, "overridden")
    assert _data(stack, "over", "own-plain-all") == {"a": "1"}
    _applied(stack, "other-over", repo, "overridden")
    assert _data(stack, "other-over", "all-plain-all") == {"a": "1"}


def test_a_tool_that_is_off(stack: Stack, repo: Repo) -> None:
    repo.write("both/kustomization.yaml", "namePrefix: made-\nresources: [cm.yaml]\n")
    repo.write("both/cm.yaml", config_map("plain", a="1"))
    repo.commit()
    with _setting(stack, **{"kustomize.enable": "false"}):
        _applied(stack, "off", repo, "both")
        assert stack.kube.get("ConfigMap", "off", "made-plain") is None
        assert _data(stack, "off", "plain") == {"a": "1"}
