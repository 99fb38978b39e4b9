"""`app wait`: what counts as reached, and what is said on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.proofs import proves
from tests.cli.world import World, app, guestbook, key, settings, when
from tests.fakes.kube import FakeCluster
from tiphys.cli.app.resources import Row, parse_patterns, selected
from tiphys.cli.app.waiting import (
    Progress,
    WaitOptions,
    Watched,
    operation_in_progress,
    reached,
)
from tiphys.cli.errors import FatalError
from tiphys.model.application import Application

STARTED = "2026-11-23T10:03:33Z"


def seen(sync: str = "Synced", health: str = "Healthy", **status: Any) -> Application:
    return Application(
        app("a", status={"sync": {"status": sync}, "health": {"status": health}, **status})
    )


@pytest.mark.parametrize(
    ("watched", "sync", "health", "holds"),
    [
        (Watched(sync=True), "Synced", "Degraded", True),
        (Watched(sync=True), "OutOfSync", "Healthy", False),
        (Watched(health=True), "OutOfSync", "Healthy", True),
        (Watched(health=True), "Synced", "Suspended", False),
        (Watched(health=True, suspended=True), "Synced", "Suspended", True),
        (Watched(degraded=True), "Synced", "Degraded", True),
        (Watched(sync=True, health=True), "OutOfSync", "Healthy", False),
        (Watched(operation=True), "OutOfSync", "Degraded", True),
        (Watched(delete=True), "Synced", "Healthy", False),
    ],
)
def test_reached(watched: Watched, sync: str, health: str, holds: bool) -> None:
    assert reached(seen(sync, health), WaitOptions(watched=watched)) is holds


def test_chosen_objects_are_looked_at_instead() -> None:
    resources = [
        {"version": "v1", "kind": "Service", "name": "a", "status": "Synced",
         "health": {"status": "Healthy"}},
        {"version": "v1", "kind": "Pod", "name": "b", "status": "OutOfSync",
         "health": {"status": "Degraded"}},
    ]  # fmt: skip
    application = seen("OutOfSync", "Degraded", resources=resources)
    watched = Watched(sync=True, health=True)

    def ready(pattern: str) -> bool:
        return reached(
            application, WaitOptions(watched=watched, patterns=parse_patterns([pattern]))
        )

    assert ready(":Service:a")
    assert not ready(":Pod:b")
    assert not ready("*:*:*")


@pytest.mark.parametrize(
    ("state", "reconciled", "running"),
    [
        (None, None, False),
        ({"phase": "Running"}, "2026-11-23T10:03:40Z", True),
        ({"phase": "Succeeded", "finishedAt": "2026-11-23T10:03:35Z"}, None, True),
        ({"phase": "Succeeded", "finishedAt": "2026-11-23T10:03:35Z"}, STARTED, True),
        ({"phase": "Succeeded", "finishedAt": STARTED}, STARTED, False),
        (
            {"phase": "Succeeded", "finishedAt": STARTED, "operation": {"sync": {"dryRun": True}}},
            None,
            False,
        ),
    ],
)
def test_operations(state: dict[str, Any] | None, reconciled: str | None, running: bool) -> None:
    status: dict[str, Any] = {"reconciledAt": reconciled}
    if state is not None:
        status["operationState"] = {"operation": {}, "startedAt": STARTED, **state}
    assert operation_in_progress(seen(**status)) is running


def test_a_requested_operation_is_one() -> None:
    assert operation_in_progress(Application(app("a", operation={"sync": {}})))


@pytest.mark.parametrize(
    ("patterns", "hit"),
    [
        ([":Service:demo/ui"], True),
        ([":Service:ui"], True),
        ([":Service:other/ui"], False),
        (["apps:Service:ui"], False),
        (["*:*:*"], True),
        (["*:*:*", "!:Service:ui"], False),
        (["!:Secret:*"], True),
        (["!:Secret:*", "apps:*:*"], False),
    ],
)
def test_patterns(patterns: list[str], hit: bool) -> None:
    assert selected(parse_patterns(patterns), "", "Service", "demo", "ui") is hit


def test_progress_tells_what_is_new() -> None:
    progress = Progress(health=True)
    first = Row("", "Service", "demo", "ui", "OutOfSync", "Missing")
    assert progress.changes("a", [first]) == [first]
    assert progress.changes("a", [first]) == []
    # What is no longer said stays as it was said last.
    assert progress.changes("a", [Row("", "Service", "demo", "ui")]) == []
    (changed,) = progress.changes("a", [Row("", "Service", "demo", "ui", "Synced")])
    assert changed == Row("", "Service", "demo", "ui", "Synced", "Missing")


@pytest.mark.parametrize(
    ("watched", "before", "fails"),
    [(True, "Healthy", True), (True, "Unknown", False), (True, "Degraded", False),
     (False, "Healthy", False)],
)  # fmt: skip
def test_turning_bad(watched: bool, before: str, fails: bool) -> None:
    progress = Progress(health=watched)
    progress.changes("a", [Row("", "Pod", "demo", "x", health=before)])
    bad = [Row("", "Pod", "demo", "x", health="Degraded")]
    if not fails:
        progress.changes("a", bad)
        return
    with pytest.raises(FatalError) as caught:
        progress.changes("a", bad)
    assert str(caught.value) == (
        f"application 'a' health state has transitioned from {before} to Degraded"
    )


def test_what_holds_already_needs_no_table(world: World) -> None:
    world.seed(guestbook(), settings(url="http://localhost:18080"))
    ran = world.run("app", "wait", "guestbook", "--timeout", "40")
    assert ran.code == 0
    assert ran.out.startswith(
        "\nName:               argocd/guestbook\nProject:            default\n"
    )
    assert "\nHealth Status:      Healthy\n\nOperation:          Sync\n" in ran.out
    assert "TIMESTAMP" not in ran.out


def test_without_an_operation_its_block_is_left_out(world: World) -> None:
    ran = world.seed(guestbook()).run("app", "wait", "guestbook", "--health")
    assert ran.code == 0
    assert "\nHealth Status:      Healthy\n\n\nGROUP " in ran.out


def test_a_change_ends_it(world: World) -> None:
    async def controller(cluster: FakeCluster) -> None:
        manifest = await when(cluster, "guestbook", lambda m: True)
        status = {**manifest["status"], "health": {"status": "Healthy"}}
        cluster.change({**manifest, "status": status})

    manifest = guestbook()
    manifest["status"]["health"] = {"status": "Progressing"}
    world.seed(manifest).controller = controller
    ran = world.run("app", "wait", "guestbook")
    assert ran.code == 0
    assert "Health Status:      Healthy\n" in ran.out


@proves("app wait", "--delete")
def test_deletion(world: World) -> None:
    async def controller(cluster: FakeCluster) -> None:
        await when(cluster, "guestbook", lambda m: True)
        cluster.vanish(key("guestbook"))

    world.seed(guestbook()).controller = controller
    ran = world.run("app", "wait", "guestbook", "--delete")
    assert ran.code == 0
    assert ran.out.endswith("Application 'argocd/guestbook' deleted\n")


def test_a_deletion_that_nobody_waits_for_ends_it_too(world: World) -> None:
    async def controller(cluster: FakeCluster) -> None:
        await when(cluster, "a", lambda m: True)
        cluster.vanish(key("a"))

    world.seed(app("a")).controller = controller
    ran = world.run("app", "wait", "a")
    assert (ran.code, ran.fatal) == (20, "application 'a' was deleted while it was waited for")


def test_a_lost_watch_is_taken_up_again(world: World) -> None:
    async def controller(cluster: FakeCluster) -> None:
        manifest = await when(cluster, "guestbook", lambda m: True)
        status = {**manifest["status"], "health": {"status": "Healthy"}}
        cluster.change({**manifest, "status": status})
        cluster.compact()

    manifest = guestbook()
    manifest["status"]["health"] = {"status": "Progressing"}
    world.seed(manifest).controller = controller
    assert world.run("app", "wait", "guestbook", "--timeout", "20").code == 0


def test_time_is_up(world: World) -> None:
    ran = world.seed(app("a")).run("app", "wait", "a", "--timeout", "1")
    assert (ran.code, ran.fatal) == (20, 'timed out (1s) waiting for app "a" match desired state')
    assert "\nThis is the state of the app after wait timed out:\n\nName: " in ran.out


def test_selectors_may_find_nothing(world: World) -> None:
    ran = world.run("app", "wait", "-l", "a=b")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_names_are_needed(world: World) -> None:
    ran = world.run("app", "wait")
    assert ran.code == 1
    assert ran.out.startswith("Usage: argocd app wait [APPNAME.. | -l selector] [flags]\n")


def standing(name: str, sync: str, health: str, **more: Any) -> dict[str, Any]:
    return app(name, status={"sync": {"status": sync}, "health": {"status": health}, **more})


@proves("app wait", "--sync", "--health", "--operation", "--suspended", "--degraded")
@pytest.mark.parametrize(
    ("sync", "health", "flags", "code"),
    [
        ("Synced", "Degraded", [], 20),
        ("Synced", "Degraded", ["--sync"], 0),
        ("OutOfSync", "Healthy", ["--sync"], 20),
        ("OutOfSync", "Healthy", ["--health"], 0),
        ("OutOfSync", "Degraded", ["--operation"], 0),
        ("Synced", "Suspended", ["--health"], 20),
        ("Synced", "Suspended", ["--suspended"], 0),
        ("Synced", "Healthy", ["--degraded"], 20),
        ("Synced", "Degraded", ["--degraded"], 0),
    ],
)
def test_what_is_waited_for(
    world: World, sync: str, health: str, flags: list[str], code: int
) -> None:
    world.seed(standing("a", sync, health))
    assert world.run("app", "wait", "a", "--timeout", "1", *flags).code == code


@proves("app wait", "--selector")
def test_labels_choose_whom_to_wait_for(world: World) -> None:
    bad = standing("bad", "OutOfSync", "Degraded")
    bad["metadata"]["labels"] = {"team": "a"}
    world.seed(standing("good", "Synced", "Healthy"), bad)
    assert world.run("app", "wait", "-l", "team=b", "--timeout", "1").code == 0
    ran = world.run("app", "wait", "-l", "team=a", "--timeout", "1")
    assert "timed out (1s)" in ran.fatal


@proves("app wait", "--output")
def test_the_end_is_shown_in_a_format(world: World) -> None:
    world.seed(standing("a", "Synced", "Healthy"))
    shown = json.loads(world.run("app", "wait", "a", "-o", "json").out)
    assert shown["metadata"]["name"] == "a"
