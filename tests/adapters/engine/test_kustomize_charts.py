"""Charts that a kustomization inflates: rendered by the library, with all that Kustomize says of
their values.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.adapters.engine.conftest import Mounted, Render
from tests.adapters.engine.test_kustomize_outside import (
    BUILD,
    DB,
    HELM,
    chart,
    file,
    names,
    needed,
)
from tests.adapters.engine.trees import Table, config_map
from tiphys.model.errors import RenderError
from tiphys.model.render import Remote

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
