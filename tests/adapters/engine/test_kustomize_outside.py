"""What a kustomization names outside of its tree: bases, files and charts, fetched by others."""

from __future__ import annotations

import pytest

from tests.adapters.engine.conftest import Mounted, Render
from tests.adapters.engine.trees import BOMB, CHART, Link, Table, config_map
from tiphys.model.errors import RenderError, RenderLimitError
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


def chart(url: str, version: str = "1.0.0", name: str = "db") -> Remote:
    return Remote(RemoteKind.CHART, url, version, name)


def file(url: str) -> Remote:
    return Remote(RemoteKind.FILE, url)


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


async def test_a_password_in_a_url_is_not_said(render: Render) -> None:
    text = "resources: ['https://user:hunter2@example.com/org/repo//base']\n"
    with pytest.raises(RemotesNeededError) as caught:
        await render({"app/kustomization.yaml": text}, "app", BUILD)
    assert str(caught.value) == "tree https://example.com/org/repo"


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


async def test_a_bomb_behind_a_url_is_refused(mounted: Mounted) -> None:
    url = "https://example.com/files/a.yaml"
    table: Table = {"app/kustomization.yaml": f"resources: [{url}]\n"}
    with pytest.raises(RenderLimitError, match="aliases"):
        await mounted(table, "app", BUILD, {"f": {"content": BOMB}}, {file(url): "f"})


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
