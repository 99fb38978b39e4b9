"""`app get`: the header, the operation, the objects, and what is asked of the controller."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.cli.proofs import proves
from tests.cli.world import (
    World,
    app,
    asks_refresh,
    guestbook,
    project,
    settings,
    when,
    without_annotations,
)
from tests.fakes.kube import FakeCluster

URL = "http://localhost:18080"
HEADER = """\
Name:               argocd/guestbook
Project:            default
Server:             https://kubernetes.default.svc
Namespace:          demo
URL:                http://localhost:18080/applications/guestbook
Source:
- Repo:             http://127.0.0.1:9181/examples.git
  Target:{11 spaces}
  Path:             guestbook
SyncWindow:         Sync Allowed
Sync Policy:        Manual
Sync Status:        Synced to  (c89a47e)
Health Status:      Healthy
""".replace("{11 spaces}", " " * 11)
OPERATION = """\
Operation:          Sync
Sync Revision:      c89a47e1c17249845dbcdd61eefa832ff7c1d90a
Phase:              Succeeded
Start:              2026-11-23 10:03:33 +0000 UTC
Finished:           2026-11-23 10:03:33 +0000 UTC
Duration:           0s
Message:            successfully synced (all tasks run)
"""
RESOURCES = """\
GROUP  KIND        NAMESPACE  NAME              STATUS  HEALTH   HOOK  MESSAGE
       Secret      demo       guestbook-secret  Synced                 secret/guestbook-secret created
       Service     demo       guestbook-ui      Synced  Healthy        service/guestbook-ui created
apps   Deployment  demo       guestbook-ui      Synced  Healthy        deployment.apps/guestbook-ui created
"""  # noqa: E501 - as the contract prints it


@pytest.fixture
def seeded(world: World) -> World:
    return world.seed(guestbook(), settings(url=URL))


def test_an_application_that_nobody_looked_at(world: World) -> None:
    world.seed(app("guestbook"), settings(url=URL))
    ran = world.run("app", "get", "guestbook")
    assert ran.code == 0
    assert ran.out == HEADER.replace("Synced to  (c89a47e)", "").replace("Healthy", "")


def test_a_synced_application(seeded: World) -> None:
    assert seeded.run("app", "get", "guestbook").out == f"{HEADER}\n{RESOURCES}"


@proves("app get", "--show-operation")
def test_with_its_operation(seeded: World) -> None:
    ran = seeded.run("app", "get", "guestbook", "--show-operation")
    assert ran.out == f"{HEADER}\n{OPERATION}\n{RESOURCES}"


def test_hooks_show_their_phase_and_result(world: World) -> None:
    manifest = app(
        "hooks",
        spec={"syncPolicy": {"automated": {"prune": True, "selfHeal": True}}},
        status={
            "sync": {"status": "Synced", "revision": "c89a47e1c17249845dbcdd61eefa832ff7c1d90a"},
            "health": {"status": "Healthy"},
            "resources": [
                {"version": "v1", "kind": "ConfigMap", "namespace": "demo", "name": name,
                 "status": "Synced"}
                for name in ("first", "second")
            ],
            "operationState": {
                "operation": {},
                "phase": "Succeeded",
                "startedAt": "2026-11-23T10:03:33Z",
                "syncResult": {
                    "revision": "c89a47e1c17249845dbcdd61eefa832ff7c1d90a",
                    "resources": [
                        result("Job", "migrate", group="batch", hookType="PreSync",
                               hookPhase="Succeeded",
                               message="Reached expected number of succeeded pods"),
                        result("ConfigMap", "first", message="configmap/first created"),
                        result("ConfigMap", "second", message="configmap/second created"),
                    ],
                },
            },
        },
    )  # fmt: skip
    out = world.seed(manifest).run("app", "get", "hooks").out
    assert "Sync Policy:        Automated (Prune)\n" in out
    assert out.endswith("""
