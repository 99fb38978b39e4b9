"""`render`: what a source would give, without a cluster."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.proofs import proves
from tests.e2e.manifests import config_map
from tests.e2e.repo import Repo
from tests.e2e.stack import BIN, Ran, Stack
from tests.fixtures.chartserver import ChartServer

TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  color: {{ .Values.color | quote }}
  namespace: {{ .Release.Namespace }}
  version: {{ .Capabilities.KubeVersion.Version }}
"""


@pytest.fixture(scope="module")
def repo(stack: Stack) -> Repo:
    repo = stack.repo("render.git")
    repo.write("plain/cm.yaml", config_map("one", a="1"))
    repo.write("base/cm.yaml", config_map("base", a="1"))
    repo.write("base/kustomization.yaml", "resources: [cm.yaml]\n")
    repo.write("overlay/kustomization.yaml", "resources: [../base]\nnamePrefix: my-\n")
    repo.write("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")
    repo.write("chart/values.yaml", "color: none\n")
    repo.write("chart/templates/cm.yaml", TEMPLATE)
    repo.write("envs/prod.yaml", "color: blue\n")
    repo.commit()
    return repo


def run(*line: str, stdin: str = "") -> Ran:
    """Without a kubeconfig: no cluster can be asked."""
    hidden = ("KUBECONFIG", "HOME")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [BIN / "tiphys", "render", *line],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        input=stdin,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def rendered(*line: str, stdin: str = "") -> list[dict[str, Any]]:
    ran = run(*line, stdin=stdin)
    assert (ran.code, ran.err) == (0, "")
    return list(yaml.safe_load_all(ran.out))


def names(manifests: list[dict[str, Any]]) -> list[str]:
    return [one["metadata"]["name"] for one in manifests]


def test_a_folder(repo: Repo) -> None:
    assert names(rendered(str(repo.folder / "plain"))) == ["one"]


def test_a_base_beside_the_folder_is_in_the_same_checkout(repo: Repo) -> None:
    assert names(rendered(str(repo.folder / "overlay"))) == ["my-base"]


@proves("render", "--name", "--namespace", "--kube-version")
def test_flags_are_those_of_sources(repo: Repo) -> None:
    (found,) = rendered(
        str(repo.folder / "chart"), "--name", "blog", "--namespace", "there",
        "--helm-set", "color=red", "--kube-version", "v1.29.3",
    )  # fmt: skip
    assert found["metadata"]["name"] == "blog"
    assert found["data"] == {"color": "red", "namespace": "there", "version": "v1.29.3"}


def test_a_revision_of_a_repository(repo: Repo) -> None:
    before = repo.git("rev-parse", "HEAD")
    repo.write("plain/cm.yaml", config_map("two", a="1"))
    repo.commit()
    assert names(rendered("--repo", repo.url, "--path", "plain")) == ["two"]
    asked = ("--repo", repo.url, "--path", "plain", "--revision", before[:10])
    assert names(rendered(*asked)) == ["one"]
    (told,) = yaml.safe_load(run(*asked, "--reads").out)["sources"]
    assert told["revision"] == before


@proves("render", "--reads")
def test_what_was_read(repo: Repo) -> None:
    (told,) = yaml.safe_load(run(str(repo.folder / "chart"), "--reads").out)["sources"]
    assert told["tool"] == "Helm"
    assert told["kubeVersion"] is True


def application(repo: Repo, *sources: dict[str, Any]) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "blog"},
            "spec": {
                "project": "default",
                "destination": {"namespace": "there"},
                "sources": [{"repoURL": repo.url, **source} for source in sources],
            },
        }
    )


CHART = {"path": "chart", "helm": {"valueFiles": ["$env/envs/prod.yaml"]}}
ENV = {"ref": "env"}


@proves("render", "--file")
def test_an_application_of_several_sources(repo: Repo) -> None:
    text = application(repo, CHART, ENV, {"path": "base"})
    found = rendered("-f", "-", stdin=text)
    assert names(found) == ["blog", "base"]
    assert found[0]["data"]["color"] == "blue"


