"""Jsonnet files of a directory, which see the source's trees and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adapters.engine.conftest import Render
from tests.adapters.engine.trees import BOMB, Link, Table, config_map
from tiphys.model.errors import RenderError
from tiphys.model.render import MOUNT, DirectoryOptions, JsonnetVariable, RenderResult


def names(result: RenderResult) -> list[str]:
    return [manifest["metadata"]["name"] for manifest in result.manifests]


A = "{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'a'}}"
B = A.replace("'a'", "'b'")


async def shown(render: Render, expression: str, table: Table | None = None, **fields: Any) -> Any:
    text = f"{{apiVersion: 'v1', kind: 'A', metadata: {{name: 'a'}}, shown: {expression}}}"
    files: Table = {"app/a.jsonnet": text, **(table or {})}
    result = await render(files, "app", DirectoryOptions(**fields))
    return result.manifests[0]["shown"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (A, ["a"]),
        (f"[{A}, null, {B}]", ["a", "b"]),
        ("[]", []),
        (f"{{apiVersion: 'v1', kind: 'List', items: [{A}, {B}]}}", ["a", "b"]),
        ("local n = 'x'; {kind: 'A', metadata: {name: n + std.length([1, 2])}}", ["x2"]),
        ("// +argocd:skip-file-rendering\nerror 'never'", []),
    ],
)
async def test_a_file_is_one_object_or_an_array(
    render: Render, text: str, found: list[str]
) -> None:
    assert names(await render({"app/a.jsonnet": text}, "app", DirectoryOptions())) == found


async def test_files_are_evaluated_among_the_others(render: Render) -> None:
    table = {
        "app/a.yaml": config_map("a"),
        "app/b.jsonnet": B,
        "app/c.libsonnet": "error 'a library is no manifest'",
        "app/d.json": '{"kind": "A", "metadata": {"name": "d"}}',
    }
    assert names(await render(table, "app", DirectoryOptions())) == ["a", "b", "d"]
    assert names(await render(table, "app", DirectoryOptions(jsonnet=False))) == ["a", "d"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", 'Failed to evaluate jsonnet "a.jsonnet": '),
        ("error 'not today'", 'Failed to evaluate jsonnet "a.jsonnet": RUNTIME ERROR: not today'),
        ("{a: 1}", "Failed to unmarshal generated json \"a.jsonnet\": Object 'Kind' is missing"),
        ("[1]", 'Failed to unmarshal generated json "a.jsonnet": '),
        ("'text'", 'Failed to unmarshal generated json "a.jsonnet": '),
        ("local f(x) = f(x) + 1; f(1)", "max stack frames exceeded"),
        ("std.native('open')('/etc/passwd')", "Unexpected type null, expected function"),
        ("std.extVar('HOME')", "Undefined external variable: HOME"),
    ],
)
async def test_what_jsonnet_says_is_kept(render: Render, text: str, message: str) -> None:
    with pytest.raises(RenderError) as caught:
        await render({"app/a.jsonnet": text}, "app", DirectoryOptions())
    assert message in str(caught.value)


async def test_variables_are_text_or_code(render: Render) -> None:
    given = (JsonnetVariable("text", "1 + 1"), JsonnetVariable("code", "1 + 1", code=True))
    expression = "[std.extVar('text'), std.extVar('code')]"
    assert await shown(render, expression, ext_vars=given) == ["1 + 1", 2]
    text = "function(text, code) {kind: 'A', shown: [text, code]}"
    result = await render({"app/a.jsonnet": text}, "app", DirectoryOptions(tlas=given))
    assert result.manifests[0]["shown"] == ["1 + 1", 2]


LIBS: Table = {
    "app/near.libsonnet": "{from: 'near'}",
    "app/deep/x.libsonnet": "{from: (import 'y.libsonnet').from}",
    "app/deep/y.libsonnet": "{from: 'beside'}",
    "one/y.libsonnet": "{from: 'one'}",
    "one/z.libsonnet": "{from: 'one'}",
    "two/z.libsonnet": "{from: 'two'}",
    "two/text.txt": "text\n",
    "up.libsonnet": "{from: 'up'}",
    "link": Link("two"),
    "one/out.libsonnet": Link("../../x"),
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("(import 'near.libsonnet').from", "near"),
        ("(import 'deep/x.libsonnet').from", "beside"),
        ("(import 'y.libsonnet').from", "one"),
        ("(import 'z.libsonnet').from", "two"),
        ("(import '../up.libsonnet').from", "up"),
        ("(import '../link/z.libsonnet').from", "two"),
        ("importstr 'text.txt'", "text\n"),
        ("importbin 'text.txt'", [116, 101, 120, 116, 10]),
        ("std.parseYaml(importstr '../app/values.yaml').a", 1),
    ],
)
async def test_imports(render: Render, expression: str, value: Any) -> None:
    table: Table = {**LIBS, "app/values.yaml.txt": "", "app/values.yaml": "a: 1\n"}
    assert await shown(render, expression, table, libs=("one", "two")) == value


async def test_imports_are_noted_and_so_is_where_they_were_missing(render: Render) -> None:
    text = "{kind: 'A', shown: import 'z.libsonnet'}"
    result = await render({"app/a.jsonnet": text, **LIBS}, "app", DirectoryOptions(libs=("two",)))
    assert result.reads.files == {"two/z.libsonnet"}
    assert result.reads.listings == {"app"}
    far = {"app/a.jsonnet": text, "far/z.libsonnet": "1"}
    result = await render(far, "app", DirectoryOptions(libs=("far", "none", "nor")))
    assert result.reads.absent == {"none", "nor"}


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../../x",
        "../../../../../etc/passwd",
        "out.libsonnet",
        f"{MOUNT}other/x",
        f"../{MOUNT}other/x",
        "none.libsonnet",
    ],
)
@pytest.mark.parametrize("how", ["import", "importstr", "importbin"])
async def test_nothing_outside_is_imported(render: Render, how: str, name: str) -> None:
    written = name.replace(MOUNT, "\\u0001")
    with pytest.raises(RenderError, match="couldn't open import") as caught:
        await shown(render, f'{how} "{written}"', LIBS, libs=("one",))
    assert "root:" not in str(caught.value)


async def test_a_bomb_in_a_library_ends_at_a_limit(render: Render) -> None:
    with pytest.raises(RenderError):
        await shown(render, "std.parseYaml(importstr 'b.yaml.txt')", {"app/b.yaml.txt": BOMB})