GROUP  KIND       NAMESPACE  NAME     STATUS     HEALTH  HOOK     MESSAGE
batch  Job        demo       migrate  Succeeded  Synced  PreSync  Reached expected number of succeeded pods
       ConfigMap  demo       first    Synced                      configmap/first created
       ConfigMap  demo       second   Synced                      configmap/second created
""")  # noqa: E501 - as the contract prints it


def result(kind: str, name: str, *, group: str = "", **parts: Any) -> dict[str, Any]:
    named = {"group": group, "version": "v1", "kind": kind, "namespace": "demo", "name": name}
    return {**named, "status": "Synced", **parts}


@proves("app get", "--show-params")
def test_helm_parameters(world: World) -> None:
    helm = {"parameters": [{"name": "image", "value": "registry.example.com/demo:v2"},
                           {"name": "long", "value": "x" * 81}]}  # fmt: skip
    manifest = app("helm", spec={
        "destination": {"name": "in-cluster", "namespace": "demo"},
        "source": {"repoURL": "r", "path": "helm", "helm": helm},
    }, status={
        "sync": {"status": "OutOfSync", "revision": "c89a47e1c17249845dbcdd61eefa832ff7c1d90a"},
        "health": {"status": "Missing"},
        "resources": [{"version": "v1", "kind": "ConfigMap", "namespace": "demo",
                       "name": "helm-cm", "status": "OutOfSync",
                       "health": {"status": "Missing"}}],
    })  # fmt: skip
    out = world.seed(manifest).run("app", "get", "helm", "--show-params").out
    assert "Server:             in-cluster\n" in out
    assert out.endswith(
        "Sync Status:        OutOfSync from  (c89a47e)\n"
        "Health Status:      Missing\n"
        "\n\n"
        "NAME   VALUE\n"
        "image  registry.example.com/demo:v2\n"
        f"long   {'x' * 77}...\n"
        "\n"
        "GROUP  KIND       NAMESPACE  NAME     STATUS     HEALTH   HOOK  MESSAGE\n"
        "       ConfigMap  demo       helm-cm  OutOfSync  Missing        \n"
    )


def test_conditions_stand_between_blank_lines(world: World) -> None:
    found = {
        "type": "InvalidSpecError",
        "message": "no such path",
        "lastTransitionTime": "2026-11-23T10:03:33Z",
    }
    out = world.seed(app("a", status={"conditions": [found]})).run("app", "get", "a").out
    assert out.endswith(
        "\nCONDITION         MESSAGE       LAST TRANSITION\n"
        "InvalidSpecError  no such path  2026-11-23 10:03:33 +0000 UTC\n\n"
    )


def test_a_commit_is_not_repeated(world: World) -> None:
    sha = "c89a47e1c17249845dbcdd61eefa832ff7c1d90a"
    source = {"repoURL": "r", "path": "p", "targetRevision": sha}
    status = {"sync": {"status": "Synced", "revision": sha}}
    out = world.seed(app("a", spec={"source": source}, status=status)).run("app", "get", "a").out
    assert f"Sync Status:        Synced to {sha}\n" in out


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ({"kind": "deny"}, "Sync Denied"),
        ({"kind": "deny", "manualSync": True}, "Manual Allowed"),
        ({"kind": "allow"}, "Sync Allowed"),
        ({"kind": "allow", "schedule": "0 0 1 1 *"}, "Sync Denied"),
        ({"kind": "allow", "schedule": "0 0 1 1 *", "manualSync": True}, "Manual Allowed"),
        ({"kind": "deny", "schedule": "0 0 1 1 *"}, "Sync Allowed"),
    ],
)
def test_windows(world: World, window: dict[str, Any], said: str) -> None:
    always = {"schedule": "* * * * *", "duration": "1h", "applications": ["a"], **window}
    elsewhere = {**always, "applications": ["other"]}
    world.seed(project("team", syncWindows=[always, elsewhere]), app("a", spec={"project": "team"}))
    out = world.run("app", "get", "a").out
    assert f"SyncWindow:         {said}\n" in out
    shown = f"{always['kind']}:{always['schedule']}:1h"
    assert f"Assigned Windows:   {shown}\nSync Policy:        Manual\n" in out
    ran = world.run("app", "sync", "a", "--async")
    refused = "rpc error: code = PermissionDenied desc = cannot sync: blocked by sync window"
    assert (ran.fatal if ran.code else "") == (refused if said == "Sync Denied" else "")


def test_windows_of_others_are_not_told(world: World) -> None:
    window = {"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["b"]}
    world.seed(project("team", syncWindows=[window]), app("a", spec={"project": "team"}))
    out = world.run("app", "get", "a").out
    assert "SyncWindow:         Sync Allowed\nSync Policy:" in out


@proves("app get", "--output")
def test_json_is_the_typed_form(seeded: World) -> None:
    ran = seeded.run("app", "get", "guestbook", "-o", "json")
    printed = json.loads(ran.out)
    assert list(printed) == ["metadata", "spec", "status"]
    assert printed["status"] == guestbook()["status"]
    assert ran.out == json.dumps(printed, indent=2) + "\n"


def test_yaml_has_sorted_keys_and_go_quotes(seeded: World) -> None:
    out = seeded.run("app", "get", "guestbook", "--output=yaml").out
    assert out.startswith('metadata:\n  creationTimestamp: "2026-11-23T10:03:31Z"\n')
    assert '      - group: ""\n        hookPhase: Running\n        kind: Secret\n' in out


def test_a_missing_one_is_answered_like_a_forbidden_one(world: World) -> None:
    for line in ("get nosuch", "sync nosuch", "delete nosuch --yes", "get elsewhere/guestbook"):
        ran = world.run("app", *line.split())
        assert (ran.code, ran.out) == (20, "")
        assert ran.fatal == "rpc error: code = PermissionDenied desc = permission denied"


def test_an_unknown_format_is_named(seeded: World) -> None:
    ran = seeded.run("app", "get", "guestbook", "-o", "xml")
    assert (ran.code, ran.fatal) == (20, "unknown output format: xml")


@proves("app get", "--refresh", "--hard-refresh")
@pytest.mark.parametrize(("flag", "kind"), [("--refresh", "normal"), ("--hard-refresh", "hard")])
def test_a_refresh_is_waited_for(seeded: World, flag: str, kind: str) -> None:
    asked: list[str] = []

    async def controller(cluster: FakeCluster) -> None:
        manifest = await when(cluster, "guestbook", asks_refresh)
        asked.append(manifest["metadata"]["annotations"]["argocd.argoproj.io/refresh"])
        status = {**manifest["status"], "health": {"status": "Degraded"}}
        cluster.change({**without_annotations(manifest), "status": status})

    seeded.controller = controller
    assert "Health Status:      Degraded\n" in seeded.run("app", "get", "guestbook", flag).out
    assert asked == [kind]


@proves("app get", "--timeout")
def test_a_refresh_that_takes_too_long_is_not_waited_for(seeded: World) -> None:
    async def controller(cluster: FakeCluster) -> None:
        await asyncio.sleep(60)

    seeded.controller = controller
    ran = seeded.run("app", "get", "guestbook", "--refresh", "--timeout", "1")
    assert (ran.code, ran.out) == (0, f"{HEADER}\n{RESOURCES}")


def test_the_wrong_number_of_names_shows_help(world: World) -> None:
    ran = world.run("app", "get")
    assert ran.code == 1
    assert ran.out.startswith("Usage: argocd app get APPNAME [flags]\n")


def test_a_tree_shows_what_is_live(seeded: World) -> None:
    seeded.seed(
        live("v1", "Secret", "guestbook-secret", "1"),
        live("v1", "Service", "guestbook-ui", "2"),
        live("apps/v1", "Deployment", "guestbook-ui", "3"),
        live("apps/v1", "ReplicaSet", "guestbook-ui-5c4869d9fd", "4", owner="3"),
        live("v1", "Pod", "guestbook-ui-5c4869d9fd-tjvfz", "5", owner="4"),
        live("v1", "Pod", "another", "6", owner="elsewhere"),
    )
    out = seeded.run("app", "get", "guestbook", "-o", "tree").out
    assert out.startswith(f"{HEADER}\nKIND/NAME")
    names = [line.split("  ")[0].rstrip() for line in out.split("\n\n")[1].splitlines()[:5]]
    assert names == ["KIND/NAME", "Secret/guestbook-secret", "Service/guestbook-ui",
                     "Deployment/guestbook-ui", "└─ReplicaSet/guestbook-ui-5c4869d9fd"]  # fmt: skip
    assert "\n  └─Pod/guestbook-ui-5c4869d9fd-tjvfz  " in out
    assert "another" not in out


def live(version: str, kind: str, name: str, uid: str, owner: str = "") -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": "demo", "uid": uid}
    if owner:
        metadata["ownerReferences"] = [
            {"uid": owner, "kind": "Any", "name": "any", "apiVersion": "v1"}
        ]
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


@proves("app get", "--source-position", "--source-name")
@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--source-position", "2"], 0, "b     2\n"),
        (["--source-name", "one"], 0, "a     1\n"),
        ([], 20, "Source position should be specified and must be greater than 0 for applications "
         "with multiple sources"),
        (["--source-position", "3"], 20, "Source position should be less than the number of "
         "sources in the application"),
        (["--source-name", "x"], 1, "Unknown source name 'x'"),
        (["--source-name", "one", "--source-position", "1"], 20,
         "Only one of source-position and source-name can be specified."),
    ],
)  # fmt: skip
def test_parameters_of_one_of_several_sources(
    world: World, flags: list[str], code: int, said: str
) -> None:
    sources = [
        {"repoURL": "r", "path": "p", **name, "helm": {"parameters": [{"name": p, "value": v}]}}
        for name, p, v in (({"name": "one"}, "a", "1"), ({}, "b", "2"))
    ]
    world.seed(app("a", spec={"sources": sources}))
    ran = world.run("app", "get", "a", "--show-params", *flags)
    assert ran.code == code
    assert said in (ran.fatal if code else ran.out)


def test_applications_of_other_namespaces(world: World) -> None:
    """They are seen where the settings say that they may be, by prefix and by flag."""
    team = app("a", metadata={"namespace": "team-one"})
    world.seed(app("a"), team, app("z", metadata={"namespace": "other"}))
    refused = "rpc error: code = PermissionDenied desc = permission denied"
    assert world.run("app", "get", "team-one/a").fatal == refused
    assert world.run("app", "list", "-o", "name").out == "argocd/a\n"
    params = settings(**{"application.namespaces": "team-*, nobody"})
    params["metadata"]["name"] = "argocd-cmd-params-cm"
    world.seed(params, project("default-too", sourceNamespaces=["team-*"]))
    for line in (["team-one/a"], ["a", "-N", "team-one"], ["team-one/a", "-N", "argocd"]):
        ran = world.run("app", "get", *line)
        assert ran.out.startswith("Name:               team-one/a\n"), ran.err
    assert world.run("app", "list", "-o", "name").out == "argocd/a\nteam-one/a\n"
    assert world.run("app", "list", "-o", "name", "-N", "team-one").out == "team-one/a\n"
    assert world.run("app", "get", "other/z").fatal == refused
    assert world.run("app", "list", "-N", "other").fatal == refused
    ran = world.run("app", "set", "team-one/a", "--project", "default-too", "--revision", "v1",
                    "--validate=false")  # fmt: skip
    assert ran.code == 0, ran.err
    ran = world.run("app", "sync", "team-one/a", "--async", "--revision", "main")
    assert ran.code == 0, ran.err
    assert "operation" in world.app("a", "team-one")
    assert "operation" not in world.app("a")
