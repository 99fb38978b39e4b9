"""What a kustomization names outside of its tree: bases, files and charts, fetched by others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.adapters.engine.conftest import Mounted, Render
from tests.adapters.engine.trees import CHART, Link, Table, config_map
from tiphys.model.errors import RenderError
from tiphys.model.render import (
    KustomizeOptions,
    ReadSet,
    Remote,
    RemoteKind,
    RemotesNeededError,
    RenderResult,
)

BUILD = KustomizeOptions()
HELM = KustomizeOptions(enable_helm=True, kube_version="1.31.2", api_versions=("example.com/v1",))


def names(result: RenderResult) -> list[str]:
    return [manifest["metadata"]["name"] for manifest in result.manifests]


def tree(url: str, revision: str = "") -> Remote:
    return Remote(RemoteKind.TREE, url, revision)


def file(url: str) -> Remote:
    return Remote(RemoteKind.FILE, url)


BASE = "https://github.com/org/repo//base?ref=v1"
REPO = tree("https://github.com/org/repo", "v1")
BASED: Table = {
    "base/kustomization.yaml": "resources: [a.yaml, ../other]\nnameSuffix: -far\n",
    "base/a.yaml": config_map("a"),
    "other/kustomization.yaml": "resources: [b.yaml]\n",
    "other/b.yaml": config_map("b"),
}


async def needed(
    render: Render, text: str, options: KustomizeOptions = BUILD
) -> tuple[Remote, ...]:
    with pytest.raises(RemotesNeededError) as caught:
        await render({"app/kustomization.yaml": text}, "app", options)
    return caught.value.remotes


@pytest.mark.parametrize(
    ("text", "remote"),
    [
        ("resources: [https://example.com/a.yaml]", file("https://example.com/a.yaml")),
        (f"resources: ['{BASE}']", REPO),
        ("resources: ['github.com/org/repo//base?version=v1']", REPO),
        ("resources: ['git@example.com:org/repo.git']", tree("git@example.com:org/repo.git")),
        ("bases: ['ssh://git@example.com/org/repo']", tree("ssh://git@example.com/org/repo")),
        ("components: ['https://example.com/org/c.yaml']", tree("https://example.com/org/c.yaml")),
        ("crds: ['http://example.com/crd.json']", file("http://example.com/crd.json")),
        ("configurations: ['https://example.com/x']", file("https://example.com/x")),
        (
            "configMapGenerator: [{name: a, files: ['k=https://example.com/x']}]",
            file("https://example.com/x"),
        ),
        (
            "secretGenerator: [{name: a, envs: ['https://example.com/x']}]",
            file("https://example.com/x"),
        ),
        ("patches: [{path: 'https://example.com/p.yaml'}]", file("https://example.com/p.yaml")),
        ("transformers: ['https://example.com/t.yaml']", file("https://example.com/t.yaml")),
        ("openapi: {path: 'https://example.com/s.json'}", file("https://example.com/s.json")),
    ],
)
async def test_what_is_outside_is_asked_for(render: Render, text: str, remote: Remote) -> None:
    assert await needed(render, text) == (remote,)


async def test_all_that_can_be_known_is_asked_for_at_once(mounted: Mounted) -> None:
    table: Table = {
        "app/kustomization.yaml": f"resources: [../base, '{BASE}']\n",
        "base/kustomization.yaml": "resources: ['https://example.com/a.yaml']\n"
        "helmCharts: [{name: db, repo: 'oci://example.com/charts', version: 1.0.0}]\n",
    }
    beside: dict[str, Table] = {}
    given: dict[Remote, str] = {}
    for expected in (
        {REPO, file("https://example.com/a.yaml"), chart("oci://example.com/charts")},
        {tree("https://example.com/x/y.git")},
    ):
        with pytest.raises(RemotesNeededError) as caught:
            await mounted(table, "app", HELM, beside, given)
        assert set(caught.value.remotes) == expected
        given |= {remote: f"m{len(given) + n}" for n, remote in enumerate(caught.value.remotes)}
        far = {"base/kustomization.yaml": "resources: ['https://example.com/x/y.git']\n"}
        beside = dict.fromkeys(given.values(), far)


async def test_a_remote_base_is_built_in_its_own_tree(mounted: Mounted) -> None:
    table: Table = {
        "app/kustomization.yaml": f"resources: ['{BASE}']\nnamePrefix: near-\n",
    }
    result = await mounted(table, "app", BUILD, {"r": BASED}, {REPO: "r"})
    assert names(result) == ["near-a-far", "near-b-far"]
    assert result.reads == ReadSet(
        files=frozenset({"app/kustomization.yaml"}),
        absent=frozenset({"app/kustomization.yml", "app/Kustomization"}),
    )


async def test_a_remote_component_and_remote_files(mounted: Mounted) -> None:
    url = "https://example.com/files/"
    table: Table = {
        "app/kustomization.yaml": (
            f"resources: [one.yaml, {url}two.yaml]\n"
            "components: ['https://example.com/org/parts.git//c?ref=v2']\n"
            f"patches: [{{path: {url}patch.yaml}}]\n"
            f"configMapGenerator:\n- name: made\n  files: [{url}k.txt, 'named={url}k.txt']\n"
            "  options: {disableNameSuffixHash: true}\n"
        ),
        "app/one.yaml": config_map("one", colour="red"),
    }
    beside: dict[str, Table] = {
        "c": {
            "c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\n"
            "kind: Component\nnameSuffix: -c\n"
        },
        "two": {"content": config_map("two")},
        "patch": {"content": config_map("one", colour="blue")},
        "k": {"content": "text"},
    }
    remotes = {
        tree("https://example.com/org/parts.git", "v2"): "c",
        file(f"{url}two.yaml"): "two",
        file(f"{url}patch.yaml"): "patch",
        file(f"{url}k.txt"): "k",
    }
    result = await mounted(table, "app", BUILD, beside, remotes)
    assert names(result) == ["made-c", "one-c", "two-c"]
    assert result.manifests[0]["data"] == {"k.txt": "text", "named": "text"}
    assert result.manifests[1]["data"] == {"colour": "blue"}


SECRET = config_map("hunter2")


@pytest.mark.parametrize(
    "entry",
    [
        "../../app",
        "../../<path to cached source>/app",
        "../../../app",
        "link.yaml",
        "../other/up",
    ],
)
async def test_a_remote_base_stays_in_its_tree(mounted: Mounted, entry: str) -> None:
    table: Table = {
        "app/kustomization.yaml": "resources: [a.yaml]\n",
        "app/a.yaml": SECRET,
        "main/kustomization.yaml": f"resources: ['{BASE}']\n",
    }
    far: Table = {
        "base/kustomization.yaml": f"resources: ['{entry}']\n",
        "base/link.yaml": Link("../../app/a.yaml"),
        "other/up": Link("../.."),
    }
    unrestricted = KustomizeOptions(unrestricted_files=True)
    for options in (BUILD, unrestricted):
        with pytest.raises(RenderError, match="illegal filepath") as caught:
            await mounted(table, "main", options, {"r": far}, {REPO: "r"})
        assert "hunter2" not in str(caught.value)


async def test_errors_name_what_the_user_wrote(mounted: Mounted) -> None:
    url = "https://user:hunter2@example.com/org/repo.git"
    table: Table = {"app/kustomization.yaml": f"resources: ['{url}//base']\n"}
    far: Table = {"base/kustomization.yaml": "resources: [none.yaml]\n"}
    with pytest.raises(RenderError) as caught:
        await mounted(table, "app", BUILD, {"r": far}, {tree(url): "r"})
    assert "none.yaml" in str(caught.value)
    assert "https://example.com/org/repo.git/base" in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_a_base_that_names_itself_ends(mounted: Mounted) -> None:
    table: Table = {"app/kustomization.yaml": f"resources: ['{BASE}']\n"}
    far: Table = {"base/kustomization.yaml": f"resources: ['{BASE}']\n"}
    with pytest.raises(RenderError, match="cycle detected"):
        await mounted(table, "app", BUILD, {"r": far}, {REPO: "r"})


async def test_where_objects_came_from(mounted: Mounted) -> None:
    table: Table = {
        "app/kustomization.yaml": "buildMetadata: [originAnnotations]\n"
        f"resources: ['{BASE}', 'https://example.com/files/c.yaml', d.yaml]\n"
        "helmCharts: [{name: db, releaseName: r, skipTests: true}]\n",
        "app/d.yaml": config_map("d"),
        **{f"app/charts/db/{name}": text for name, text in DB.items()},
    }
    beside: dict[str, Table] = {"r": BASED, "c": {"content": config_map("c")}}
    remotes = {REPO: "r", file("https://example.com/files/c.yaml"): "c"}
    result = await mounted(table, "app", HELM, beside, remotes)
    told = {
        manifest["metadata"]["name"]: manifest["metadata"]["annotations"][
            "config.kubernetes.io/origin"
        ]
        for manifest in result.manifests
    }
    repo = "repo: https://github.com/org/repo\nref: v1\n"
    assert told == {
        "a-far": f"path: base/a.yaml\n{repo}",
        "b-far": f"path: other/b.yaml\n{repo}",
        "c": "path: https://example.com/files/c.yaml\n",
        "d": "path: d.yaml\n",
        "shown": "configuredIn: kustomization.yaml\nconfiguredBy:\n  apiVersion: builtin\n"
        "  kind: HelmChartInflationGenerator\n",
    }


def chart(url: str, version: str = "1.0.0", name: str = "db") -> Remote:
    return Remote(RemoteKind.CHART, url, version, name)


DB: dict[str, str] = {
    "Chart.yaml": CHART.replace("shop", "db"),
    "values.yaml": "colour: chart\nsize: {a: chart, b: chart}\n",
    "crds/x.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
    "metadata: {name: crd}\n",
    "templates/shown.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shown}\ndata:\n"
        "  values: {{ .Values | toJson | quote }}\n"
        "  release: {{ .Release.Name }}/{{ .Release.Namespace }}\n"
        "  kube: {{ .Capabilities.KubeVersion.Version }}\n"
        '  has: {{ .Capabilities.APIVersions.Has "example.com/v1" | quote }}\n'
    ),
    "templates/test.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: tested\n"
    "  annotations: {helm.sh/hook: test}\n",
}
URL = "https://charts.example.com"


async def inflate(
    mounted: Mounted, fields: dict[str, Any], *, above: str = "", files: Table | None = None
) -> dict[str, Any]:
    """Objects by name of a kustomization with one chart, fetched."""
    wanted = {"name": "db", "repo": URL, "version": "1.0.0", "releaseName": "rel", **fields}
    text = f"helmCharts: [{json.dumps(wanted)}]\n{above}"
    table: Table = {"app/kustomization.yaml": text, **(files or {})}
    result = await mounted(table, "app", HELM, {"db": DB}, {chart(URL): "db"})
    return {manifest["metadata"]["name"]: manifest for manifest in result.manifests}


async def test_a_chart_needs_the_option(render: Render) -> None:
    table = {"app/kustomization.yaml": f"helmCharts: [{{name: db, repo: '{URL}'}}]\n"}
    with pytest.raises(RenderError, match="must specify --enable-helm"):
        await render(table, "app", BUILD)


@pytest.mark.parametrize(
    ("text", "remote"),
    [
        (f"helmCharts: [{{name: db, repo: '{URL}', version: 1.0.0}}]", chart(URL)),
        (f"helmCharts: [{{name: db, repo: '{URL}'}}]", chart(URL, "")),
        (f"helmCharts: [{{name: db, repo: '{URL}', devel: true}}]", chart(URL, ">0.0.0-0")),
        ("helmCharts: [{name: db, repo: 'oci://r/x', version: 2.x}]", chart("oci://r/x", "2.x")),
        (
            f"helmChartInflationGenerator: [{{chartName: db, chartRepoUrl: '{URL}', "
            "chartVersion: 1.0.0}]",
            chart(URL),
        ),
        (
            f"generators:\n- |\n  apiVersion: builtin\n  kind: HelmChartInflationGenerator\n"
            f"  metadata: {{name: x}}\n  name: db\n  repo: {URL}\n  version: 1.0.0\n",
            chart(URL),
        ),
        (
            f"helmCharts: [{{name: db, repo: '{URL}', version: 1.0.0, "
            "valuesFile: 'https://example.com/v'}]",
            file("https://example.com/v"),
        ),
    ],
)
async def test_a_chart_that_is_not_there_is_asked_for(
    render: Render, text: str, remote: Remote
) -> None:
    assert remote in await needed(render, text, HELM)


async def test_a_chart_is_rendered_with_the_cluster_s_facts(mounted: Mounted) -> None:
    objects = await inflate(mounted, {"namespace": "ns"})
    assert set(objects) == {"shown", "tested"}
    data = objects["shown"]["data"]
    assert data["release"] == "rel/ns"
    assert data["kube"] == "v1.31.2"
    assert data["has"] == "true"
    assert json.loads(data["values"])["colour"] == "chart"
    own = await inflate(mounted, {"kubeVersion": "1.20.0", "apiVersions": ["other/v1"]})
    assert own["shown"]["data"]["kube"] == "v1.20.0"
    assert own["shown"]["data"]["has"] == "false"


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"includeCRDs": True}, {"crd", "shown", "tested"}),
        ({"skipTests": True}, {"shown"}),
        ({"skipHooks": True}, {"shown"}),
    ],
)
async def test_which_objects_of_a_chart(
    mounted: Mounted, fields: dict[str, Any], found: set[str]
) -> None:
    assert set(await inflate(mounted, fields)) == found


INLINE = {"valuesInline": {"colour": "inline", "size": {"b": "inline"}}}
FILES: Table = {"app/v.yaml": "colour: file\nsize: {a: file}\n", "app/w.yaml": "colour: more\n"}


@pytest.mark.parametrize(
    ("fields", "colour", "size"),
    [
        ({}, "chart", {"a": "chart", "b": "chart"}),
        (INLINE, "inline", {"a": "chart", "b": "inline"}),
        ({**INLINE, "valuesMerge": "override"}, "inline", {"a": "chart", "b": "inline"}),
        ({**INLINE, "valuesMerge": "merge"}, "chart", {"a": "chart", "b": "chart"}),
        ({**INLINE, "valuesMerge": "replace"}, "inline", {"a": "chart", "b": "inline"}),
        ({"valuesFile": "v.yaml"}, "file", {"a": "file", "b": "chart"}),
        ({"valuesFile": "v.yaml", **INLINE}, "inline", {"a": "file", "b": "inline"}),
        (
            {"valuesFile": "v.yaml", "additionalValuesFiles": ["w.yaml"]},
            "more",
            {"a": "file", "b": "chart"},
        ),
    ],
)
async def test_values_of_a_chart(
    mounted: Mounted, fields: dict[str, Any], colour: str, size: dict[str, str]
) -> None:
    objects = await inflate(mounted, fields, files=FILES)
    values = json.loads(objects["shown"]["data"]["values"])
    assert (values["colour"], values["size"]) == (colour, size)


async def test_a_chart_in_the_tree_is_used_as_it_is_and_noted(render: Render) -> None:
    table: Table = {
        "app/kustomization.yaml": f"helmGlobals: {{chartHome: ../charts}}\n"
        f"helmCharts: [{{name: db, repo: '{URL}', releaseName: r, valuesFile: v.yaml}}]\n",
        "app/v.yaml": "colour: file\n",
        **{f"charts/db/{name}": text for name, text in DB.items()},
    }
    result = await render(table, "app", HELM)
    assert names(result) == ["shown", "tested"]
    assert result.reads.listings == {"charts/db"}
    assert {"app/kustomization.yaml", "app/v.yaml"} <= result.reads.files
    assert result.reads.kube_version
    assert result.reads.api_versions == frozenset({"example.com/v1"})


async def test_that_a_chart_was_not_in_the_tree_is_noted(mounted: Mounted) -> None:
    text = f"helmCharts: [{{name: db, repo: '{URL}', version: 1.0.0, releaseName: r}}]\n"
    table: Table = {"app/kustomization.yaml": text}
    result = await mounted(table, "app", HELM, {"db": DB}, {chart(URL): "db"})
    assert "app/charts" in result.reads.absent


async def test_the_namespace_of_overlays_reaches_charts_and_not_their_objects(
    mounted: Mounted,
) -> None:
    text = f"helmCharts: [{{name: db, repo: '{URL}', version: 1.0.0, releaseName: r}}]\n"
    table: Table = {
        "app/kustomization.yaml": "resources: [../dev, ../prod]\n",
        "dev/kustomization.yaml": (
            "namespace: dev\nnamePrefix: dev-\nresources: [../base, b.yaml]\n"
        ),
        "dev/b.yaml": config_map("b"),
        "prod/kustomization.yaml": "namespace: prod\nnamePrefix: prod-\nresources: [../base]\n",
        "base/kustomization.yaml": text,
    }
    result = await mounted(table, "app", HELM, {"db": DB}, {chart(URL): "db"})
    by_name = {manifest["metadata"]["name"]: manifest for manifest in result.manifests}
    assert by_name["dev-shown"]["data"]["release"] == "r/dev"
    assert by_name["prod-shown"]["data"]["release"] == "r/prod"
    assert "namespace" not in by_name["dev-shown"]["metadata"]
    assert "annotations" not in by_name["dev-shown"]["metadata"]
    assert by_name["dev-b"]["metadata"]["namespace"] == "dev"


async def test_charts_stand_among_the_other_resources(mounted: Mounted) -> None:
    above = (
        "resources: [c.yaml]\ncommonLabels: {team: a}\nnamePrefix: p-\n"
        "patches:\n- target: {name: shown}\n  patch: |\n"
        "    - {op: add, path: /data/added, value: by-patch}\n"
        "generators: [g.yaml]\n"
    )
    generator = (
        "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: made}\nliterals: [a=b]\n"
        "options: {disableNameSuffixHash: true}\n"
        "---\napiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\n"
        f"name: db\nrepo: {URL}\nversion: 1.0.0\nreleaseName: other\nskipTests: true\n"
        "valuesInline: {colour: x}\n"
    )
    files: Table = {"app/c.yaml": config_map("c"), "app/g.yaml": generator}
    fields = {"skipTests": True, "nameTemplate": ""}
    with pytest.raises(RenderError, match=r"ID conflict|already registered"):
        await inflate(mounted, fields, above=above, files=files)
    text = above.replace("namePrefix: p-\n", "")
    table: Table = {"app/kustomization.yaml": text, **files}
    result = await mounted(table, "app", HELM, {"db": DB}, {chart(URL): "db"})
    assert names(result) == ["c", "made", "shown"]
    shown = result.manifests[2]
    assert shown["data"]["release"] == "other/default"
    assert shown["data"]["added"] == "by-patch"
    assert shown["metadata"]["labels"] == {"team": "a"}


async def test_names_of_releases(mounted: Mounted) -> None:
    made = await inflate(
        mounted, {"releaseName": "", "nameTemplate": "{{ printf `x%d` 1 | upper | lower }}"}
    )
    assert made["shown"]["data"]["release"] == "x1/default"
    table: Table = {
        "app/kustomization.yaml": f"helmCharts: [{{name: db, repo: '{URL}', version: 1.0.0}}]\n"
    }
    result = await mounted(table, "app", HELM, {"db": DB}, {chart(URL): "db"})
    assert result.manifests[0]["data"]["release"].startswith("db-")
    assert len(result.warnings) == 1
    assert "no releaseName" in result.warnings[0]
    for template in ("{{ env `PATH` }}", "{{ expandenv `$PATH` }}"):
        with pytest.raises(RenderError, match="not defined"):
            await inflate(mounted, {"releaseName": "", "nameTemplate": template})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "chart name cannot be empty"),
        ({"valuesMerge": "mix"}, "valuesMerge must be one of"),
        ({"repo": "", "name": "none"}, "no repo specified for pull, no chart found at "),
        ({"valuesFile": "../x.yaml"}, "security; file"),
        ({"valuesFile": "../../x.yaml"}, "illegal filepath"),
        ({"valuesFile": "/etc/passwd"}, "illegal filepath"),
        ({"name": "../../../db"}, "illegal filepath"),
        ({"additionalValuesFiles": ["none.yaml"]}, "could not load additionalValuesFile"),
        ({"nameTemplate": "x"}, "cannot set --name-template"),
    ],
)
async def test_charts_that_fail(mounted: Mounted, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(RenderError, match="kustomization in 'app': chart '") as caught:
        await inflate(mounted, fields, files={"x.yaml": "password: hunter2\n"})
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_a_chart_with_missing_dependencies_is_refused(mounted: Mounted) -> None:
    text = f"helmCharts: [{{name: db, repo: '{URL}', version: 1.0.0}}]\n"
    broken: Table = {
        **DB,
        "Chart.yaml": DB["Chart.yaml"] + "dependencies: [{name: q, repository: 'https://x'}]\n",
    }
    with pytest.raises(RenderError, match=r"missing in charts/ directory: q"):
        await mounted(
            {"app/kustomization.yaml": text}, "app", HELM, {"b": broken}, {chart(URL): "b"}
        )


async def test_calls_in_charts_of_kustomizations_are_said(mounted: Mounted) -> None:
    text = f"helmCharts: [{{name: db, repo: '{URL}', version: 1.0.0, releaseName: r}}]\n"
    called: Table = {**DB, "templates/a.yaml": "kind: A\nmetadata: {name: {{ randAlpha 5 }}}\n"}
    table: Table = {"app/kustomization.yaml": text}
    result = await mounted(table, "app", HELM, {"b": called}, {chart(URL): "b"})
    assert result.warnings == (
        "the chart calls randAlpha, which gives another value at every render",
    )
