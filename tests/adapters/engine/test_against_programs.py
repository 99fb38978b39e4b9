"""The same sources through the engine and through the tools' own programs: the same objects, in the
same order.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.engine.test_kustomize_outside import DB
from tests.adapters.engine.trees import CHART, Table, TableTree, config_map
from tests.fixtures.programs import program
from tiphys.adapters.engine import EngineRenderer
from tiphys.model.render import (
    HelmOptions,
    HelmParameter,
    KustomizeOptions,
    Remote,
    RemoteKind,
    RenderRequest,
)

KUBE, API = "1.31.2", "example.com/v1"
FACTS = ["--kube-version", KUBE, "--api-versions", API]

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: main, labels: {app: main}}
spec:
  replicas: {{ .Values.replicas | default 1 }}
  selector: {matchLabels: {app: main}}
  template:
    metadata: {labels: {app: main}}
    spec:
      containers:
      - name: main
        image: "{{ .Values.image.name }}:{{ .Values.image.tag }}"
        args: {{ .Values.args | toJson }}
"""
DEPENDENCIES = """\
dependencies:
- {name: part, version: 1.x, repository: 'file://../part', alias: first, condition: first.wanted}
- {name: part, version: 1.x, repository: 'file://../part', alias: second, tags: [seconds]}
- {name: other, version: '*', repository: 'file://../other', import-values: [defaults]}
"""
CHARTS: Table = {
    "c/Chart.yaml": CHART + DEPENDENCIES,
    "c/values.yaml": "image: {name: shop, tag: '1'}\nargs: [a]\nfirst: {wanted: true}\n",
    "c/.helmignore": "ignored.yaml\n",
    "c/templates/ignored.yaml": "{{ fail `ignored` }}",
    "c/templates/main.yaml": DEPLOYMENT,
    "c/templates/NOTES.txt": "{{ .Release.Name }}",
    "c/templates/_parts.tpl": '{{ define "name" }}{{ .Release.Name }}-x{{ end }}',
    "c/templates/z.yaml": (
        "{{ if .Capabilities.APIVersions.Has `example.com/v1` }}\napiVersion: v1\nkind: Namespace\n"
        'metadata: {name: {{ include "name" . }}}\n{{ end }}\n---\n'
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: {{ .Capabilities.KubeVersion }}}\n"
    ),
    "c/templates/hook.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: before\n"
    "  annotations: {helm.sh/hook: pre-install, helm.sh/hook-weight: '-5'}\n",
    "c/templates/test.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: tested\n"
    "  annotations: {helm.sh/hook: test}\n",
    "c/crds/crd.yaml": DB["crds/x.yaml"],
    "c/prod.yaml": "replicas: 3\nimage: {tag: '2'}\nargs: null\n",
    "c/text.txt": "a,b\n",
    "part/Chart.yaml": CHART.replace("shop", "part"),
    "part/values.yaml": "wanted: false\n",
    "part/templates/a.yaml": config_map("{{ .Chart.Name }}", wanted="{{ .Values.wanted | quote }}"),
    "other/Chart.yaml": CHART.replace("shop", "other"),
    "other/values.yaml": "exports: {defaults: {replicas: 7}}\n",
    "other/templates/a.yaml": config_map("other"),
}


def written(folder: Path, table: Table) -> None:
    for name, text in table.items():
        assert isinstance(text, str)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


