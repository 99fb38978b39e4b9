"""`kustomize build` over the virtual file system: what it reads, and what it must not."""

from __future__ import annotations

import pytest

from tests.adapters.engine.conftest import Render
from tests.adapters.engine.trees import BOMB, Link, Table, TableTree, config_map
from tiphys.adapters.engine import EngineRenderer
from tiphys.model.errors import RenderError, RenderLimitError
from tiphys.model.render import KustomizeOptions, ReadSet, RenderRequest, RenderResult

BUILD = KustomizeOptions()


def names(result: RenderResult) -> list[str]:
    return [manifest["metadata"]["name"] for manifest in result.manifests]


def spellings(folder: str) -> set[str]:
    return {f"{folder}/kustomization.yml", f"{folder}/Kustomization"}


OVERLAY: Table = {
    "apps/shop/overlays/dev/kustomization.yaml": (
        "resources:\n- ../../base\n- extra.yaml\nnamePrefix: dev-\npatches:\n- path: patch.yaml\n"
    ),
    "apps/shop/overlays/dev/extra.yaml": config_map("extra"),
    "apps/shop/overlays/dev/patch.yaml": config_map("one", colour="blue"),
    "apps/shop/overlays/dev/unused.yaml": config_map("unused"),
    "apps/shop/base/kustomization.yaml": "resources: [one.yaml, ../parts/a, ../parts/b]\n",
    "apps/shop/base/one.yaml": config_map("one", colour="red", size="'1'"),
    "apps/shop/parts/a/kustomization.yaml": "resources: [a.yaml]\n",
    "apps/shop/parts/a/a.yaml": config_map("a"),
    "apps/shop/parts/b/kustomization.yaml": "resources: [deep/b.yaml]\n",
    "apps/shop/parts/b/deep/b.yaml": config_map("b"),
    "apps/other/x.yaml": config_map("x"),
}


async def test_an_overlay_reads_its_bases_and_nothing_else(engine: EngineRenderer) -> None:
    tree = TableTree(OVERLAY)
    result = await engine.render(RenderRequest("apps/shop/overlays/dev", BUILD), tree)
    # In the order of their kinds and names, as the program prints them.
    assert names(result) == ["dev-a", "dev-b", "dev-extra", "dev-one"]
    assert result.manifests[3]["data"] == {"colour": "blue", "size": "1"}
    folders = ["overlays/dev", "base", "parts/a", "parts/b"]
    assert result.reads == ReadSet(
        files=frozenset(set(OVERLAY) - {"apps/other/x.yaml", "apps/shop/overlays/dev/unused.yaml"}),
        absent=frozenset().union(*(spellings(f"apps/shop/{folder}") for folder in folders)),
    )


async def test_each_level_is_one_call_back(engine: EngineRenderer) -> None:
    tree = TableTree(OVERLAY)
    await engine.render(RenderRequest("apps/shop/overlays/dev", BUILD), tree)
    # The folder and its files; then the base, both parts, and the file below a part: each at
    # most two reads, the second for the files of a folder.
    asked = [set(paths) for paths in tree.reads]
    assert asked[0] == {"apps/shop/overlays/dev"}
    assert asked[2] == {"apps/shop/base"}
    assert {"apps/shop/parts/a", "apps/shop/parts/b"} <= asked[4]
    assert "apps/shop/parts/b/deep/b.yaml" in asked[6]
    assert len(asked) == 7


@pytest.mark.parametrize("path", ["", ".", "./", "app/.."])
async def test_the_root_may_be_built(render: Render, path: str) -> None:
    table = {"kustomization.yaml": "resources: [a.yaml]", "a.yaml": config_map("a"), "app/x": ""}
    result = await render(table, path, BUILD)
    assert names(result) == ["a"]
    assert result.reads.files == {"kustomization.yaml", "a.yaml"}


async def test_lists_are_expanded_and_generators_work(render: Render) -> None:
    table = {
        "app/kustomization.yaml": (
            "resources: [list.yaml]\n"
            "configMapGenerator:\n- name: made\n  files: [settings=conf/settings.txt]\n"
            "  options: {disableNameSuffixHash: true}\n"
        ),
        "app/conf/settings.txt": "a=b",
        "app/list.yaml": (
            "apiVersion: v1\nkind: ConfigMapList\nitems:\n"
            "- {apiVersion: v1, kind: ConfigMap, metadata: {name: one}}\n"
        ),
    }
    result = await render(table, "app", BUILD)
    assert names(result) == ["made", "one"]
    assert result.manifests[0]["data"] == {"settings": "a=b"}
    assert "app/conf/settings.txt" in result.reads.files


async def test_numbers_are_kubernetes_numbers(render: Render) -> None:
    table = {
        "app/kustomization.yaml": "resources: [a.yaml]\nnamePrefix: x-\n",
        "app/a.yaml": (
            "apiVersion: v1\nkind: Thing\nmetadata: {name: a}\nspec:\n"
            "  mode: 0644\n  big: 12345678901\n  float: 1.5\n  text: '0644'\n"
        ),
    }
    result = await render(table, "app", BUILD)
    assert result.manifests[0]["spec"] == {
        "mode": 420,
        "big": 12345678901,
        "float": 1.5,
        "text": "0644",
    }


