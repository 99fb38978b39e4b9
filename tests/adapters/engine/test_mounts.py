"""Trees beside the main one, and what a chart names that lies outside of all of them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.adapters.engine.conftest import Mounted, Render
from tests.adapters.engine.test_helm import by_name, chart, names, options, shows
from tests.adapters.engine.trees import CHART, Link, Table, TableTree, config_map
from tiphys.adapters.engine import EngineRenderer
from tiphys.model.errors import RenderError
from tiphys.model.render import (
    MOUNT,
    ReadSet,
    Remote,
    RemoteKind,
    RemotesNeededError,
    RenderRequest,
)

SHOWN = chart(".Values.colour")
VALUES: Table = {
    "envs/prod.yaml": "colour: prod\n",
    "envs/eu/prod.yaml": "colour: eu\n",
    "link.yaml": Link("envs/prod.yaml"),
    "out.yaml": Link("../c/values.yaml"),
    "hop.yaml": Link(f"{MOUNT}other/secret.yaml"),
}


async def colour(mounted: Mounted, *files: str, **fields: Any) -> Any:
    given = options(value_files=tuple(files), **fields)
    other: Table = {"secret.yaml": "colour: hidden\n"}
    result = await mounted(SHOWN, "c", given, {"values": VALUES, "other": other})
    return result.manifests[-1]["data"]["shown"]


async def test_a_values_file_of_another_tree_is_read_and_noted(mounted: Mounted) -> None:
    given = options(value_files=(f"{MOUNT}values/link.yaml", f"{MOUNT}values/none.yaml"))
    given = options(
        value_files=given.value_files,
        ignore_missing_value_files=True,
        file_parameters=(("text", f"{MOUNT}values/envs/eu/prod.yaml"),),
    )
    result = await mounted(SHOWN, "c", given, {"values": VALUES})
    assert result.manifests[-1]["data"]["shown"] == "prod"
    assert result.reads == ReadSet(
        files=frozenset(
            f"{MOUNT}values/{name}" for name in ("link.yaml", "envs/prod.yaml", "envs/eu/prod.yaml")
        ),
        listings=frozenset({"c"}),
        absent=frozenset({f"{MOUNT}values/none.yaml"}),
    )


async def test_patterns_reach_into_another_tree(mounted: Mounted) -> None:
    given = options(value_files=(f"{MOUNT}values/envs/**/prod.yaml",))
    result = await mounted(SHOWN, "c", given, {"values": VALUES})
    # In the order of their names: envs/eu/prod.yaml comes first.
    assert result.manifests[-1]["data"]["shown"] == "prod"
    assert f"{MOUNT}values/envs" in result.reads.listings
    with pytest.raises(RenderError, match=r'glob "\$values/none/\*\.yaml" matched no files'):
        await colour(mounted, f"{MOUNT}values/none/*.yaml")


@pytest.mark.parametrize(
    "name",
    [
        "values/../c/values.yaml",
        "values/envs/../../other/secret.yaml",
        "values/out.yaml",
        "values/hop.yaml",
        f"values/{MOUNT}other/secret.yaml",
    ],
)
async def test_nothing_leads_from_one_tree_to_another(mounted: Mounted, name: str) -> None:
    with pytest.raises(RenderError, match=r"illegal filepath: file '\$values/") as caught:
        await colour(mounted, MOUNT + name)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("name", [f"/{MOUNT}other/secret.yaml", f"./{MOUNT}other/secret.yaml"])
async def test_a_path_of_the_main_tree_stays_in_it(mounted: Mounted, name: str) -> None:
    with pytest.raises(RenderError, match="illegal filepath"):
        await colour(mounted, name)


async def test_a_missing_file_of_another_tree_is_named_as_written(mounted: Mounted) -> None:
    with pytest.raises(RenderError, match=r"open \$values/x\.yaml: no such file or directory"):
        await colour(mounted, f"{MOUNT}values/x.yaml")


URL = "https://example.com/v.yaml?a=*"
FILE = Remote(RemoteKind.FILE, URL)


async def test_a_remote_values_file_is_asked_for_and_then_read(mounted: Mounted) -> None:
    given = options(value_files=(URL,), ignore_missing_value_files=True)
    with pytest.raises(RemotesNeededError) as caught:
        await mounted(SHOWN, "c", given, {})
    assert caught.value.remotes == (FILE,)
    result = await mounted(SHOWN, "c", given, {"f": {"content": "colour: far\n"}}, {FILE: "f"})
    assert result.manifests[-1]["data"]["shown"] == "far"
    assert result.reads == ReadSet(listings=frozenset({"c"}))


def dependent(*dependencies: dict[str, str]) -> str:
    return CHART + f"dependencies: {json.dumps(dependencies)}\n"


def subchart(name: str, version: str = "1.0.0") -> dict[str, str]:
    return {
        "Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: {version}\n",
        "values.yaml": "a: b\n",
        "templates/x.yaml": shows(".Values.a").replace("shown}", "{{ .Chart.Name }}}"),
    }


def needs(name: str, version: str = "1.0.0", repository: str = "https://example.com") -> Remote:
    return Remote(RemoteKind.CHART, repository, version, name)


DB = {"name": "db", "version": "^1.0.0", "repository": "https://example.com"}


async def test_everything_that_is_missing_is_asked_for_at_once(mounted: Mounted) -> None:
    table = {
        **SHOWN,
        "c/Chart.yaml": dependent(
            DB,
            {"name": "mq", "version": "2.x", "repository": "oci://registry.example.com/charts"},
            {"name": "named", "version": "3", "repository": "@stable"},
            {"name": "other", "version": "4", "repository": "alias:stable"},
        ),
    }
    given = options(value_files=(URL,))
    with pytest.raises(RemotesNeededError) as caught:
        await mounted(table, "c", given, {})
    assert set(caught.value.remotes) == {
        FILE,
        needs("db", "^1.0.0"),
        needs("mq", "2.x", "oci://registry.example.com/charts"),
        needs("named", "3", "@stable"),
        needs("other", "4", "alias:stable"),
    }


async def test_fetched_dependencies_render_with_aliases_and_conditions(mounted: Mounted) -> None:
    table = {
        **SHOWN,
        "c/Chart.yaml": dependent(
            {**DB, "alias": "first"},
            {**DB, "alias": "second", "condition": "second.wanted"},
            {**DB, "name": "left", "condition": "left.wanted"},
        ),
        "c/values.yaml": "first: {a: one}\nsecond: {wanted: true, a: two}\nleft: {wanted: false}\n",
    }
    result = await mounted(
        table,
        "c",
        options(),
        {"x": subchart("db", "1.3.0"), "y": subchart("left")},
        {needs("db", "^1.0.0"): "x", needs("left", "^1.0.0"): "y"},
    )
    assert by_name(result) == {"first": "one", "second": "two", "shown": None}
    assert result.reads == ReadSet(listings=frozenset({"c"}))


def lock(digest: str) -> str:
    locked = {"name": "db", "version": "1.2.3", "repository": "https://example.com"}
    return json.dumps(
        {"dependencies": [locked], "digest": digest, "generated": "2026-01-01T00:00:00Z"}
    )


LOCK_DIGEST = (
    "sha256:"
    + hashlib.sha256(
        json.dumps([[DB], [{**DB, "version": "1.2.3"}]], separators=(",", ":")).encode()
    ).hexdigest()
)


async def test_the_lock_file_has_the_version(mounted: Mounted) -> None:
    table = {**SHOWN, "c/Chart.yaml": dependent(DB), "c/Chart.lock": lock(LOCK_DIGEST)}
    with pytest.raises(RemotesNeededError) as caught:
        await mounted(table, "c", options(), {})
    assert caught.value.remotes == (needs("db", "1.2.3"),)


async def test_a_lock_file_of_other_dependencies_is_refused(render: Render) -> None:
    table = {**SHOWN, "c/Chart.yaml": dependent(DB), "c/Chart.lock": lock("sha256:0")}
    with pytest.raises(RenderError, match=r"lock file \(Chart\.lock\) is out of sync"):
        await render(table, "c", options())


async def test_requirements_of_old_charts_are_asked_for_too(render: Render) -> None:
    table = {
        **SHOWN,
        "c/Chart.yaml": CHART.replace("v2", "v1"),
        "c/requirements.yaml": f"dependencies: [{json.dumps(DB)}]",
    }
    with pytest.raises(RemotesNeededError) as caught:
        await render(table, "c", options())
    assert caught.value.remotes == (needs("db", "^1.0.0"),)


LOCAL = {"name": "lib", "version": "~1.0", "repository": "file://../lib"}


async def test_a_dependency_beside_the_chart_is_read_of_the_tree(render: Render) -> None:
    table = {
        **SHOWN,
        "c/Chart.yaml": dependent(LOCAL),
        **{f"lib/{name}": text for name, text in subchart("lib").items()},
    }
    result = await render(table, "c", options())
    assert names(result) == ["lib", "shown"]
    assert result.reads.listings == {"c", "lib"}


@pytest.mark.parametrize(
    ("repository", "message"),
    [
        ("file://../none", "directory ../none not found"),
        ("file:///etc", "directory /etc not found"),
        ("file://../../x", "illegal filepath"),
        ("", "found in Chart.yaml, but missing in charts/ directory: lib"),
        ("s3://bucket", "found in Chart.yaml, but missing in charts/ directory: lib"),
    ],
)
async def test_a_dependency_that_nobody_can_fetch(
    render: Render, repository: str, message: str
) -> None:
    table = {**SHOWN, "c/Chart.yaml": dependent({**LOCAL, "repository": repository})}
    with pytest.raises(RenderError) as caught:
        await render(table, "c", options())
    assert message in str(caught.value)


async def test_another_version_beside_the_chart_is_refused(render: Render) -> None:
    table = {
        **SHOWN,
        "c/Chart.yaml": dependent(LOCAL),
        **{f"lib/{name}": text for name, text in subchart("lib", "2.0.0").items()},
    }
    with pytest.raises(RenderError, match="can't get a valid version for 1 subchart"):
        await render(table, "c", options())


async def test_files_laid_over_the_tree_win(engine: EngineRenderer) -> None:
    table: Table = {**SHOWN, "c/values.yaml": "colour: tree\n"}
    overlay = {
        "c/values.yaml": b"colour: over\n",
        "c/templates/new.yaml": config_map("fresh").encode(),
    }
    request = RenderRequest("c", options(), overlay=overlay)
    result = await engine.render(request, TableTree(table))
    assert names(result) == ["fresh", "shown"]
    assert result.manifests[-1]["data"]["shown"] == "over"


@pytest.mark.parametrize(
    ("expression", "called"),
    [
        ("randAlphaNum 5", ["randAlphaNum"]),
        ("cat (randAlphaNum 5) (randAlphaNum 6) (uuidv4)", ["randAlphaNum", "uuidv4"]),
        ('tpl "{{ shuffle `ab` }}" .', ["shuffle"]),
        ("now | date `2006`", ["now"]),
        ("date `2006` 0", []),
        ("date `2006` .Values.none", ["date"]),
        ("htmlDate (toDate `2006-01-02` `2020-01-01`)", []),
        ("(genCA `x` 1).Cert", ["genCA"]),
        ("(htpasswd `a` `b`)", ["htpasswd"]),
        ("lookup `v1` `Secret` `a` `b`", ["lookup"]),
        ("if false }}{{ randAlpha 5 }}{{ end }}{{ 1", []),
        ("`randAlpha lookup now`", []),
    ],
)
async def test_what_never_gives_the_same_twice_is_said(
    render: Render, expression: str, called: list[str]
) -> None:
    table = {
        **chart("1"),
        "c/templates/shown.yaml": "a: {{ " + expression + " | quote }}\nkind: A\n",
    }
    if expression.startswith("if"):
        table["c/templates/shown.yaml"] = "kind: A\na: {{ " + expression + " }}\n"
    result = await render(table, "c", options())
    assert [warning.split("calls ")[1].split(",")[0] for warning in result.warnings] == called


async def test_a_subchart_and_an_included_template_are_heard(mounted: Mounted) -> None:
    table = {
        **chart(
            'include "x" .', templates___x__tpl='{{ define "x" }}{{ now | unixEpoch }}{{ end }}'
        ),
        "c/charts/db/Chart.yaml": CHART.replace("shop", "db"),
        "c/charts/db/templates/x.yaml": "kind: A\na: {{ lookup `v1` `A` `` `` | toJson }}\n",
    }
    result = await mounted(table, "c", options(), {})
    assert result.warnings == (
        "the chart calls lookup, which finds nothing: a render sees no cluster",
        "the chart calls now, which gives another value at every render",
    )
