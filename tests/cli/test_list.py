"""`app list`."""

from __future__ import annotations

import json

import pytest

from tests.cli.proofs import proves
from tests.cli.world import REPO, World, app, guestbook, project

TABLE = """\
NAME              CLUSTER                         NAMESPACE  PROJECT  STATUS  HEALTH   SYNCPOLICY  CONDITIONS  REPO                                PATH       TARGET
argocd/guestbook  https://kubernetes.default.svc  demo       default  Synced  Healthy  Manual      <none>      http://127.0.0.1:9181/examples.git  guestbook\x20\x20
"""  # noqa: E501 - as the contract prints it


def test_wide_is_the_default(world: World) -> None:
    world.seed(guestbook())
    assert world.run("app", "list").out == TABLE
    assert world.run("app", "list", "-o", "wide").out == TABLE


def test_no_format_leaves_the_source_out(world: World) -> None:
    header, row = world.seed(guestbook()).run("app", "list", "-o", "").out.splitlines()
    assert header.endswith("SYNCPOLICY  CONDITIONS")
    assert row.endswith("Manual      <none>")


@proves("app list", "--output")
def test_names(world: World) -> None:
    world.seed(app("b"), app("a"))
    assert world.run("app", "list", "-o", "name").out == "argocd/a\nargocd/b\n"


def test_nothing_is_an_empty_list(world: World) -> None:
    assert world.run("app", "list", "-o", "json").out == "[]\n"
    assert world.run("app", "list", "-o", "yaml").out == "[]\n"


def test_json_holds_typed_objects(world: World) -> None:
    (printed,) = json.loads(world.seed(app("a")).run("app", "list", "-o", "json").out)
    assert list(printed) == ["metadata", "spec", "status"]


@proves("app list", "--selector", "--project", "--repo", "--path", "--cluster", "--app-namespace")
@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (["-l", "team=a"], ["a"]),
        (["-p", "one", "-p", "two"], ["b"]),
        (["--repo", REPO], ["a"]),
        (["-r", "https://elsewhere"], ["b"]),
        (["-P", "web"], ["b"]),
        (["-c", "in-cluster"], ["b"]),
        (["-c", "https://kubernetes.default.svc"], ["a"]),
        (["-N", "elsewhere"], []),
        (["-N", "argocd"], ["a", "b"]),
    ],
)
def test_filters(world: World, flags: list[str], names: list[str]) -> None:
    world.seed(
        project("two"),
        app("a", metadata={"labels": {"team": "a"}}),
        app(
            "b",
            spec={
                "project": "two",
                "destination": {"name": "in-cluster"},
                "source": {"repoURL": "https://elsewhere", "path": "web"},
            },
        ),
    )
    out = world.run("app", "list", "-o", "name", *flags).out
    assert out.split() == [f"argocd/{name}" for name in names]


def test_policies_and_conditions_in_short(world: World) -> None:
    found = [{"type": kind, "message": ""} for kind in ("SyncError", "Odd", "SyncError")]
    world.seed(
        app("a", spec={"syncPolicy": {"automated": {}}}, status={"conditions": found}),
        app("b", spec={"syncPolicy": {"automated": {"prune": True}}}),
        app("c", spec={"syncPolicy": {"automated": {"enabled": False}}}),
    )
    rows = world.run("app", "list").out.splitlines()[1:]
    assert [row.split()[4:6] for row in rows] == [
        ["Auto", "Odd,SyncError(2)"],
        ["Auto-Prune", "<none>"],
        ["Manual", "<none>"],
    ]
