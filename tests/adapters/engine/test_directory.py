"""Plain folders: which files count, which are ignored, which fail."""

from __future__ import annotations

import pytest

from tests.adapters.engine.conftest import Render
from tests.adapters.engine.trees import Link, Table, TableTree, config_map
from tiphys.adapters.engine import EngineRenderer
from tiphys.model.errors import RenderError, RenderLimitError
from tiphys.model.render import DirectoryOptions, ReadSet, RenderRequest, RenderResult


def names(result: RenderResult) -> list[str]:
    return [manifest["metadata"]["name"] for manifest in result.manifests]


TREE: Table = {
    "app/b.yaml": config_map("b1") + "---\n" + config_map("b2"),
    "app/a.yml": config_map("a"),
    "app/c.json": '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "c"}}',
    "app/notes.txt": config_map("text"),
    "app/UPPER.YAML": config_map("upper"),
    "app/.hidden/h.yaml": config_map("h"),
    "app/sub/d.yaml": config_map("d"),
    "app/sub/deep/e.yaml": config_map("e"),
    "other/x.yaml": config_map("x"),
}


async def test_files_of_the_folder_in_order(render: Render) -> None:
    result = await render(TREE, "app", DirectoryOptions())
    assert names(result) == ["a", "b1", "b2", "c"]
    assert result.reads == ReadSet(listings=frozenset({"app"}))


async def test_recurse_enters_hidden_folders(render: Render) -> None:
    result = await render(TREE, "app", DirectoryOptions(recurse=True))
    assert names(result) == ["h", "a", "b1", "b2", "c", "d", "e"]
    assert result.reads == ReadSet(listings=frozenset({"app"}))


async def test_the_root_is_a_folder_too(render: Render) -> None:
    table = {"a.yaml": config_map("a"), "sub/b.yaml": config_map("b")}
    result = await render(table, "", DirectoryOptions())
    assert names(result) == ["a"]
    assert result.reads.listings == {""}


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ("*.yaml", "", ["h", "b1", "b2", "d", "e"]),
        ("sub/*", "", ["d", "e"]),
        ("sub/**", "", ["d", "e"]),
        ("sub/?.yaml", "", ["d"]),
        ("{a,c}.*", "", ["a", "c"]),
        ("[a-b].*", "", ["a", "b1", "b2"]),
        ("[!a].yaml", "", ["b1", "b2"]),
        ("", "*", []),
        ("", "sub/*", ["h", "a", "b1", "b2", "c"]),
        ("*", "{b.yaml,sub/deep/*}", ["h", "a", "c", "d"]),
        ("[", "", []),
        ("", "[", ["h", "a", "b1", "b2", "c", "d", "e"]),
        (r"\a.yml", "", ["a"]),
        ("a.ym", "", []),
    ],
)
async def test_include_and_exclude(
    render: Render, include: str, exclude: str, expected: list[str]
) -> None:
    options = DirectoryOptions(recurse=True, include=include, exclude=exclude)
    assert sorted(names(await render(TREE, "app", options))) == sorted(expected)


async def test_without_the_extension_filter_every_file_counts(render: Render) -> None:
    result = await render(TREE, "app", DirectoryOptions(disable_extension_filter=True))
    assert names(result) == ["upper", "a", "b1", "b2", "c", "text"]


@pytest.mark.parametrize(
    "content",
    [
        "just: data\n",
        "- a\n- b\n",
        "{{ template }}\n",
        "apiVersion: v1\nkind: ConfigMap\n\tmeta: x\n",
        "",
        "# only a comment\n",
        "null\n",
        config_map("x") + "# +argocd:skip-file-rendering\n",
        "+argocd:skip-file-rendering {{{",
    ],
)
async def test_files_that_are_no_manifests_are_ignored(render: Render, content: str) -> None:
    result = await render({"app/a.yaml": config_map("a"), "app/b.yaml": content}, "app", PLAIN)
    assert names(result) == ["a"]


PLAIN = DirectoryOptions()


@pytest.mark.parametrize(
    "content",
    [
        config_map("x") + "---\njust: data\n",
        config_map("x") + "---\n{{ broken\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: hunter2\n",
        "apiVersion: v1\nmetadata: {}\n# kind: hunter2\n",
    ],
)
async def test_files_that_look_like_manifests_fail(render: Render, content: str) -> None:
    with pytest.raises(RenderError, match=r'Failed to unmarshal "b\.yaml": ') as caught:
        await render({"app/b.yaml": content}, "app", PLAIN)
    assert "hunter2" not in str(caught.value)


async def test_json_files_hold_one_object(render: Render) -> None:
    one = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}'
    with pytest.raises(RenderError) as caught:
        await render({"app/a.json": one + "\n" + one}, "app", PLAIN)
    assert str(caught.value) == (
        'Found multiple objects in "a.json". Only single objects are allowed in JSON files.'
    )