async def test_links_inside_are_followed_and_noted(render: Render) -> None:
    table: Table = {
        "app/kustomization.yaml": "resources: [base]\n",
        "app/base": Link("../shared/base"),
        "shared/base/kustomization.yaml": "resources: [a.yaml]\n",
        "shared/base/a.yaml": config_map("a"),
    }
    result = await render(table, "app", BUILD)
    assert names(result) == ["a"]
    assert {"app/base", "shared/base/a.yaml"} <= result.reads.files


@pytest.mark.parametrize(
    "entry",
    [
        "../../outside.yaml",
        "../../../../../../etc/passwd",
        "../../<path to cached source>x/a.yaml",
        "link.yaml",
        "absolute.yaml",
        "way/secret.yaml",
        "circle.yaml",
    ],
)
@pytest.mark.parametrize("field", ["resources", "components", "patchesStrategicMerge"])
async def test_paths_and_links_that_leave_are_refused(
    render: Render, field: str, entry: str
) -> None:
    table: Table = {
        "app/kustomization.yaml": f"{field}: ['{entry}']\nresources: [ok.yaml]\n"
        if field != "resources"
        else f"resources: ['{entry}']\n",
        "app/ok.yaml": config_map("ok"),
        "app/link.yaml": Link("../../outside.yaml"),
        "app/absolute.yaml": Link("/etc/passwd"),
        "app/way": Link("../hop"),
        "hop": Link(".."),
        "app/circle.yaml": Link("circle.yaml"),
    }
    with pytest.raises(RenderError, match="illegal filepath"):
        await render(table, "app", BUILD)


async def test_files_beside_the_kustomization_are_restricted(render: Render) -> None:
    table: Table = {
        "app/kustomization.yaml": "resources: [../other/a.yaml]\n",
        "other/a.yaml": config_map("hunter2"),
    }
    with pytest.raises(RenderError, match="security; file") as caught:
        await render(table, "app", BUILD)
    assert "<path to cached source>/other/a.yaml" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("reorder", "order"),
    [("", ["n", "a"]), ("legacy", ["n", "a"]), ("none", ["a", "n"])],
)
async def test_the_order_of_objects(render: Render, reorder: str, order: list[str]) -> None:
    table: Table = {
        "app/kustomization.yaml": "resources: [a.yaml, n.yaml]\n",
        "app/a.yaml": config_map("a"),
        "app/n.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: 'n'}\n",
    }
    assert names(await render(table, "app", KustomizeOptions(reorder=reorder))) == order


async def test_unrestricted_files_come_out_of_the_tree_only(render: Render) -> None:
    options = KustomizeOptions(unrestricted_files=True)
    table: Table = {
        "app/kustomization.yaml": "resources: [../other/a.yaml]\n",
        "other/a.yaml": config_map("a"),
        "out/kustomization.yaml": "resources: [../../x.yaml]\n",
        "etc/kustomization.yaml": "configMapGenerator: [{name: a, files: [/etc/passwd]}]\n",
    }
    assert names(await render(table, "app", options)) == ["a"]
    for path in ("out", "etc"):
        with pytest.raises(RenderError, match="illegal filepath"):
            await render(table, path, options)


async def test_a_plugin_is_not_started(render: Render) -> None:
    table = {
        "app/kustomization.yaml": "generators: [g.yaml]\n",
        "app/g.yaml": (
            "apiVersion: x/v1\nkind: Made\nmetadata:\n  name: m\n  annotations:\n"
            "    config.kubernetes.io/function: |\n      exec: {path: ./evil.sh}\n"
        ),
        "app/evil.sh": "#!/bin/sh\necho {}",
    }
    with pytest.raises(RenderError, match="plugin"):
        await render(table, "app", BUILD)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"app/a.yaml": "a: b"}, "unable to find one of 'kustomization.yaml'"),
        ({"app/kustomization.yaml": "resources: [none.yaml]"}, r"none\.yaml"),
        ({"app/kustomization.yaml": "colour: [blue]"}, 'unknown field "colour"'),
        ({"app/kustomization.yaml": ""}, "kustomization.yaml is empty"),
        ({"app/kustomization.yaml": "resources: [.]"}, "cycle detected"),
        (
            {
                "app/kustomization.yaml": "resources: [../b]",
                "b/kustomization.yaml": "resources: [../app]",
            },
            "cycle",
        ),
    ],
)
async def test_what_kustomize_says_is_kept(render: Render, table: Table, message: str) -> None:
    with pytest.raises(RenderError, match=message):
        await render(table, "app", BUILD)


async def test_a_literal_secret_stays_out_of_errors(render: Render) -> None:
    text = "secretGenerator:\n- name: s\n  literals: ['password=hunter2', hunter3]\n"
    with pytest.raises(RenderError) as caught:
        await render({"app/kustomization.yaml": text}, "app", BUILD)
    assert "hunter" not in str(caught.value)


async def test_a_bomb_in_a_resource_is_refused(render: Render) -> None:
    table = {"app/kustomization.yaml": "resources: [a.yaml]", "app/a.yaml": BOMB}
    with pytest.raises(RenderLimitError, match="aliases"):
        await render(table, "app", BUILD)
