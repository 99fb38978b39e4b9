"""`app logs` on a cluster: which Pods, which lines, in which order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.proofs import proves
from tests.cli.test_objects import owned, web
from tests.cli.world import World, settings
from tiphys.model.errors import KubeError
from tiphys.services.pods.ports import LogRequest


def at(second: int, text: str) -> str:
    return f"2026-11-23T10:03:{second:02d}.5Z {text}"


def pods(world: World, *names: str) -> list[dict[str, Any]]:
    objects = web()
    replicas = objects[2]
    found = [owned("Pod", name, replicas, status={"phase": "Running"}) for name in names]
    world.seed(*objects[:3], *found, objects[4])
    return found


def test_lines_of_all_pods_in_the_order_of_their_times(world: World) -> None:
    pods(world, "web-1-a", "web-1-b")
    world.pods.lines = {
        "web-1-a": [at(1, "one"), at(4, "four\rand a half")],
        "web-1-b": [at(2, "two"), at(3, "three"), at(5, "")],
    }
    ran = world.run("app", "logs", "a")
    assert (ran.code, ran.out) == (0, "one\ntwo\nthree\nfour\nand a half\n\n")


@proves(
    "app logs",
    "--filter",
    "--match-case",
    "--until-time",
    "--kind",
    "--name",
    "--group",
    "--namespace",
)
@pytest.mark.parametrize(
    ("flags", "out"),
    [
        (("--filter", "T"), "two\nTHREE\n"),
        (("--filter", "!t"), "one\n"),
        (("--filter", "T", "--match-case"), "THREE\n"),
        (("-m", "--filter", "!T"), "one\ntwo\n"),
        (("--until-time", "2026-11-23T10:03:01.6Z"), "one\n"),
        (("--kind", "Deployment", "--name", "web", "--group", "apps"), "one\ntwo\nTHREE\n"),
        (("--kind", "Pod", "--name", "web-1-a"), "one\nTHREE\n"),
        (("--namespace", "demo"), "one\ntwo\nTHREE\n"),
        (("--namespace", "elsewhere"), ""),
        (("--group", "batch"), ""),
        (("--kind", "StatefulSet"), ""),
    ],
)
def test_which_lines(world: World, flags: tuple[str, ...], out: str) -> None:
    pods(world, "web-1-a", "web-1-b")
    world.pods.lines = {
        "web-1-a": [at(1, "one"), at(3, "THREE")],
        "web-1-b": [at(2, "two")],
    }
    assert world.run("app", "logs", "a", *flags).out == out


@proves("app logs", "--container", "--since-seconds", "--tail", "--previous", "--follow")
@pytest.mark.parametrize(
    ("flags", "request_"),
    [
        ((), LogRequest()),
        (("-c", "side"), LogRequest(container="side")),
        (("--since-seconds", "7"), LogRequest(since_seconds=7)),
        (("--since-seconds", "-7"), LogRequest()),
        (("--tail", "3"), LogRequest(tail_lines=3)),
        (("--tail", "0"), LogRequest()),
        (("-p",), LogRequest(previous=True)),
        (("-f",), LogRequest(follow=True)),
    ],
)
def test_what_pods_are_asked(world: World, flags: tuple[str, ...], request_: LogRequest) -> None:
    pods(world, "web-1-a")
    assert world.run("app", "logs", "a", *flags).code == 0
    assert world.pods.asked == [("demo/web-1-a", request_)]


def test_a_pod_that_cannot_be_read_says_so_among_the_others(world: World) -> None:
    pods(world, "web-1-a", "web-1-b")
    world.pods.lines = {"web-1-b": [at(2, "two")]}
    world.pods.failing = {"web-1-a": KubeError("container is waiting to start")}
    assert world.run("app", "logs", "a").out == "container is waiting to start\ntwo\n"


def test_too_many_pods(world: World) -> None:
    pods(world, *(f"web-1-{number}" for number in range(3)))
    world.seed(settings(**{"server.maxPodLogsToRender": "2"}))
    ran = world.run("app", "logs", "a")
    assert ran.code == 1
    assert ran.fatal == (
        "stream read failed: rpc error: code = InvalidArgument desc = "
        "max pods to view logs are reached. Please provide more granular query"
    )
    assert world.run("app", "logs", "a", "--name", "web-1-1").code == 0


def test_what_cannot_be_asked(world: World) -> None:
    pods(world, "web-1-a")
    assert world.run("app", "logs").code == 1
    assert "invalid untilTime" in world.run("app", "logs", "a", "--until-time", "soon").fatal
    assert "code = PermissionDenied" in world.run("app", "logs", "other").fatal
    assert "code = PermissionDenied" in world.run("app", "logs", "a", "-N", "elsewhere").fatal