def test_a_checkout_in_place_of_its_repository(repo: Repo) -> None:
    text = application(repo, CHART, ENV)
    repo.write("envs/prod.yaml", "color: not committed yet\n")
    try:
        (found,) = rendered("-f", "-", str(repo.folder), stdin=text)
    finally:
        repo.git("checkout", "--quiet", "envs/prod.yaml")
    assert found["data"]["color"] == "not committed yet"


@proves("render", "--output-dir")
def test_files_are_named_after_what_is_in_them(repo: Repo, tmp_path: Path) -> None:
    evil = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "../../etc/x"}}
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.yaml").write_text(yaml.safe_dump(evil))
    out = tmp_path / "out"
    assert run(str(tmp_path / "in"), "--output-dir", str(out)).out == ""
    assert run(str(repo.folder / "base"), "--output-dir", str(out)).code == 0
    assert sorted(file.name for file in out.iterdir()) == [
        "001-configmap-base.yaml",
        "001-configmap-etc-x.yaml",
    ]
    assert yaml.safe_load((out / "001-configmap-base.yaml").read_text())["data"] == {"a": "1"}


@proves("render", "--api-versions")
def test_a_chart_asks_what_the_cluster_has(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 1.0.0\n")
    text = TEMPLATE.replace(".Values.color", '(.Capabilities.APIVersions.Has "example.com/v7")')
    (tmp_path / "templates" / "cm.yaml").write_text(text)
    (without,) = rendered(str(tmp_path))
    (found,) = rendered(str(tmp_path), "--api-versions", "v1", "--api-versions", "example.com/v7")
    assert (without["data"]["color"], found["data"]["color"]) == ("false", "true")


@proves("render", "--local-repo-root")
def test_a_base_beside_a_folder_needs_a_root(repo: Repo, tmp_path: Path) -> None:
    for name in ("base", "overlay"):
        shutil.copytree(repo.folder / name, tmp_path / name)
    overlay = str(tmp_path / "overlay")
    assert run(overlay).code == 20
    assert names(rendered(overlay, "--local-repo-root", str(tmp_path))) == ["my-base"]


@proves("render", "--chart")
async def test_a_chart_of_a_repository() -> None:
    charts = ChartServer()
    await charts.start()
    try:
        charts.publish("web", "1.2.0")
        line = ("--repo", charts.url, "--chart", "web", "--revision", "1.x")
        (found,) = await asyncio.to_thread(rendered, *line)
    finally:
        await charts.stop()
    assert found["data"]["version"] == "1.2.0"


def test_what_never_gives_the_same_twice_is_told(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 1.0.0\n")
    text = TEMPLATE.replace(".Values.color", "randAlphaNum 8")
    (tmp_path / "templates" / "cm.yaml").write_text(text)
    ran = run(str(tmp_path))
    assert ran.code == 0
    assert ran.err.startswith("Warning: ")
    assert "randAlphaNum" in ran.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("/nowhere",), "/nowhere: is not a folder"),
        (("--repo", "{url}", "--path", "gone"), "gone: app path does not exist"),
        (("--repo", "{url}", "--path", "plain", "--revision", "v9"),
         "unable to resolve 'v9' to a commit SHA"),
        (("-f", "{app}", "--helm-set", "a=b"),
         "application blog has several sources: flags cannot change them"),
    ],
)  # fmt: skip
def test_what_is_wrong(repo: Repo, tmp_path: Path, line: tuple[str, ...], said: str) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(application(repo, CHART, ENV))
    ran = run(*(word.format(url=repo.url, app=file) for word in line))
    assert ran.code == 20
    assert said in ran.err


@pytest.mark.parametrize("line", [(), ("a", "b"), ("a", "--repo", "b"), ("-f", "a", "--repo", "b")])
def test_one_source_is_named(line: tuple[str, ...]) -> None:
    ran = run(*line)
    assert ran.code == 1
    assert ran.out.startswith("Usage: tiphys render ")
