"""`app resources`, `get-resource`, `patch-resource` and `delete-resource`: one live object."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.cli.proofs import proves
from tests.cli.test_diff import config_map, known, secret
from tests.cli.world import World, app, project, settings
from tests.fakes.kube import FakeCluster
from tiphys.model.live import Propagation


def owned(kind: str, name: str, owner: dict[str, Any], **parts: Any) -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": owner["kind"], "name": owner["metadata"]["name"],
                 "uid": owner["metadata"]["uid"]}  # fmt: skip
    meta = {
        "name": name, "namespace": "demo", "uid": f"uid-of-{name}", "ownerReferences": [reference],
        "creationTimestamp": "2026-11-23T10:03:33Z",
    }  # fmt: skip
    version = "v1" if kind == "Pod" else "apps/v1"
    return {"apiVersion": version, "kind": kind, "metadata": meta, **parts}


def deployment() -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": "demo",
            "uid": "uid-of-web",
            "managedFields": [{"manager": "x"}],
        },
        "spec": {"replicas": 1, "paused": False, "names": ["a", {"b": None}]},
    }


def web() -> list[dict[str, Any]]:
    """A Deployment with all that hangs on it, and a Secret."""
    top = deployment()
    replicas = owned("ReplicaSet", "web-1", top)
    pod = owned("Pod", "web-1-x", replicas, status={"phase": "Running"})
    application = known(("Secret", "token"))
    resource = {
        "group": "apps", "version": "v1", "kind": "Deployment", "namespace": "demo", "name": "web",
    }  # fmt: skip
    application["status"]["resources"].append(resource)
    return [application, top, replicas, pod, secret("hush", live=True)]


TREE = """\
GROUP   KIND        NAMESPACE  NAME     ORPHANED
        Secret      demo       token    No
apps    Deployment  demo       web      No
└─apps  ReplicaSet  demo       web-1    No
  └─    Pod         demo       web-1-x  No