async def ran(name: str, *arguments: str, cwd: Path) -> bytes:
    """What a program prints; it has a home of its own and no network to speak of."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd)}
    process = await asyncio.create_subprocess_exec(
        program(name), *arguments, cwd=cwd, env=environment, stdout=-1, stderr=-1
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out


@pytest.mark.parametrize(
    ("fields", "arguments"),
    [
        ({}, ["--include-crds"]),
        ({"skip_crds": True, "skip_tests": True}, ["--skip-tests"]),
        ({"value_files": ("prod.yaml",)}, ["--include-crds", "--values", "prod.yaml"]),
        (
            {"values": "first: {wanted: false}\ntags: {seconds: false}\n"},
            ["--include-crds", "--set", "first.wanted=false,tags.seconds=false"],
        ),
        (
            {
                "parameters": (
                    HelmParameter("replicas", "2"),
                    HelmParameter("image.tag", "3", force_string=True),
                    HelmParameter("args", "{x,y}"),
                ),
                "file_parameters": (("image.name", "text.txt"),),
            },
            [
                *("--include-crds", "--set", "replicas=2", "--set", "args={x,y}"),
                *("--set-string", "image.tag=3", "--set-file", "image.name=text.txt"),
            ],
        ),
    ],
)
async def test_helm(
    engine: EngineRenderer, tmp_path: Path, fields: dict[str, Any], arguments: list[str]
) -> None:
    written(tmp_path, CHARTS)
    await ran("helm", "dependency", "build", ".", cwd=tmp_path / "c")
    command = ["template", ".", "--name-template", "rel", "--namespace", "ns", *FACTS, *arguments]
    text = await ran("helm", *command, cwd=tmp_path / "c")
    expected = await engine.decode_yaml(text)
    options = HelmOptions("rel", "ns", kube_version=KUBE, api_versions=(API,), **fields)
    result = await engine.render(RenderRequest("c", options), TableTree(CHARTS))
    assert list(result.manifests) == expected
    assert len(expected) > 3


async def test_a_lock_file_of_helm_s_own_is_in_sync(engine: EngineRenderer, tmp_path: Path) -> None:
    written(tmp_path, CHARTS)
    await ran("helm", "dependency", "update", ".", cwd=tmp_path / "c")
    locked: Table = {**CHARTS, "c/Chart.lock": (tmp_path / "c/Chart.lock").read_text()}
    request = RenderRequest("c", HelmOptions("rel", "ns"))
    assert (await engine.render(request, TableTree(locked))).manifests


OVERLAID: Table = {
    "app/kustomization.yaml": (
        "namespace: prod\nnamePrefix: p-\nresources: [../base, extra.yaml]\n"
        "components: [../component]\n"
        "images: [{name: shop, newTag: '2'}]\nreplicas: [{name: main, count: 3}]\n"
        "labels: [{pairs: {team: a}, includeTemplates: true}]\n"
        "configMapGenerator: [{name: made, literals: [a=b], files: [k.txt=../base/k.txt]}]\n"
        "patches:\n- target: {kind: Deployment}\n"
        "  patch: |\n    - {op: add, path: /spec/paused, value: true}\n"
        "replacements:\n- source: {kind: ConfigMap, name: plain, fieldPath: data.colour}\n"
        "  targets: [{select: {kind: Deployment}, fieldPaths: [metadata.annotations.colour],"
        " options: {create: true}}]\n"
    ),
    "app/extra.yaml": config_map("extra") + "---\napiVersion: v1\nkind: Namespace\n"
    "metadata: {name: prod}\n",
    "base/kustomization.yaml": "resources: [main.yaml, plain.yaml]\ncommonLabels: {app: x}\n",
    "base/k.txt": "text",
    "base/plain.yaml": config_map("plain", colour="red"),
    "base/main.yaml": DEPLOYMENT.replace("{{ .Values.replicas | default 1 }}", "1")
    .replace("{{ .Values.image.name }}:{{ .Values.image.tag }}", "shop:1")
    .replace("{{ .Values.args | toJson }}", "[a]"),
    "component/kustomization.yaml": (
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        "secretGenerator: [{name: s, literals: [a=b], type: Opaque}]\nnameSuffix: -c\n"
    ),
}
RELEASE = "name: db, releaseName: rel, valuesFile: v.yaml"
MERGED = "valuesInline: {colour: inline, list: [x], size: {b: inline}, none: null}"
CHARTED: Table = {
    **OVERLAID,
    "base/kustomization.yaml": (
        "resources: [main.yaml, plain.yaml]\nnameSuffix: -base\n"
        f"helmCharts:\n- {{{RELEASE}, {MERGED}, includeCRDs: true}}\n"
    ),
    "base/v.yaml": "colour: file\nlist: [a, b]\nsize: {a: file}\nnone: some\n",
    **{f"base/charts/db/{name}": text for name, text in DB.items()},
}


@pytest.mark.parametrize(
    ("table", "fields", "arguments"),
    [
        (OVERLAID, {"unrestricted_files": True}, []),
        (OVERLAID, {"unrestricted_files": True, "reorder": "none"}, ["--reorder", "none"]),
        (OVERLAID, {"unrestricted_files": True, "reorder": "legacy"}, ["--reorder", "legacy"]),
        (CHARTED, {"unrestricted_files": True, "enable_helm": True}, ["--enable-helm"]),
        *(
            (
                {
                    path: text.replace(MERGED, f"{MERGED}, valuesMerge: {how}")
                    for path, text in CHARTED.items()
                    if isinstance(text, str)
                },
                {"unrestricted_files": True, "enable_helm": True},
                ["--enable-helm"],
            )
            for how in ("merge", "override", "replace")
        ),
    ],
)
async def test_kustomize(
    engine: EngineRenderer,
    tmp_path: Path,
    table: Table,
    fields: dict[str, Any],
    arguments: list[str],
) -> None:
    written(tmp_path, table)
    command = ["build", "app", "--load-restrictor", "LoadRestrictionsNone", *arguments]
    if "--enable-helm" in arguments:
        command += ["--helm-command", str(program("helm"))]
        command += ["--helm-kube-version", KUBE, "--helm-api-versions", API]
    expected = await engine.decode_yaml(await ran("kustomize", *command, cwd=tmp_path))
    options = KustomizeOptions(kube_version=KUBE, api_versions=(API,), **fields)
    result = await engine.render(RenderRequest("app", options), TableTree(table))
    assert list(result.manifests) == expected
    assert len(expected) > 4


FAR: Table = {
    "base/kustomization.yaml": "resources: [plain.yaml, ../other]\n",
    "base/plain.yaml": config_map("plain"),
    "other/kustomization.yaml": "resources: [o.yaml]\nconfigMapGenerator: [{name: m}]\n",
    "other/o.yaml": config_map("other"),
}
NEAR = (
    "namePrefix: p-\nbuildMetadata: [originAnnotations, transformerAnnotations]\n"
    "resources: [local.yaml, 'URL//base?ref=v1']\n"
)


def committed(folder: Path, table: Table) -> str:
    """The URL of a repository that is tagged v1."""
    written(folder, table)
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "x"], ["tag", "v1"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return f"file://{folder}"


async def test_kustomize_of_a_base_in_another_repository(
    engine: EngineRenderer, tmp_path: Path
) -> None:
    url = committed(tmp_path / "far", FAR)
    near = {
        "app/kustomization.yaml": NEAR.replace("URL", url),
        "app/local.yaml": config_map("local"),
    }
    written(tmp_path, near)
    expected = await engine.decode_yaml(await ran("kustomize", "build", "app", cwd=tmp_path))
    remotes = {Remote(RemoteKind.TREE, url, "v1"): "far"}
    request = RenderRequest("app", KustomizeOptions(), mounts=remotes)
    result = await engine.render(request, TableTree(near, {"far": FAR}))
    assert list(result.manifests) == expected
    assert len(expected) == 4
