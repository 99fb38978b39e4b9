"""`admin proj`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.proofs import proves
from tests.cli.world import World, project

POLICY = "p, proj:{0}:{1}, applications, sync, {0}/*, allow"


@proves("admin proj generate-spec", "--output")
def test_generate_spec(world: World) -> None:
    ran = world.run("admin", "proj", "generate-spec", "team", "-s", "https://a", core=False)
    assert ran.code == 0
    assert yaml.safe_load(ran.out) == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "team"},
        "spec": {"sourceRepos": ["https://a"]},
    }
    assert world.find("AppProject", "team") is None
    ran = world.run("admin", "proj", "generate-spec", "team", "-o", "json", core=False)
    assert ran.out.startswith('{\n  "apiVersion"')
    assert world.run("admin", "proj", "generate-spec", core=False).code == 1


@proves("admin proj generate-spec", "--file", "--inline")
def test_generate_spec_in_place(world: World, tmp_path: Path) -> None:
    file = tmp_path / "team.yaml"
    before = yaml.safe_dump(project("team", description="a"))
    file.write_text(before)
    line = ("admin", "proj", "generate-spec", "-f", str(file), "-i", "--description", "b")
    ran = world.run(*line, core=False)
    assert (ran.code, ran.out) == (0, "")
    after = yaml.safe_load(file.read_text())
    assert after["spec"]["description"] == "b"
    assert "namespace" not in after["metadata"]
    assert (tmp_path / "team.yaml.back").read_text() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["team.yaml", "team.yaml.back"]
    ran = world.run("admin", "proj", "generate-spec", "team", "-i", core=False)
    assert (ran.code, ran.fatal) == (1, "--inline needs a file by --file")


@proves("admin proj generate-allow-list", "--out")
def test_generate_allow_list(world: World, tmp_path: Path) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "r"},
        "rules": [
            {"apiGroups": [""], "resources": ["configmaps", "namespaces"], "verbs": ["create"]},
            {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["*"]},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
            {"nonResourceURLs": ["*"], "verbs": ["*"]},
        ],
    }
    file = tmp_path / "role.yaml"
    file.write_text(yaml.safe_dump(role))
    line = ("admin", "proj", "generate-allow-list", str(file), "team")
    made = yaml.safe_load(world.run(*line, core=False).out)
    assert made["metadata"] == {"name": "team"}
    assert made["spec"]["clusterResourceWhitelist"] == [{"group": "", "kind": "Namespace"}]
    kinds = made["spec"]["namespaceResourceWhitelist"]
    assert {"group": "", "kind": "ConfigMap"} in kinds
    assert {"group": "apps", "kind": "Deployment"} in kinds
    assert {"group": "", "kind": "Secret"} not in kinds
    out = tmp_path / "out.yaml"
    ran = world.run(*line, "-o", str(out), core=False)
    assert (ran.code, ran.out) == (0, "")
    assert yaml.safe_load(out.read_text()) == made


@pytest.fixture
def teams(world: World) -> World:
    for name in ("team-a", "team-b"):
        policy = POLICY.format(name, "deployer")
        world.seed(
            project(name, roles=[{"name": "deployer", "policies": [policy]}, {"name": "reader"}])
        )
    return world


def policies(world: World, name: str, role: int = 0) -> list[str]:
    found: Any = world.find("AppProject", name)
    return list(found["spec"]["roles"][role].get("policies") or ())


LINE = ("admin", "proj", "update-role-policy")
FLAGS = ("--resource", "applications", "--scope", "*", "--permission", "deny")


@proves("admin proj update-role-policy", "--role", "--scope", "--permission", "--dry-run")
def test_set_in_many_roles(teams: World) -> None:
    ran = teams.run(*LINE, "team-*", "set", "sync", "--role", "deploy*", *FLAGS, core=False)
    assert ran.code == 0
    assert "===== team-a ======\n" in ran.out
    assert "+  - p, proj:team-b:deployer, applications, sync, team-b/*, deny" in ran.out
    # Only shown.
    assert policies(teams, "team-a") == [POLICY.format("team-a", "deployer")]
    ran = teams.run(
        *LINE, "team-*", "set", "sync", "--role", "deploy*", *FLAGS, "--dry-run=false", core=False
    )
    assert ran.code == 0
    for name in ("team-a", "team-b"):
        denied = POLICY.format(name, "deployer").replace("allow", "deny")
        assert policies(teams, name) == [denied]
        assert policies(teams, name, 1) == []
    again = teams.run(*LINE, "team-*", "set", "sync", "--role", "deploy*", *FLAGS, core=False)
    assert again.out == ""


def test_remove_from_many_roles(teams: World) -> None:
    ran = teams.run(*LINE, "team-a", "remove", "sync", "--dry-run=false", core=False)
    assert ran.code == 0
    assert policies(teams, "team-a") == []
    assert policies(teams, "team-b") == [POLICY.format("team-b", "deployer")]
    ran = teams.run(
        *LINE, "*", "remove", "sync", "--permission", "deny", "--dry-run=false", core=False
    )
    assert policies(teams, "team-b") == [POLICY.format("team-b", "deployer")]


@proves("admin proj update-role-policy", "--resource")
def test_policies_of_one_resource_are_removed(teams: World) -> None:
    line = (*LINE, "team-a", "remove", "sync", "--dry-run=false")
    assert teams.run(*line, "--resource", "clusters", core=False).code == 0
    assert policies(teams, "team-a") == [POLICY.format("team-a", "deployer")]
    assert teams.run(*line, "--resource", "applications", core=False).code == 0
    assert policies(teams, "team-a") == []


def test_what_cannot_be_changed(teams: World) -> None:
    assert teams.run(*LINE, "*", "change", "sync", core=False).code == 1
    ran = teams.run(*LINE, "*", "set", "sync", "--resource", "applications", core=False)
    assert (ran.code, ran.fatal) == (1, "--scope is needed to set a policy")