"""


@proves("app resources", "--output")
def test_resources(world: World) -> None:
    world.seed(*web())
    assert world.run("app", "resources", "a").out == (
        "GROUP  KIND        NAMESPACE  NAME   ORPHANED\n"
        "       Secret      demo       token  No\n"
        "apps   Deployment  demo       web    No\n"
    )
    assert world.run("app", "resources", "a", "--output", "tree").out == TREE
    header, *rows = world.run("app", "resources", "a", "--output", "tree=detailed").out.split("\n")
    assert header.split()[-4:] == ["ORPHANED", "AGE", "HEALTH", "REASON"]
    assert "Healthy" in rows[3] or "Progressing" in rows[3]
    assert world.run("app", "resources", "a", "--output", "x").fatal == "unknown output format: x"


@proves("app resources", "--orphaned")
def test_orphans(world: World) -> None:
    """They are looked for where the project asks, and what others have is none."""
    other = known(("ConfigMap", "theirs"), spec={"project": "watching"})
    other["metadata"]["name"] = "b"
    mine = known(("ConfigMap", "mine"), spec={"project": "watching"})
    names = ("mine", "theirs", "lonely", "expected", "kube-root-ca.crt")
    ignore = [{"kind": "ConfigMap", "name": "expect*"}]
    world.seed(
        project("watching", orphanedResources={"ignore": ignore}),
        mine,
        other,
        *(config_map(name, live=True) for name in names),
    )
    rows = world.run("app", "resources", "a").out.splitlines()[1:]
    assert [row.split()[-2:] for row in rows] == [["mine", "No"], ["lonely", "Yes"]]
    only = world.run("app", "resources", "a", "--orphaned").out.splitlines()[1:]
    assert only == rows[1:]
    rest = world.run("app", "resources", "a", "--orphaned=false").out.splitlines()[1:]
    assert [row.split()[-2] for row in rest] == ["mine"]
    world.seed(app("c"))
    assert len(world.run("app", "resources", "c").out.splitlines()) == 1


def test_a_live_object(world: World) -> None:
    ran = world.seed(*web()).run(
        "app", "get-resource", "a", "--kind", "Deployment", "--resource-name", "web"
    )
    assert ran.out == (
        "FIELD                       VALUE\n"
        "apiVersion                  apps/v1\n"
        "kind                        Deployment\n"
        "metadata.name               web\n"
        "metadata.namespace          demo\n"
        "metadata.uid                uid-of-web\n"
        "metadata.creationTimestamp  2026-01-01T00:00:00Z\n"
        "metadata.resourceVersion    503\n"
        "spec.replicas               1\n"
        "spec.paused                 false\n"
        "spec.names[0]               a\n"
        "spec.names[1].b             <nil>\n"
    )
    assert json.loads(ran.err)["msg"] == "Resources 'web' fetched"
    assert json.loads(ran.err)["level"] == "info"


def get(world: World, *flags: str) -> str:
    ran = world.run("app", "get-resource", "a", *flags)
    assert ran.code == 0, ran.err
    return ran.out


@proves(
    "app get-resource",
    "--filter-fields",
    "--output",
    "--show-managed-fields",
    "--kind",
    "--group",
    "--resource-name",
)
def test_how_a_live_object_is_shown(world: World) -> None:
    world.seed(*web())
    deployment = ["--kind", "Deployment"]
    assert get(world, *deployment, "--filter-fields", "spec.replicas,kind,no.such") == (
        "FIELD          RESOURCE NAME  VALUE\n"
        "spec.replicas  web            1\n"
        "kind           web            Deployment\n"
    )
    shown = get(world, *deployment, "-o", "json")
    assert shown.startswith('{\n "apiVersion": "apps/v1",\n')
    assert "managedFields" not in json.loads(shown)["metadata"]
    managed = get(world, *deployment, "-o", "yaml", "--show-managed-fields")
    assert yaml.safe_load(managed)["metadata"]["managedFields"] == [{"manager": "x"}]
    assert get(world, "--kind", "Pod", "--filter-fields", "kind").endswith(
        "kind   web-1-x        Pod\n"
    )
    filtered = get(world, *deployment, "--filter-fields", "spec.replicas,kind", "-o", "json")
    assert filtered == (
        '{\n "kind": "Deployment",\n "metadata": {\n  "name": "web"\n },\n'
        ' "spec": {\n  "replicas": 1\n }\n}\n'
    )
    for flags in (["Service"], ["Deployment", "--group", ""], ["Pod", "--resource-name", "x"]):
        assert get(world, "--kind", *flags).startswith("FIELD  ")
        assert get(world, "--kind", *flags, "-o", "yaml") == ""
    secret = get(world, "--kind", "Secret", "-o", "yaml")
    assert yaml.safe_load(secret)["data"] == {"password": "++++++++"}


@proves("app get-resource", "--project")
@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--kind", "Pod", "-o", "x"], 20, "unknown output format: x"),
        (["--kind", "Pod", "--project", "x"], 20,
         'rpc error: code = NotFound desc = applications.argoproj.io "a" not found'),
    ],
)  # fmt: skip
def test_a_live_object_that_is_not_there(
    world: World, flags: list[str], code: int, message: str
) -> None:
    ran = world.seed(*web()).run("app", "get-resource", "a", *flags)
    assert (ran.code, ran.fatal) == (code, message)


@pytest.mark.parametrize(
    ("command", "flags", "missing"),
    [
        ("get-resource", [], '"kind"'),
        ("patch-resource", [], '"kind", "patch"'),
        ("patch-resource", ["--kind", "Pod"], '"patch"'),
        ("delete-resource", [], '"kind"'),
    ],
)
def test_required_flags(world: World, command: str, flags: list[str], missing: str) -> None:
    ran = world.run("app", command, "a", *flags)
    assert (ran.code, ran.out) == (1, f"Error: required flag(s) {missing} not set\n")


@proves("app patch-resource", "--patch", "--patch-type")
def test_patch_a_live_object(world: World) -> None:
    world.seed(*web())
    line = ["app", "patch-resource", "a", "--kind", "Deployment"]
    ran = world.run(*line, "--patch", '{"spec":{"replicas":3}}')
    assert (ran.code, ran.out) == (0, "")
    assert json.loads(ran.err)["msg"] == "Resource 'web' patched"
    found = world.find("Deployment", "web")
    assert found is not None
    assert found["spec"]["replicas"] == 3
    patch = '[{"op":"replace","path":"/spec/replicas","value":4}]'
    world.run(*line, "--patch", patch, "--patch-type", "application/json-patch+json")
    found = world.find("Deployment", "web")
    assert found is not None
    assert found["spec"]["replicas"] == 4
    refused = world.run(*line, "--patch", "{}", "--patch-type", "text/plain")
    assert refused.fatal == (
        "rpc error: code = InvalidArgument desc = Patch type 'text/plain' is not supported"
    )


def test_a_secrets_patch_that_fails_says_nothing_of_it(world: World) -> None:
    world.seed(*web())
    ran = world.run(
        "app", "patch-resource", "a", "--kind", "Secret", "--patch-type",
        "application/json-patch+json",
        "--patch", '[{"op":"test","path":"/data/password","value":"s3cret"}]',
    )  # fmt: skip
    assert ran.fatal == "rpc error: code = Unknown desc = failed to patch Secret demo/token"


def many() -> list[dict[str, Any]]:
    names = ("one", "two")
    known_ones = known(*(("ConfigMap", name) for name in names))
    return [
        known_ones,
        *(config_map(name, live=True) for name in names),
        config_map("x", live=True),
    ]


@proves("app patch-resource", "--all", "--namespace")
def test_several_need_all(world: World) -> None:
    world.seed(*many())
    line = ["app", "patch-resource", "a", "--kind", "ConfigMap", "--patch", '{"data":{"k":"v"}}']
    assert world.run(*line).fatal == (
        "multiple resources match inputs, use the --all flag to patch multiple resources"
    )
    assert world.run(*line, "--namespace", "other").fatal == "no matching resource found"
    assert world.run(*line, "--resource-name", "two").code == 0
    assert world.run(*line, "--all", "--namespace", "demo").code == 0
    data = [(world.find("ConfigMap", name) or {}).get("data") for name in ("one", "two", "x")]
    # What is not the application's is never touched.
    assert data == [{"k": "v"}, {"k": "v"}, {}]


@proves("app delete-resource", "--force", "--orphan")
@pytest.mark.parametrize(
    ("flags", "propagation", "grace"),
    [
        ([], Propagation.FOREGROUND, None),
        (["--force"], Propagation.BACKGROUND, 0),
        (["--orphan"], Propagation.ORPHAN, None),
    ],
)
def test_delete_a_live_object(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
    propagation: Propagation,
    grace: int | None,
) -> None:
    asked: dict[str, Any] = {}
    real = FakeCluster.delete

    async def delete(self: FakeCluster, *arguments: Any, **options: Any) -> None:
        asked.update(options)
        await real(self, *arguments, **options)

    monkeypatch.setattr(FakeCluster, "delete", delete)
    ran = world.seed(*web()).run("app", "delete-resource", "a", "--kind", "Deployment", *flags)
    assert json.loads(ran.err)["msg"] == "Resource 'web' deleted"
    assert world.find("Deployment", "web") is None
    assert asked == {"uid": "uid-of-web", "propagation": propagation, "grace_seconds": grace}


@proves("app delete-resource", "--all")
def test_whoever_wants_to_be_asked_is_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["n\n", "y\n"])
    monkeypatch.setattr("sys.stdin.readline", lambda: next(answers))
    world.seed(*many())
    ran = world.run("app", "delete-resource", "a", "--kind", "ConfigMap", "--all",
                    "--prompts-enabled")  # fmt: skip
    assert ran.out == (
        "Are you sure you want to delete /ConfigMap demo/one ? [y/n] "
        "The command to delete /ConfigMap demo/one was cancelled.\n"
        "Are you sure you want to delete /ConfigMap demo/two ? [y/n] "
    )
    assert world.find("ConfigMap", "one") is not None
    assert world.find("ConfigMap", "two") is None


def test_annotations_that_settings_name_are_masked(world: World) -> None:
    application, *others, token = web()
    token["metadata"]["annotations"] = {"example.com/token": "hush", "note": "shown"}
    masked = settings(**{"resource.sensitive.mask.annotations": "example.com/token"})
    world.seed(application, *others, token, masked)
    shown = yaml.safe_load(get(world, "--kind", "Secret", "-o", "yaml"))
    assert shown["metadata"]["annotations"] == {"example.com/token": "++++++++", "note": "shown"}
