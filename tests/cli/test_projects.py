"""`proj`: projects by the command line, as the recorded runs of the contract show it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.proofs import proves
from tests.cli.world import REPO, World, app, project
from tiphys.cli.ports import ClusterChoice, KubeAccess

HERE = "https://kubernetes.default.svc"


def spec(world: World, name: str = "team") -> dict[str, Any]:
    found = world.find("AppProject", name)
    assert found is not None
    return dict(found["spec"])


def quiet(world: World, *line: str) -> None:
    ran = world.run("proj", *line)
    assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.fixture
def team(world: World) -> World:
    quiet(world, "create", "team", "--description", "Team", "-d", f"{HERE},demo", "-s", REPO)
    return world


LIST = (
    "NAME     DESCRIPTION  DESTINATIONS                         "
    "SOURCES                             CLUSTER-RESOURCE-WHITELIST  "
    "NAMESPACE-RESOURCE-BLACKLIST  SIGNATURE-KEYS  ORPHANED-RESOURCES  "
    "DESTINATION-SERVICE-ACCOUNTS\n"
    "default               *,*                                  "
    "*                                   */*                         "
    "<none>                        <none>          disabled            <none>\n"
    "team     Team         https://kubernetes.default.svc,demo  "
    "http://127.0.0.1:9181/examples.git  <none>                      "
    "<none>                        <none>          disabled            <none>\n"
)
GET = """\
Name:                        team
Description:                 Team
Destinations:                https://kubernetes.default.svc,demo
Repositories:                http://127.0.0.1:9181/examples.git
Source Namespaces:           <none>
Scoped Repositories:         <none>
Allowed Cluster Resources:   <none>
Scoped Clusters:             <none>
Denied Namespaced Resources: <none>
Signature keys:              <none>
Orphaned Resources:          disabled
"""


@proves("proj list", "--output")
@proves("proj get", "--output")
@proves("proj create", "--description", "--dest", "--src")
def test_list_and_get(team: World) -> None:
    assert team.run("proj", "list").out == LIST
    assert team.run("proj", "list", "-o", "name").out == "default\nteam\n"
    assert [
        one["metadata"]["name"] for one in json.loads(team.run("proj", "list", "-o", "json").out)
    ] == [
        "default",
        "team",
    ]
    assert team.run("proj", "get", "team").out == GET
    shown = yaml.safe_load(team.run("proj", "get", "team", "-o", "yaml").out)
    assert shown["spec"] == {
        "description": "Team",
        "destinations": [{"namespace": "demo", "server": HERE}],
        "sourceRepos": [REPO],
    }
    assert "apiVersion" not in shown
    assert team.run("proj", "get", "team", "-o", "x").fatal == "unknown output format: x"


def test_the_way_to_the_cluster(world: World) -> None:
    flags = ("--cluster", "a", "--user", "b", "--token", "c", "--insecure-skip-tls-verify")
    assert world.run("proj", "list", "--kubeconfig", "k", *flags).code == 0
    assert world.choices[-1] == ClusterChoice(
        kubeconfig="k",
        access=KubeAccess(cluster="a", user="b", token="c", insecure_skip_tls_verify=True),
    )
    # Elsewhere `--server` is about an API server; for administrators it is the cluster's.
    line = ("admin", "proj", "update-role-policy", "*", "remove", "get", "--server", "x")
    assert world.run(*line, "--as", "me", "--as-group", "g", core=False).code == 0
    assert world.choices[-1].access == KubeAccess(server="x", act_as="me", act_as_group=("g",))


def test_get_of_much(world: World) -> None:
    world.seed(
        project(
            "much",
            sourceRepos=["a", "b"],
            orphanedResources={"warn": True, "ignore": [{"kind": "Secret"}]},
            signatureKeys=[{"keyID": "A" * 16}],
        )
    )
    shown = world.run("proj", "get", "much").out
    assert "Repositories:                a\n                             b\n" in shown
    assert "Allowed Cluster Resources:   */*\n" in shown
    assert f"Signature keys:              {'A' * 16}\n" in shown
    assert "Orphaned Resources:          enabled (warn=true, ignored 1)\n" in shown
    row = world.run("proj", "list").out.splitlines()[2]
    assert "2 repos" in row
    assert "1 key(s)" in row


def test_what_is_missing(world: World) -> None:
    ran = world.run("proj", "get", "absent")
    assert ran.code == 20
    assert ran.fatal.startswith("rpc error: code = NotFound desc = ")
    assert world.run("proj", "get").code == 1


@proves(
    "proj create",
    "--allow-cluster-resource",
    "--deny-cluster-resource",
    "--allow-namespaced-resource",
    "--deny-namespaced-resource",
    "--dest-service-accounts",
    "--orphaned-resources-warn",
    "--signature-keys",
    "--source-namespaces",
)
def test_create_with_every_flag(world: World) -> None:
    quiet(
        world,
        "create",
        "team",
        *("--allow-cluster-resource", "Namespace"),
        *("--allow-cluster-resource", "rbac/ClusterRole/team-*"),
        *("--deny-cluster-resource", "rbac/ClusterRole"),
        *("--allow-namespaced-resource", "apps/Deployment"),
        *("--deny-namespaced-resource", "Secret"),
        *("--dest-service-accounts", "*,demo,deployer"),
        "--orphaned-resources-warn",
        *("--signature-keys", "abcdefabcdefabcd,ABCDEFABCDEFABCE"),
        *("--source-namespaces", "a,b"),
    )
    assert spec(world) == {
        "clusterResourceWhitelist": [
            {"group": "", "kind": "Namespace"},
            {"group": "rbac", "kind": "ClusterRole", "name": "team-*"},
        ],
        "clusterResourceBlacklist": [{"group": "rbac", "kind": "ClusterRole"}],
        "namespaceResourceWhitelist": [{"group": "apps", "kind": "Deployment"}],
        "namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}],
        "destinationServiceAccounts": [
            {"server": "*", "namespace": "demo", "defaultServiceAccount": "deployer"}
        ],
        "orphanedResources": {"warn": True},
        "signatureKeys": [{"keyID": "ABCDEFABCDEFABCD"}, {"keyID": "ABCDEFABCDEFABCE"}],
        "sourceNamespaces": ["a", "b"],
    }


@pytest.mark.parametrize(
    ("flag", "value", "text"),
    [
        ("-d", "a", "Expected destination of the form: server,namespace. Received: a"),
        ("--dest-service-accounts", "a,b", "Received: a,b"),
        ("--allow-cluster-resource", "a/b/c/d", "[group/]Kind[/name]"),
        ("--deny-cluster-resource", "a/", "[group/]Kind[/name]"),
        ("--allow-namespaced-resource", "a/b/c", "[group/]Kind"),
        ("--signature-keys", "xyz", "is not the id of a GnuPG key"),
    ],
)
def test_flags_that_cannot_be_read(world: World, flag: str, value: str, text: str) -> None:
    ran = world.run("proj", "create", "team", flag, value)
    assert ran.code == 1
    assert text in ran.fatal
    assert world.find("AppProject", "team") is None


@proves("proj create", "--file")
def test_create_from_a_file(world: World, tmp_path: Path) -> None:
    file = tmp_path / "team.yaml"
    file.write_text(yaml.safe_dump(project("team", description="from a file")))
    quiet(world, "create", "-f", str(file), "-s", REPO)
    assert spec(world)["description"] == "from a file"
    assert spec(world)["sourceRepos"] == [REPO]
    ran = world.run("proj", "create", "other", "-f", str(file))
    assert ran.code == 1
    assert "does not match project spec metadata.name 'team'" in ran.fatal


@proves("proj create", "--upsert")
def test_create_again(team: World) -> None:
    ran = team.run("proj", "create", "team")
    assert ran.code == 20
    assert "existing project spec is different; use upsert flag to force update" in ran.fatal
    quiet(team, "create", "team", "--upsert")
    assert spec(team) == {}


@proves("proj set", "--orphaned-resources")
def test_set(team: World) -> None:
    quiet(team, "set", "team", "-s", "a", "-s", "b", "--orphaned-resources")
    assert spec(team)["sourceRepos"] == ["a", "b"]
    assert spec(team)["orphanedResources"] == {}
    assert spec(team)["description"] == "Team"
    quiet(team, "set", "team", "--orphaned-resources=false")
    assert "orphanedResources" not in spec(team)
    ran = team.run("proj", "set", "team")
    assert ran.code == 1
    assert "Please set at least one option to update" in ran.err


def test_edit(team: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/^description: .*/description: edited/' \"$1\"\n")
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    quiet(team, "edit", "team")
    assert spec(team)["description"] == "edited"
    ran = team.run("proj", "edit", "team")
    assert ran.code == 20
    assert ran.fatal == "edit cancelled, no valid changes were saved"


def test_delete(team: World) -> None:
    team.seed(app("web", spec={"project": "team"}))
    ran = team.run("proj", "delete", "team")
    assert ran.code == 20
    assert "project is referenced by 1 applications" in ran.fatal
    assert "name 'default' is reserved" in team.run("proj", "delete", "default").fatal


def test_delete_is_asked_for(team: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115
    ran = team.run("proj", "delete", "team", "--prompts-enabled")
    assert ran.out.startswith("Are you sure you want to delete team? [y/n]")
    assert (ran.code, ran.fatal) == (20, "EOF")
    quiet(team, "delete", "team")
    assert team.find("AppProject", "team") is None


def test_sources(team: World) -> None:
    quiet(team, "add-source", "team", "https://b")
    assert spec(team)["sourceRepos"] == [REPO, "https://b"]
    ran = team.run("proj", "add-source", "team", REPO)
    assert (ran.code, ran.out) == (0, f"Source repository '{REPO}' already allowed in project\n")
    quiet(team, "remove-source", "team", REPO)
    ran = team.run("proj", "remove-source", "team", REPO)
    assert (ran.code, ran.out) == (0, f"Source repository '{REPO}' does not exist in project\n")
    assert spec(team)["sourceRepos"] == ["https://b"]


def test_source_namespaces(team: World) -> None:
    quiet(team, "add-source-namespace", "team", "apps")
    ran = team.run("proj", "add-source-namespace", "team", "apps")
    assert (ran.code, ran.out) == (0, "Source namespace 'apps' already allowed in project\n")
    assert spec(team)["sourceNamespaces"] == ["apps"]
    quiet(team, "remove-source-namespace", "team", "apps")
    ran = team.run("proj", "remove-source-namespace", "team", "apps")
    assert (ran.code, ran.out) == (0, "Source namespace 'apps' does not exist in project\n")


def test_signature_keys(team: World) -> None:
    quiet(team, "add-signature-key", "team", "a" * 16)
    assert spec(team)["signatureKeys"] == [{"keyID": "A" * 16}]
    assert team.run("proj", "add-signature-key", "team", "A" * 16).code == 1
    quiet(team, "remove-signature-key", "team", "A" * 16)
    assert team.run("proj", "remove-signature-key", "team", "A" * 16).code == 1


@proves("proj add-destination", "--name")
def test_destinations(team: World) -> None:
    quiet(team, "add-destination", "team", "in-cluster", "apps", "--name")
    assert spec(team)["destinations"][1] == {"name": "in-cluster", "namespace": "apps"}
    ran = team.run("proj", "add-destination", "team", HERE, "demo")
    assert (ran.code, ran.fatal) == (1, "Specified destination is already defined in project")
    quiet(team, "remove-destination", "team", HERE, "demo")
    ran = team.run("proj", "remove-destination", "team", HERE, "demo")
    assert (ran.code, ran.fatal) == (1, "Specified destination does not exist in project")


@proves("proj add-destination-service-account", "--service-account-namespace")
def test_service_accounts(team: World) -> None:
    line = ("team", HERE, "demo", "deployer")
    quiet(team, "add-destination-service-account", *line, "--service-account-namespace", "ops")
    assert spec(team)["destinationServiceAccounts"] == [
        {"server": HERE, "namespace": "demo", "defaultServiceAccount": "ops:deployer"}
    ]
    assert team.run("proj", "add-destination-service-account", *line).code == 1
    assert team.run("proj", "remove-destination-service-account", *line).code == 1
    quiet(team, "remove-destination-service-account", "team", HERE, "demo", "ops:deployer")


@proves("proj add-orphaned-ignore", "--name")
@proves("proj remove-orphaned-ignore", "--name")
def test_orphans(team: World) -> None:
    quiet(team, "add-orphaned-ignore", "team", "", "Secret", "--name", "x*")
    assert spec(team)["orphanedResources"] == {
        "warn": False,
        "ignore": [{"kind": "Secret", "name": "x*"}],
    }
    ran = team.run("proj", "add-orphaned-ignore", "team", "", "Secret", "--name", "x*")
    assert (ran.code, ran.fatal) == (
        1,
        "Specified resource is already defined in the orphaned ignore list of project",
    )
    assert team.run("proj", "remove-orphaned-ignore", "team", "", "Secret").code == 1
    quiet(team, "remove-orphaned-ignore", "team", "", "Secret", "--name", "x*")


@proves("proj allow-cluster-resource", "--list")
@proves("proj deny-cluster-resource", "--list")
@proves("proj allow-namespace-resource", "--list")
@proves("proj deny-namespace-resource", "--list")
@pytest.mark.parametrize(
    ("line", "message", "field", "entries"),
    [
        (
            ("allow-cluster-resource", "team", "", "Namespace"),
            "Group '', kind 'Namespace', and name '' is added to allowed cluster resources",
            "clusterResourceWhitelist",
            [{"group": "", "kind": "Namespace"}],
        ),
        (
            ("allow-cluster-resource", "team", "", "Namespace", "a*"),
            "Group '', kind 'Namespace', and name 'a*' is added to allowed cluster resources",
            "clusterResourceWhitelist",
            [{"group": "", "kind": "Namespace", "name": "a*"}],
        ),
        (
            ("deny-cluster-resource", "team", "", "Namespace", "-l", "deny"),
            "Group '', kind 'Namespace', and name '' is added to denied cluster resources",
            "clusterResourceBlacklist",
            [{"group": "", "kind": "Namespace"}],
        ),
        (
            ("deny-namespace-resource", "team", "", "Secret"),
            "Group '' and kind 'Secret' is added to denied namespaced resources",
            "namespaceResourceBlacklist",
            [{"group": "", "kind": "Secret"}],
        ),
        (
            ("allow-namespace-resource", "team", "apps", "*", "-l", "allow"),
            "Group 'apps' and kind '*' is added to allowed namespaced resources",
            "namespaceResourceWhitelist",
            [{"group": "apps", "kind": "*"}],
        ),
    ],
)
def test_kinds(
    team: World, line: tuple[str, ...], message: str, field: str, entries: list[Any]
) -> None:
    ran = team.run("proj", *line)
    assert (ran.code, ran.out, ran.err) == (0, "", message + "\n")
    assert spec(team)[field] == entries
    # Again changes nothing, and the opposite takes it back.
    quiet(team, *line)
    verb, other = line[0].split("-", 1)
    opposite = {"allow": "deny", "deny": "allow"}[verb] + "-" + other
    chosen = "allow" if field.endswith("Whitelist") else "deny"
    words = [word for word in line[1:] if word not in ("-l", "allow", "deny")]
    ran = team.run("proj", opposite, *words, "-l", chosen)
    assert ran.err == message.replace("added to", "removed from") + "\n"
    assert not spec(team).get(field)
    assert team.run("proj", *line, "-l", "both").code == 1


ROLE = (
    "Role Name:     ci\n"
    "Description:   \n"
    "Policies:\n"
    "p, proj:team:ci, projects, get, team, allow\n"
    "p, proj:team:ci, applications, sync, team/*, allow\n"
    "Groups:\n"
    "<none>\n"
    "JWT Tokens:\n"
    "ID  ISSUED-AT  EXPIRES-AT\n"
)


@proves("proj role add-policy", "--action", "--object")
@proves("proj role remove-policy", "--action", "--object")
@proves("proj role list", "--output")
def test_roles(team: World) -> None:
    assert team.run("proj", "role", "create", "team", "ci").out == "Role 'ci' created\n"
    assert team.run("proj", "role", "create", "team", "ci").out == "Role 'ci' already exists\n"
    line = ("team", "ci", "-a", "sync", "-p", "allow", "-o", "*")
    quiet(team, "role", "add-policy", *line)
    assert team.run("proj", "role", "get", "team", "ci").out == ROLE
    assert team.run("proj", "role", "list", "team").out == "ROLE-NAME  DESCRIPTION\nci         \n"
    assert team.run("proj", "role", "list", "team", "-o", "name").out == "ci\n"
    ran = team.run("proj", "role", "add-policy", *line)
    assert ran.code == 20
    assert "code = AlreadyExists" in ran.fatal
    quiet(team, "role", "remove-policy", *line)
    quiet(team, "role", "remove-policy", *line)
    assert spec(team)["roles"] == [{"name": "ci"}]
    assert team.run("proj", "role", "delete", "team", "ci").out == "Role 'ci' deleted\n"
    ran = team.run("proj", "role", "delete", "team", "ci")
    assert ran.out == "Role 'ci' does not exist in project\n"
    assert (
        "role 'ci' does not exist in project 'team'"
        in team.run("proj", "role", "get", "team", "ci").fatal
    )


def test_policies_that_cannot_be(team: World) -> None:
    team.run("proj", "role", "create", "team", "ci")
    line = ("proj", "role", "add-policy", "team", "ci", "-o", "*")
    assert team.run(*line).code == 1
    assert team.run(*line, "-a", "get", "-r", "accounts").code == 1
    ran = team.run(*line, "-a", "get", "-p", "maybe")
    assert ran.code == 20
    assert "effect must be" in ran.fatal


def test_groups(team: World) -> None:
    team.run("proj", "role", "create", "team", "ci")
    line = ("team", "ci", "org:devs")
    ran = team.run("proj", "role", "add-group", *line)
    assert ran.out == "Group 'org:devs' added to role 'ci'\n"
    assert "Groups:\n  - org:devs\n" in team.run("proj", "role", "get", "team", "ci").out
    assert "already present" in team.run("proj", "role", "add-group", *line).out
    assert "removed from role 'ci'" in team.run("proj", "role", "remove-group", *line).out
    assert "not present" in team.run("proj", "role", "remove-group", *line).out


@proves("proj role create-token", "--token-only", "--id", "--expires-in")
@proves("proj role list-tokens", "--unixtime")
def test_tokens(team: World) -> None:
    team.run("proj", "role", "create", "team", "ci")
    assert team.run("proj", "role", "list-tokens", "team", "ci").out == "No tokens for team.ci\n"
    shown = team.run("proj", "role", "create-token", "team", "ci").out.splitlines()
    assert shown[:4] == [
        "Create token succeeded for proj:team:ci.",
        "  ID: 4cc40ea6-9e49-4bd6-ab61-5b4bd3aac4e3",
        "  Issued At: 2026-11-23T10:03:33Z",
        "  Expires At: Never",
    ]
    assert shown[4].startswith("  Token: eyJ")
    ran = team.run("proj", "role", "create-token", "team", "ci", "-t", "-i", "mine", "-e", "1d")
    assert ran.out.count(".") == 2
    assert team.run("proj", "role", "list-tokens", "team", "ci").out.splitlines() == [
        "ID                                      ISSUED AT               EXPIRES AT              ",
        "mine                                    2026-11-23T10:03:33Z    2026-11-24T10:03:33Z    ",
        "4cc40ea6-9e49-4bd6-ab61-5b4bd3aac4e3    2026-11-23T10:03:33Z    Never                   ",
    ]
    unix = team.run("proj", "role", "list-tokens", "team", "ci", "-u").out
    assert "mine                                    1795428213    1795514613" in unix
    quiet(team, "role", "delete-token", "team", "ci", "1795428213")
    quiet(team, "role", "delete-token", "team", "ci", "1795428213")
    assert team.run("proj", "role", "list-tokens", "team", "ci").out == "No tokens for team.ci\n"
    assert team.run("proj", "role", "delete-token", "team", "ci", "x").code == 1
    assert team.run("proj", "role", "create-token", "team", "ci", "-e", "x").code == 1
    ran = team.run("proj", "role", "create-token", "team", "cd")
    assert "project 'team' does not have role 'cd'" in ran.fatal


WINDOWS = (
    "ID  STATUS    KIND   SCHEDULE    DURATION  APPLICATIONS  NAMESPACES  CLUSTERS  MANUALSYNC  "
    "SYNCOVERRUN  TIMEZONE  USEANDOPERATOR  \n"
    "0   Inactive  allow  0 22 30 2 *  1h        *             -           -         Disabled    "
    "Disabled     UTC       Disabled        \n"
)


@proves("proj windows add", "--kind", "--schedule", "--duration", "--applications")
@proves("proj windows update", "--schedule", "--clusters")
@proves("proj windows list", "--output")
def test_windows(team: World) -> None:
    quiet(
        team,
        *("windows", "add", "team", "--kind", "allow", "--schedule", "0 22 30 2 *"),
        *("--duration", "1h", "--applications", "*"),
    )
    shown = team.run("proj", "windows", "list", "team").out
    assert shown == WINDOWS.replace("SCHEDULE    ", "SCHEDULE     ")
    quiet(team, "windows", "update", "team", "0", "--schedule", "* * * * *", "--clusters", "a,b")
    for verb in ("enable-manual-sync", "enable-sync-overrun"):
        quiet(team, "windows", verb, "team", "0")
    row = team.run("proj", "windows", "list", "team").out.splitlines()[1]
    assert "Active" in row
    assert "a,b" in row
    assert row.count("Enabled") == 2
    for verb in ("disable-manual-sync", "disable-sync-overrun"):
        quiet(team, "windows", verb, "team", "0")
    assert json.loads(team.run("proj", "windows", "list", "team", "-o", "json").out) == [
        {
            "kind": "allow",
            "schedule": "* * * * *",
            "duration": "1h",
            "applications": ["*"],
            "clusters": ["a", "b"],
            "timeZone": "UTC",
        }
    ]
    ran = team.run("proj", "windows", "delete", "team", "1")
    assert (ran.code, ran.fatal) == (20, "window with id '1' not found")
    assert team.run("proj", "windows", "enable-manual-sync", "team", "x").code == 1
    quiet(team, "windows", "delete", "team", "0")
    assert "syncWindows" not in spec(team)


def test_a_window_that_cannot_be(team: World) -> None:
    ran = team.run("proj", "windows", "add", "team", "-k", "deny", "--schedule", "x")
    assert ran.code == 20
    assert "cannot parse schedule 'x'" in ran.fatal


POLICY = "ID  GPG-MODE  GPG-KEYS  REPO-URLS\n"


@proves("proj source-integrity git policies add", "--gpg-mode", "--gpg-key", "--repo-url")
@proves(
    "proj source-integrity git policies update", "--gpg-mode", "--delete-gpg-key", "--add-repo-url"
)
@proves("proj source-integrity git policies delete", "--yes")
def test_integrity(team: World, monkeypatch: pytest.MonkeyPatch) -> None:
    line = ("proj", "source-integrity", "git", "policies")
    ran = team.run(*line, "list", "team")
    said = 'Error: no source integrity git policies defined for project "team"\n'
    assert (ran.code, ran.out) == (1, said)
    ran = team.run(
        *line, "add", "team", "--gpg-mode", "head", "--gpg-key", "A", "--repo-url", "x,y"
    )
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == POLICY + "0   head      A         x,y\n"
    assert team.run(*line, "list", "team").out == ran.err
    ran = team.run(
        *line,
        *("update", "team", "0", "--delete-gpg-key", "A", "--add-repo-url", "z", "-y"),
        *("--gpg-mode", "strict"),
    )
    assert "0   strict              x,y,z\n" in ran.err
    assert "Warning: policy 0 lists no key" in ran.err
    for wrong in (
        ("add", "team", "--gpg-mode", "x", "--repo-url", "y"),
        ("add", "team", "--gpg-mode", "head"),
        ("update", "team", "3", "--gpg-mode", "none"),
        ("update", "team", "0", "--delete-repo-url", "q", "-y"),
        ("delete", "team", "x", "-y"),
    ):
        ran = team.run(*line, *wrong)
        assert ran.code == 1
        assert ran.out.startswith("Error: ")
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115
    ran = team.run(*line, "delete", "team", "0")
    assert ran.code == 1
    assert ran.out == (
        'Are you sure you want to delete policies 0 from project "team"? [y/N] '
        "Error: Aborted by user.\n"
    )
    quiet(team, "source-integrity", "git", "policies", "delete", "team", "0", "-y")
    assert "sourceIntegrity" not in spec(team)