@pytest.mark.parametrize("content", ["[]", "{", '{"a": 1}', "a: b"])
async def test_other_json_fails(render: Render, content: str) -> None:
    with pytest.raises(RenderError, match=r'Failed to unmarshal "a\.json": '):
        await render({"app/a.json": content}, "app", PLAIN)


async def test_an_image_manifest_is_passed_over(render: Render) -> None:
    image = '{"schemaVersion": 2, "config": {"digest": "x"}, "layers": []}'
    result = await render({"app/a.json": image, "app/b.yaml": config_map("b")}, "app", PLAIN)
    assert names(result) == ["b"]


async def test_lists_are_replaced_by_their_items(render: Render) -> None:
    table = {
        "app/a.yaml": (
            "apiVersion: v1\nkind: List\nitems:\n"
            "- {apiVersion: v1, kind: ConfigMap, metadata: {name: one}}\n"
            "- {apiVersion: v1, kind: ConfigMap, metadata: {name: two}, items: no}\n"
        ),
        "app/b.yaml": "apiVersion: x/v1\nkind: ThingList\nitems: []\n",
        "app/c.yaml": "apiVersion: x/v1\nkind: ThingList\nitems: null\n",
        "app/d.yaml": "apiVersion: x/v1\nkind: T\nmetadata: {name: d}\nitems: null\nspec: {}\n",
    }
    result = await render(table, "app", PLAIN)
    assert names(result) == ["one", "two", "d"]


async def test_links_are_followed_inside_and_read_in_one_call(engine: EngineRenderer) -> None:
    table: Table = {
        "app/a.yaml": Link("../shared/a.yaml"),
        "app/b.yaml": Link("c"),
        "app/c": Link("../shared/b.yaml"),
        "app/dangling.yaml": Link("../shared/none.yaml"),
        "app/folder.yaml": Link("../shared"),
        "shared/a.yaml": config_map("a"),
        "shared/b.yaml": config_map("b"),
    }
    tree = TableTree(table)
    result = await engine.render(RenderRequest("app", PLAIN), tree)
    assert names(result) == ["a", "b"]
    assert result.reads == ReadSet(
        files=frozenset({"shared/a.yaml", "shared/b.yaml"}),
        listings=frozenset({"app"}),
        absent=frozenset({"shared/none.yaml"}),
    )
    folder, links, targets, behind = tree.reads
    assert folder == ("app",)
    assert "app/a.yaml" in links
    assert {"shared/a.yaml", "shared/none.yaml", "app/c"} <= set(targets)
    assert set(behind) == {"shared/a.yaml", "shared/b.yaml"}


@pytest.mark.parametrize(
    "link",
    [
        "/etc/passwd",
        "../../etc/passwd",
        "../../../../../../etc/passwd",
        "sub/../../../x",
        "../link",
        "self.yaml",
    ],
)
async def test_links_that_leave_are_refused(render: Render, link: str) -> None:
    table: Table = {
        "app/a.yaml": Link(link),
        "app/self.yaml": Link("a.yaml"),
        "app/sub/x": "",
        "link": Link("../outside"),
    }
    with pytest.raises(RenderError, match="illegal filepath in symlink at"):
        await render(table, "app", PLAIN)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none", "none: app path does not exist"),
        ("app/a.yaml", "app/a.yaml: app path is not a directory"),
        ("/app", "/app: app path is absolute"),
        ("../app", "../app: app path outside root"),
        ("app/../../app", "app/../../app: app path outside root"),
    ],
)
async def test_paths_that_are_none(render: Render, path: str, message: str) -> None:
    with pytest.raises(RenderError, match=message):
        await render({"app/a.yaml": config_map("a")}, path, PLAIN)


async def test_a_path_through_a_link(render: Render) -> None:
    table: Table = {"real/app/a.yaml": config_map("a"), "link": Link("real")}
    result = await render(table, "link/app", PLAIN)
    assert names(result) == ["a"]
    assert result.reads == ReadSet(files=frozenset({"link"}), listings=frozenset({"real/app"}))


async def test_combined_size_is_bounded(render: Render) -> None:
    big = config_map("a", text="x" * 6_000_000)
    with pytest.raises(RenderLimitError, match="exceeded max combined manifest file size"):
        await render({"app/a.yaml": big, "app/b.yaml": big}, "app", PLAIN)


async def test_what_is_evaluated_does_not_count(render: Render) -> None:
    big = config_map("a", text="x" * 6_000_000)
    table = {"app/a.yaml": big, "app/b.jsonnet": "// " + "x" * 6_000_000 + "\n[]"}
    assert names(await render(table, "app", PLAIN)) == ["a"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
async def test_marked_encodings_are_read(render: Render, encoding: str) -> None:
    table: Table = {"app/a.yaml": config_map("a", text="grün").encode(encoding)}
    result = await render(table, "app", PLAIN)
    assert result.manifests[0]["data"]["text"] == "grün"
