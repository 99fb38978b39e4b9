"""`app delete`."""

from __future__ import annotations

import asyncio
import importlib
import io
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.cli.proofs import proves
from tests.cli.world import World, app, key, settings, when
from tests.fakes.kube import FakeCluster
from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError
from tiphys.services.applications import AppEvent, AppName, EventKind

delete = importlib.import_module("tiphys.cli.app.delete")

PLAIN = "resources-finalizer.argocd.argoproj.io"


def finalizers(world: World, name: str) -> list[str]:
    found: list[str] = world.app(name)["metadata"]["finalizers"]
    return found


def test_the_objects_go_as_well(world: World) -> None:
    ran = world.seed(app("helm")).run("app", "delete", "helm", "--yes")
    assert (ran.code, ran.out) == (0, "application 'helm' deleted\n")
    assert finalizers(world, "helm") == [PLAIN]
    assert world.app("helm")["metadata"]["deletionTimestamp"]


@proves("app delete", "--propagation-policy")
@pytest.mark.parametrize("policy", ["foreground", "background"])
def test_propagation(world: World, policy: str) -> None:
    world.seed(app("a", metadata={"finalizers": ["another.example.com/hold"]}))
    world.run("app", "delete", "a", "-y", "-p", policy)
    assert finalizers(world, "a") == ["another.example.com/hold", f"{PLAIN}/{policy}"]


@proves("app delete", "--cascade")
def test_without_cascade_only_the_application_goes(world: World) -> None:
    world.seed(app("a", metadata={"finalizers": [PLAIN, f"{PLAIN}/background"]}))
    ran = world.run("app", "delete", "a", "--cascade=false")
    assert (ran.code, ran.out) == (0, "application 'a' deleted\n")
    assert world.find("Application", "a") is None


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--cascade=false", "-p", "background"],
         "cannot set propagation policy when cascading is disabled"),
        (["-p", "sideways"], "invalid propagation policy: sideways"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(world: World, flags: list[str], message: str) -> None:
    ran = world.seed(app("a")).run("app", "delete", "a", "-y", *flags)
    assert ran.code == 20
    assert ran.fatal == f"rpc error: code = InvalidArgument desc = {message}"
    assert "deletionTimestamp" not in world.app("a")["metadata"]


@proves("app delete", "--selector")
def test_a_selector_takes_the_place_of_names(world: World) -> None:
    world.seed(app("a", metadata={"labels": {"t": "1"}}), app("b"))
    ran = world.run("app", "delete", "b", "-l", "t=1", "-y", "--cascade=false")
    assert ran.out == "application 'argocd/a' deleted\n"
    assert world.find("Application", "b") is not None
    ran = world.run("app", "delete", "-l", "t=1", "-y")
    assert (ran.code, ran.fatal) == (20, "no apps match selector t=1")


def test_prompts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.seed(app("a"), app("b"), app("c"))
    monkeypatch.setattr("sys.stdin", io.StringIO("what\nn\nA\n"))
    line = ["app", "delete", "a", "b", "c", "--cascade=false", "--prompts-enabled"]
    out = world.run(*line).out
    question = (
        "Are you sure you want to delete '{}' and all its resources? [y/n/a] where 'a' is to "
        "delete all specified apps and their resources without prompting "
    )
    assert out == (
        question.format("a") * 2
        + "The command to delete 'a' was cancelled.\n"
        + question.format("b")
        + "application 'b' deleted\napplication 'c' deleted\n"
    )


def test_the_end_of_answers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    ran = world.seed(app("a")).run("app", "delete", "a", "--prompts-enabled")
    assert (ran.code, ran.fatal) == (20, "EOF")
    assert ran.out == "Are you sure you want to delete 'a' and all its resources? [y/n] "


@proves("app delete", "--wait")
def test_waiting_for_the_end(world: World) -> None:
    async def controller(cluster: FakeCluster) -> None:
        await when(cluster, "a", lambda m: "deletionTimestamp" in m["metadata"])
        cluster.vanish(key("a"))

    world.controller = controller
    ran = world.seed(app("a")).run("app", "delete", "a", "-y", "--wait")
    assert (ran.code, ran.out) == (0, "application 'a' deleted\n")
    assert world.find("Application", "a") is None


def test_a_selector_looks_in_the_namespace_that_is_named(world: World) -> None:
    params = settings(**{"application.namespaces": "team"})
    params["metadata"]["name"] = "argocd-cmd-params-cm"
    labels = {"labels": {"x": "y"}}
    world.seed(
        params, app("a", metadata=labels), app("b", metadata={"namespace": "team", **labels})
    )
    ran = world.run("app", "delete", "-l", "x=y", "-N", "team", "--yes", "--cascade=false")
    assert ran.out == "application 'team/b' deleted\n"
    assert world.find("Application", "a") is not None
    assert world.find("Application", "b") is None


async def test_an_end_that_nobody_saw_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server tells of changes from now on: an application may have been gone before."""
    before = Application.from_manifest(app("a"))
    asked: list[str] = []

    class Api:
        async def get(self, name: AppName) -> Application:
            asked.append(name.name)
            if len(asked) > 2:
                raise ApiError(ApiCode.PERMISSION_DENIED, "permission denied")
            return before

        async def delete(self, name: AppName, **_: object) -> None:
            asked.append("deleted")

        async def watch(self, name: AppName, version: str) -> AsyncIterator[AppEvent]:
            await asyncio.Event().wait()
            yield AppEvent(EventKind.DELETED, before)

    monkeypatch.setattr(delete, "_LOOK_SECONDS", 0.01)
    call = SimpleNamespace(given=lambda _: False, yes=lambda _: True)
    async with asyncio.timeout(5):
        await delete._delete(cast(Any, call), cast(Any, Api()), AppName("", "a"))
    assert asked == ["a", "deleted", "a"]
