"""`admin app`: specs from flags, and what comparing all applications would say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.proofs import proves
from tests.cli.test_create import BASE, FILE
from tests.cli.test_diff import config_map, known
from tests.cli.world import COMMIT, World, app, guestbook


def run(world: World, *line: str) -> str:
    ran = world.run("admin", "app", *line, core=False)
    assert ran.code == 0, ran.err
    return ran.out


@proves("admin app generate-spec", "--set-finalizer", "--label", "--output")
def test_a_spec_from_flags(world: World) -> None:
    flags = ["--set-finalizer", "-l", "a=b", "--helm-set", "x=y"]
    manifest = yaml.safe_load(run(world, "generate-spec", "web", *BASE, *flags))
    assert list(manifest) == ["apiVersion", "kind", "metadata", "spec"]
    assert manifest["metadata"] == {
        "name": "web",
        "labels": {"a": "b"},
        "finalizers": ["resources-finalizer.argocd.argoproj.io"],
    }
    assert manifest["spec"]["source"]["helm"] == {"parameters": [{"name": "x", "value": "y"}]}
    assert json.loads(run(world, "generate-spec", "web", *BASE, *flags, "-o", "json")) == manifest
    assert world.find("Application", "web") is None


@proves("admin app generate-spec", "--inline")
def test_a_spec_is_written_back(world: World, tmp_path: Path) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(FILE.format(name="a"))
    assert run(world, "generate-spec", "-f", str(file), "--path", "guestbook", "-i") == ""
    assert yaml.safe_load(file.read_text())["spec"]["source"]["path"] == "guestbook"
    assert (tmp_path / "app.yaml.back").read_text() == FILE.format(name="a")


@proves("admin app generate-spec", "--file", "--validate")
def test_a_spec_is_read_as_it_is_read_later(world: World, tmp_path: Path) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(FILE.format(name="a").replace("namespace: demo", "namespace: 1"))
    ran = world.run("admin", "app", "generate-spec", "-f", str(file), core=False)
    assert ran.code == 20
    assert "spec.destination.namespace" in ran.fatal
    kept = yaml.safe_load(run(world, "generate-spec", "-f", str(file), "--validate=false"))
    assert kept["spec"]["destination"]["namespace"] == 1
    assert kept["spec"]["madeUp"] == 1


def results(world: World, path: Path, *flags: str) -> list[dict[str, Any]]:
    assert run(world, "get-reconcile-results", str(path), *flags) == ""
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text())["applications"]
    return found


@proves("admin app get-reconcile-results", "--l", "--o")
def test_results_of_the_statuses(world: World, tmp_path: Path) -> None:
    label = {"metadata": {"labels": {"a": "b"}}}
    world.seed(guestbook(), app("other", **label))
    found = results(world, tmp_path / "all")
    assert [one["name"] for one in found] == ["guestbook", "other"]
    status = guestbook()["status"]
    assert found[0]["health"] == "Healthy"
    assert found[0]["sync"]["revision"] == status["sync"]["revision"]
    assert found[0]["conditions"] == []
    path = tmp_path / "some"
    run(world, "get-reconcile-results", str(path), "--l", "a=b", "--o", "json")
    (only,) = json.loads(path.read_text())["applications"]
    assert only["name"] == "other"


@proves("admin app get-reconcile-results", "--refresh")
def test_results_of_comparing_now(world: World, tmp_path: Path) -> None:
    synced = known(("ConfigMap", "one"))
    broken = app("broken", spec={"source": {**app("a")["spec"]["source"], "path": "none"}})
    world.seed(synced, broken, config_map("one", live=True, a="1"))
    world.sources.manifests = [config_map("one", a="1")]
    good, bad = results(world, tmp_path / "one", "--refresh")
    assert good == {
        "name": "a",
        "health": "Healthy",
        "sync": {
            "status": "Synced",
            "revision": COMMIT,
            "comparedTo": {key: app("a")["spec"][key] for key in ("source", "destination")},
        },
        "conditions": [],
    }
    assert (bad["health"], bad["sync"]["status"]) == ("Unknown", "Unknown")
    assert bad["conditions"] == [
        {"type": "ComparisonError", "message": "none: app path does not exist"}
    ]
    world.sources.manifests = [config_map("one", a="2"), config_map("new")]
    changed, _ = results(world, tmp_path / "two", "--refresh")
    assert (changed["sync"]["status"], changed["health"]) == ("OutOfSync", "Healthy")
    # Nothing is stored of it.
    assert world.app("a")["status"] == synced["status"]


@proves("admin app get-reconcile-results", "--server-side-diff")
@pytest.mark.parametrize(("flags", "dry_runs"), [([], 0), (["--server-side-diff"], 1)])
def test_results_by_the_server(
    world: World, tmp_path: Path, flags: list[str], dry_runs: int
) -> None:
    world.seed(known(), config_map("one", live=True, a="1"))
    world.sources.manifests = [config_map("one", a="1")]
    calls: list[str] = []
    world.fail = lambda verb, key: calls.append(verb)
    results(world, tmp_path / "one", "--refresh", *flags)
    assert calls.count("patch") == dry_runs


def test_how_results_differ(world: World, tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    one, other = {"name": "a", "health": "Healthy"}, {"name": "b", "health": "Healthy"}
    before.write_text(yaml.safe_dump({"applications": [other, one]}))
    after.write_text(yaml.safe_dump({"applications": [{**one, "health": "Missing"}, other]}))
    assert run(world, "diff-reconcile-results", str(before), str(after)) == (
        "a\n1c1\n< health: Healthy\n---\n> health: Missing\nb\n"
    )
    after.write_text("applications: [1]\n")
    ran = world.run("admin", "app", "diff-reconcile-results", str(before), str(after), core=False)
    assert (ran.code, ran.fatal) == (20, f"{after}: holds no results")


def test_what_comes_later_is_refused_by_name(world: World, tmp_path: Path) -> None:
    line = ["admin", "app", "get-reconcile-results", str(tmp_path / "x"), "--repo-server", "me"]
    said = "Error: --repo-server is not supported by this version of Tiphys\n"
    assert world.run(*line, core=False).out == said
