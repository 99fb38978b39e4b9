"""`helm template` without helm, a cluster or a network."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest

from tests.adapters.engine.conftest import Render
from tests.adapters.engine.trees import BOMB, CHART, Link, Table, TableTree, config_map
from tiphys.adapters.engine import EngineRenderer
from tiphys.model.errors import RenderError, RenderLimitError
from tiphys.model.render import (
    HelmOptions,
    HelmParameter,
    ReadSet,
    RenderRequest,
    RenderResult,
)


def options(**fields: Any) -> HelmOptions:
    return HelmOptions(**{"release_name": "rel", "namespace": "ns", **fields})


def names(result: RenderResult) -> list[str]:
    return [manifest["metadata"]["name"] for manifest in result.manifests]


def shows(expression: str) -> str:
    """A template with one value in it."""
    return (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shown}\n"
        f"data:\n  shown: {{{{ {expression} | toJson }}}}\n"
    )


def chart(expression: str, **files: str) -> dict[str, str]:
    named = {f"c/{name.replace('__', '/')}": text for name, text in files.items()}
    return {"c/Chart.yaml": CHART, "c/templates/shown.yaml": shows(expression), **named}


def by_name(result: RenderResult) -> dict[str, Any]:
    """What each ConfigMap shows."""
    return {m["metadata"]["name"]: m["data"]["shown"] for m in result.manifests}


async def shown(render: Render, table: Table, given: HelmOptions) -> Any:
    result = await render(table, "c", given)
    return result.manifests[-1]["data"]["shown"]


async def test_release_and_chart(render: Render) -> None:
    assert await shown(render, chart(".Release"), options()) == {
        "Name": "rel",
        "Namespace": "ns",
        "IsInstall": True,
        "IsUpgrade": False,
        "Revision": 1,
        "Service": "Helm",
    }


LAYERED: Table = {
    **chart(".Values.colour"),
    "c/values.yaml": "colour: chart\n",
    "c/one.yaml": "colour: one\n",
    "c/two.yaml": "colour: two\n",
    "shared/three.yaml": "colour: three\n",
    "c/file.txt": "file",
}


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({}, "chart"),
        ({"value_files": ("one.yaml",)}, "one"),
        ({"value_files": ("one.yaml", "two.yaml")}, "two"),
        ({"value_files": ("two.yaml", "one.yaml")}, "one"),
        ({"value_files": ("one.yaml", "two.yaml", "one.yaml")}, "two"),
        ({"value_files": ("../shared/three.yaml",)}, "three"),
        ({"value_files": ("/shared/three.yaml",)}, "three"),
        ({"value_files": ("one.yaml",), "values": "colour: inline"}, "inline"),
        ({"values": "colour: inline", "parameters": (HelmParameter("colour", "set"),)}, "set"),
        ({"parameters": (HelmParameter("colour", "a"), HelmParameter("colour", "b"))}, "b"),
        ({"parameters": (HelmParameter("colour", "1"),)}, 1),
        ({"parameters": (HelmParameter("colour", "1", force_string=True),)}, "1"),
        (
            {
                "parameters": (
                    HelmParameter("colour", "s", force_string=True),
                    HelmParameter("colour", "1"),
                )
            },
            "s",
        ),
        (
            {
                "parameters": (HelmParameter("colour", "s", force_string=True),),
                "file_parameters": (("colour", "file.txt"),),
            },
            "file",
        ),
        ({"parameters": (HelmParameter("colour", "a,b"),)}, "a,b"),
        ({"parameters": (HelmParameter("colour", r"a\,b"),)}, "a,b"),
        ({"parameters": (HelmParameter("colour", "{a,b}"),)}, ["a", "b"]),
    ],
)
async def test_values_in_their_order(render: Render, fields: dict[str, Any], value: Any) -> None:
    assert await shown(render, LAYERED, options(**fields)) == value


async def test_value_files_elsewhere_are_one_call_back_and_noted(engine: EngineRenderer) -> None:
    tree = TableTree({**LAYERED, "other/deep/four.yaml": "size: 4\n"})
    given = options(
        value_files=("../shared/three.yaml", "../other/deep/four.yaml", "../none.yaml"),
        ignore_missing_value_files=True,
    )
    result = await engine.render(RenderRequest("c", given), tree)
    assert result.reads == ReadSet(
        files=frozenset({"shared/three.yaml", "other/deep/four.yaml"}),
        listings=frozenset({"c"}),
        absent=frozenset({"none.yaml"}),
    )
    assert len(tree.reads) == 1


GLOBBED: Table = {
    **chart(".Values.order"),
    **{
        f"c/env/{name}.yaml": f"order: {{{name.replace('/', '')}: true}}\nlast: {name}\n"
        for name in ("a", "b", "deep/c", "deep/er/d")
    },
    "c/env/x.txt": "order: {text: true}",
    "c/templates/last.yaml": shows(".Values.last").replace("shown}", "zz}"),
}


@pytest.mark.parametrize(
    ("files", "keys", "last"),
    [
        (("env/*.yaml",), ["a", "b"], "b"),
        (("env/[a].yaml",), ["a"], "a"),
        (("env/?.yaml",), ["a", "b"], "b"),
        (("env/**/*.yaml",), ["a", "b", "deepc", "deeperd"], "deep/er/d"),
        (("env/**/d.yaml",), ["deeperd"], "deep/er/d"),
        (("/c/env/*.yaml",), ["a", "b"], "b"),
        (("env/*.yaml", "env/a.yaml"), ["a", "b"], "a"),
        (("env/b.yaml", "env/*.yaml"), ["a", "b"], "a"),
    ],
)
async def test_patterns_of_value_files(
    render: Render, files: tuple[str, ...], keys: list[str], last: str
) -> None:
    result = await render(GLOBBED, "c", options(value_files=files))
    values = by_name(result)
    assert (sorted(values["shown"]), values["zz"]) == (keys, last)


async def test_a_pattern_without_a_match(render: Render) -> None:
    with pytest.raises(RenderError, match=r'values file glob "none/\*" matched no files'):
        await render(GLOBBED, "c", options(value_files=("none/*",)))
    await render(GLOBBED, "c", options(value_files=("none/*",), ignore_missing_value_files=True))


async def test_a_pattern_outside_the_chart_is_a_listing(render: Render) -> None:
    table: Table = {**GLOBBED, "shared/one.yaml": "last: one\n", "shared/two.txt": ""}
    result = await render(table, "c", options(value_files=("../shared/*.yaml",)))
    assert result.reads == ReadSet(listings=frozenset({"c", "shared"}))
    assert by_name(result)["zz"] == "one"


async def test_a_pattern_matches_nothing_outside(render: Render) -> None:
    table: Table = {**GLOBBED, "shared/out.yaml": Link("../../x")}
    with pytest.raises(RenderError, match="illegal filepath: glob match"):
        await render(table, "c", options(value_files=("../shared/*.yaml",)))


async def test_a_missing_value_file_is_named(render: Render) -> None:
    with pytest.raises(RenderError, match=r"open none\.yaml: no such file or directory"):
        await render(LAYERED, "c", options(value_files=("none.yaml",)))


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "/../x",
        "a/../../../x",
        "out.yaml",
        "abs.yaml",
        "way/x.yaml",
        "../../../etc/passwd",
    ],
)
@pytest.mark.parametrize("field", ["value_files", "file_parameters"])
async def test_values_that_leave_are_refused(render: Render, field: str, name: str) -> None:
    table: Table = {
        **chart(".Values"),
        "c/.helmignore": "out.yaml\nabs.yaml\nway\n",
        "c/a/b": "",
        "links/out.yaml": Link("../../x"),
        "links/abs.yaml": Link("/etc/passwd"),
        "links/way": Link("../.."),
    }
    if not name.startswith((".", "/", "a/")):
        name = f"../links/{name}"
    given = (name,) if field == "value_files" else (("k", name),)
    with pytest.raises(RenderError, match="illegal filepath"):
        await render(table, "c", options(**{field: given, "ignore_missing_value_files": True}))


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "../up/x"])
async def test_links_in_a_chart_that_leave_are_refused(render: Render, target: str) -> None:
    table: Table = {
        **chart(".Values"),
        "c/files/secret.txt": Link(f"../{target}" if target[0] == "." else target),
        "up": Link(".."),
    }
    with pytest.raises(RenderError, match="illegal filepath"):
        await render(table, "c", options())


async def test_links_in_a_chart_are_followed(render: Render) -> None:
    table: Table = {
        **chart('.Files.Get "files/a.txt"'),
        "c/files": Link("../shared"),
        "shared/a.txt": "hello",
    }
    result = await render(table, "c", options())
    assert result.manifests[0]["data"]["shown"] == "hello"
    assert result.reads == ReadSet(listings=frozenset({"c", "shared"}))


async def test_a_circle_of_links_ends(render: Render) -> None:
    table: Table = {**chart(".Values"), "c/loop": Link("."), "c/x": Link("loop")}
    with pytest.raises(RenderError, match=r"limit|illegal filepath"):
        await render(table, "c", options())


KINDS = {
    "c/Chart.yaml": CHART,
    "c/crds/crd.yaml": (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata: {name: crd}\n"
    ),
    "c/templates/NOTES.txt": "Thank you, {{ .Release.Name }}",
    "c/templates/_helpers.tpl": '{{ define "x" }}y{{ end }}',
    "c/templates/empty.yaml": "{{ if false }}a: b{{ end }}",
    "c/templates/deployment.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: run}\n",
    "c/templates/config.yaml": config_map("conf") + "---\n" + config_map("conf2"),
    "c/templates/hook.yaml": (
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: hook\n  annotations:\n"
        "    helm.sh/hook: pre-install\n    helm.sh/hook-weight: '5'\n"
    ),
    "c/templates/test.yaml": (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: test\n  annotations: {helm.sh/hook: test}\n"
    ),
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["crd", "conf", "conf2", "run", "hook", "test"]),
        ({"skip_crds": True}, ["conf", "conf2", "run", "hook", "test"]),
        ({"skip_tests": True}, ["crd", "conf", "conf2", "run", "hook"]),
    ],
)
async def test_crds_hooks_and_tests(
    render: Render, fields: dict[str, Any], expected: list[str]
) -> None:
    result = await render(KINDS, "c", options(**fields))
    crds = expected.count("crd")
    assert names(result)[:crds] == expected[:crds]
    assert sorted(names(result)) == sorted(expected)
    assert names(result).index("run") > names(result).index("conf2")
    assert names(result).index("hook") > names(result).index("run")
    hook = next(m for m in result.manifests if m["metadata"]["name"] == "hook")
    assert hook["metadata"]["annotations"] == {
        "helm.sh/hook": "pre-install",
        "helm.sh/hook-weight": "5",
    }


SCHEMA = (
    '{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties":'
    ' {"port": {"type": "integer"}, "token": {"type": "string", "pattern": "^a+$"}}}'
)


async def test_the_schema_is_checked_unless_skipped(render: Render) -> None:
    table = {**chart(".Values.port"), "c/values.schema.json": SCHEMA}
    with pytest.raises(RenderError, match="values don't meet the specifications") as caught:
        await render(table, "c", options(values="port: eighty\ntoken: hunter2\n"))
    assert "hunter2" not in str(caught.value)
    given = options(values="port: eighty", skip_schema_validation=True)
    assert await shown(render, table, given) == "eighty"


@pytest.mark.parametrize(
    "ref", ["http://127.0.0.1:1/x.json", "https://example.com/x.json", "file:///etc/passwd"]
)
async def test_a_schema_reads_nothing_from_outside(render: Render, ref: str) -> None:
    table = {**chart(".Values"), "c/values.schema.json": f'{{"$ref": "{ref}"}}'}
    with pytest.raises(RenderError) as caught:
        await render(table, "c", options())
    assert "root:" not in str(caught.value)


HAS = '.Capabilities.APIVersions.Has "{}"'


@pytest.mark.parametrize(
    ("expression", "value", "kube", "asked"),
    [
        (".Release.Name", "rel", False, frozenset()),
        (HAS.format("x/v1"), True, False, frozenset({"x/v1"})),
        (HAS.format("x/v1/Thing"), False, False, frozenset({"x/v1/Thing"})),
        (
            f"or ({HAS.format('no/v1')}) ({HAS.format('x/v1')})",
            True,
            False,
            frozenset({"no/v1", "x/v1"}),
        ),
        (".Capabilities.KubeVersion.Version", "v1.33.4", True, frozenset()),
        (".Capabilities.KubeVersion.GitVersion", "v1.33.4", True, frozenset()),
        (".Capabilities.KubeVersion.Minor", "33", True, frozenset()),
        ("print .Capabilities.KubeVersion", "v1.33.4", True, frozenset()),
        ('semverCompare ">=1.30-0" .Capabilities.KubeVersion.Version', True, True, frozenset()),
        ('has "x/v1" .Capabilities.APIVersions', True, False, None),
        ('.Capabilities.APIVersions | has "x/v1"', True, False, None),
        ("len (without .Capabilities.APIVersions) | lt 1", True, False, None),
        ('(index (list .Capabilities) 0).APIVersions.Has "x/v1"', True, False, frozenset({"x/v1"})),
        (
            '(tpl "{{ .Capabilities.APIVersions.Has `x/v1` }}" .)',
            "true",
            False,
            frozenset({"x/v1"}),
        ),
        ("(toJson .Capabilities | fromJson).KubeVersion.Version", "v1.33.4", True, None),
        (".Capabilities.HelmVersion.Version | hasPrefix `v4`", True, False, frozenset()),
    ],
)
async def test_reads_of_capabilities_are_noted(
    render: Render, expression: str, value: Any, kube: bool, asked: frozenset[str] | None
) -> None:
    given = options(kube_version="v1.33.4-gke.100", api_versions=("x/v1",))
    result = await render(chart(expression), "c", given)
    assert result.manifests[0]["data"]["shown"] == value
    assert (result.reads.kube_version, result.reads.api_versions) == (kube, asked)


@pytest.mark.parametrize(
    "body",
    [
        "{{ range .Capabilities.APIVersions }}{{ end }}",
        "{{ range $i, $v := .Capabilities.APIVersions }}{{ end }}",
        '{{ with .Capabilities }}{{ if .APIVersions.Has "x/v1" }}{{ end }}'
        "{{ range .APIVersions }}{{ end }}{{ end }}",
        '{{ $v := .Capabilities.APIVersions }}{{ if $v.Has "x/v1" }}{{ end }}'
        "{{ range $v }}{{ end }}",
        '{{ tpl (printf "{{ range .Capabilities.API%s }}{{ end }}" "Versions") . }}',
        "{{ $text := toYaml .Capabilities }}",
    ],
)
async def test_ranging_over_the_versions_reads_all(render: Render, body: str) -> None:
    table = {"c/Chart.yaml": CHART, "c/templates/a.yaml": f"# {body}\n{config_map('a')}"}
    result = await render(table, "c", options())
    assert result.reads.api_versions is None


async def test_a_subchart_is_watched_too(render: Render) -> None:
    table = {
        **chart(".Release.Name"),
        "c/charts/sub/Chart.yaml": CHART.replace("shop", "sub"),
        "c/charts/sub/templates/a.yaml": shows(HAS.format("x/v1")),
    }
    result = await render(table, "c", options(api_versions=("x/v1",)))
    assert result.reads.api_versions == frozenset({"x/v1"})


async def test_the_charts_kube_version_is_a_read(render: Render) -> None:
    table = {**chart(".Release.Name"), "c/Chart.yaml": CHART + "kubeVersion: '>=1.30.0-0'\n"}
    assert (await render(table, "c", options(kube_version="1.33"))).reads.kube_version
    with pytest.raises(RenderError, match=r"incompatible with Kubernetes v1\.29\.0"):
        await render(table, "c", options(kube_version="1.29"))


async def test_a_kube_version_that_is_none(render: Render) -> None:
    with pytest.raises(RenderError, match="could not parse kubernetes version nonsense"):
        await render(chart(".Values"), "c", options(kube_version="nonsense"))


def archive(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


DEPENDENT = (
    CHART + "dependencies:\n- {name: db, version: 1.0.0, repository: 'https://example.com'}\n"
)
DB = {
    "Chart.yaml": CHART.replace("shop", "db"),
    "templates/db.yaml": config_map("db"),
    "values.yaml": "a: b\n",
}


@pytest.mark.parametrize("packed", [False, True])
async def test_vendored_dependencies_render(render: Render, packed: bool) -> None:
    vendored: Table = (
        {"c/charts/db-1.0.0.tgz": archive({f"db/{name}": text for name, text in DB.items()})}
        if packed
        else {f"c/charts/db/{name}": text for name, text in DB.items()}
    )
    table: Table = {**chart(".Values.db.a"), "c/Chart.yaml": DEPENDENT, **vendored}
    result = await render(table, "c", options())
    assert sorted(names(result)) == ["db", "shown"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"c/templates/a.yaml": "a: b"}, "Chart.yaml file is missing"),
        ({"c/Chart.yaml": CHART + "type: library\n"}, "library charts are not installable"),
        (chart(".Values", templates__bad__yaml="{{ nope }}"), 'function "nope" not defined'),
        (chart('required "a colour is needed" .Values.colour'), "a colour is needed"),
        (chart('fail "not today"'), "not today"),
        (chart("env `HOME`"), 'function "env" not defined'),
        (
            {"c/Chart.yaml": CHART, "c/templates/a.yaml": "apiVersion: v1\nmetadata: {}\n"},
            "Object 'Kind' is missing",
        ),
        (
            {"c/Chart.yaml": CHART, "c/templates/a.yaml": "a: b\n\tc: d\n"},
            "YAML parse error on shop/templates/a.yaml",
        ),
    ],
)
async def test_what_helm_says_is_kept(render: Render, table: Table, message: str) -> None:
    with pytest.raises(RenderError, match=message):
        await render(table, "c", options())


@pytest.mark.parametrize("path", ["", ".", "./"])
async def test_the_root_may_be_a_chart(render: Render, path: str) -> None:
    table = {"Chart.yaml": CHART, "templates/a.yaml": shows(".Values.a"), "env/v.yaml": "a: 1"}
    result = await render(table, path, options(value_files=("env/v.yaml",)))
    assert by_name(result) == {"shown": 1}
    assert result.reads == ReadSet(listings=frozenset({""}))


async def test_helm_ignore(render: Render) -> None:
    table = {
        **chart(".Release.Name"),
        "c/.helmignore": "*.bak.yaml\nskip/\n",
        "c/templates/x.bak.yaml": "{{ broken",
        "c/templates/skip/y.yaml": "{{ broken",
    }
    assert names(await render(table, "c", options())) == ["shown"]


async def test_lookup_finds_nothing(render: Render) -> None:
    assert await shown(render, chart('lookup "v1" "Secret" "ns" "x"'), options()) == {}


async def test_host_names_are_not_resolved(render: Render) -> None:
    assert await shown(render, chart('getHostByName "localhost"'), options()) == ""


async def test_a_value_stays_out_of_errors(render: Render) -> None:
    given = options(values="password: 'hunter2 {{ nope }}'\n")
    with pytest.raises(RenderError) as caught:
        await render(chart("tpl .Values.password ."), "c", given)
    assert "cannot parse template" in str(caught.value)
    broken = options(values="password: hunter2\n\tx: hunter2")
    with pytest.raises(RenderError, match="failed to parse values") as second:
        await render(chart(".Values"), "c", broken)
    assert "hunter2" not in str(caught.value) + str(second.value)


async def test_lists_are_expanded(render: Render) -> None:
    item = "{apiVersion: v1, kind: ConfigMap, metadata: {name: one}}"
    text = f"apiVersion: v1\nkind: List\nitems:\n- {item}\n"
    result = await render({"c/Chart.yaml": CHART, "c/templates/l.yaml": text}, "c", options())
    assert names(result) == ["one"]


@pytest.mark.parametrize("name", ["Chart.yaml", "Chart.lock", "values.yaml"])
async def test_a_bomb_in_a_chart_is_refused(render: Render, name: str) -> None:
    table = {**chart("1"), f"c/{name}": CHART + BOMB}
    with pytest.raises(RenderLimitError, match="aliases"):
        await render(table, "c", options())
