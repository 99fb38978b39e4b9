"""Flags of `app`, one by one, that no other test shows: each line with the flag and without."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.proofs import Change
from tests.cli.test_changes import deployed, finished, past
from tests.cli.test_create import BASE
from tests.cli.test_diff import config_map, known
from tests.cli.test_objects import many
from tests.cli.test_sync import syncs
from tests.cli.world import REPO, Ran, World, app, key, settings
from tests.fakes.kube import FakeCluster
from tiphys.model.resource import Manifest

Seen = Callable[[World, Ran], Any]


@pytest.fixture
def another(capsys: pytest.CaptureFixture[str]) -> World:
    """As `world`, for the line without the flag."""
    return World(capsys)


def differs(worlds: Sequence[World], change: Change, seen: Seen) -> None:
    """Holds what each world shows to what it has to, the first with the flag."""
    given, plain = worlds
    line = (*change.command.split(), *change.line)
    core = not change.command.startswith("admin")
    assert seen(given, given.run(*line, *change.words, core=core)) == change.shows
    assert seen(plain, plain.run(*line, core=core)) != change.shows


def at(manifest: Manifest, path: str) -> Any:
    found: Any = manifest
    for step in path.split("."):
        found = found.get(step) if found else None
    return found


HYDRATED = {
    "drySource": {"repoURL": REPO, "path": "p", "targetRevision": "main"},
    "syncSource": {"targetBranch": "live", "path": "p"},
}
SET = ("a", "--validate=false", "--project", "default")
RETRY = ("b", *BASE, "--sync-retry-limit", "2")
SYNC = ("a", "--async", "--retry-limit", "2")
SPECS = [
    ("a", "spec.sourceHydrator.drySource.repoURL",
     Change("app set", "--dry-source-repo https://b", SET, "https://b")),
    ("a", "spec.sourceHydrator.drySource.targetRevision",
     Change("app set", "--dry-source-revision next", SET, "next")),
    ("a", "spec.sourceHydrator.syncSource.targetBranch",
     Change("app set", "--sync-source-branch next", SET, "next")),
    ("a", "spec.sourceHydrator.syncSource.path",
     Change("app set", "--sync-source-path q", SET, "q")),
    ("b", "spec.syncPolicy.retry.backoff.factor",
     Change("app create", "--sync-retry-backoff-factor 3", RETRY, 3)),
    ("b", "spec.syncPolicy.retry.backoff.maxDuration",
     Change("app create", "--sync-retry-backoff-max-duration 90s", RETRY, "1m30s")),
    ("a", "operation.retry.backoff.factor",
     Change("app sync", "--retry-backoff-factor 3", SYNC, 3)),
    ("a", "operation.retry.backoff.maxDuration",
     Change("app sync", "--retry-backoff-max-duration 90s", SYNC, "1m30s")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "path", "change"), SPECS)
def test_what_is_stored(world: World, another: World, name: str, path: str, change: Change) -> None:
    def seen(world: World, ran: Ran) -> Any:
        assert ran.code == 0, ran.err
        return at(world.app(name), path)

    for one in (world, another):
        one.seed(app("a", spec={"sourceHydrator": HYDRATED} if change.line == SET else {}))
    differs((world, another), change, seen)


NAMED = [
    ("metadata.name", Change("admin app generate-spec", "--name web", tuple(BASE), "web")),
    ("metadata.annotations.x",
     Change("admin app generate-spec", "--annotations x=y=z", ("web", *BASE), "y=z")),
]  # fmt: skip


@pytest.mark.parametrize(("path", "change"), NAMED)
def test_what_is_generated(world: World, another: World, path: str, change: Change) -> None:
    def seen(world: World, ran: Ran) -> Any:
        return at(yaml.safe_load(ran.out), path) if ran.code == 0 else None

    differs((world, another), change, seen)


class TestObjects:
    def test_an_object_of_one_namespace(self, world: World, another: World) -> None:
        line = ("a", "--kind", "ConfigMap", "--all")
        change = Change("app delete-resource", "--namespace other", line, ["one", "two"])
        for one in (world, another):
            one.seed(*many())

        def left(world: World, _: Ran) -> list[str]:
            return [name for name in ("one", "two") if world.find("ConfigMap", name)]

        differs((world, another), change, left)

    def test_the_root_of_a_folder(self, world: World, another: World, tmp_path: Path) -> None:
        line = ("a", "--local", str(tmp_path))
        change = Change("app manifests", "--local-repo-root /", line, "/")
        for one in (world, another):
            one.seed(known()).sources.manifests = [config_map("one")]
        differs((world, another), change, lambda world, _: world.sources.local[0].root)


def team(name: str) -> list[Manifest]:
    """An application of a namespace that the settings permit."""
    permitted = settings(**{"application.namespaces": "team"})
    permitted["metadata"]["name"] = "argocd-cmd-params-cm"
    return [permitted, app(name, metadata={"namespace": "team"}, status=finished("Succeeded"))]


class TestOperations:
    def test_a_sync_that_nobody_waits_for(self, world: World, another: World) -> None:
        change = Change("app sync", "--async", ("a",), "")
        for one in (world, another):
            one.seed(app("a")).controller = syncs("a", finished("Succeeded"))
        differs((world, another), change, lambda _, ran: ran.out)

    def test_a_sync_in_another_namespace(self, world: World, another: World) -> None:
        change = Change("app sync", "--app-namespace team", ("b", "--async"), True)
        for one in (world, another):
            one.seed(*team("b"))
        differs((world, another), change, lambda world, _: "operation" in world.app("b", "team"))

    def test_how_a_rollback_is_shown(self, world: World, another: World) -> None:
        change = Change("app rollback", "--output json", ("a", "6"), "{")
        for one in (world, another):
            one.seed(deployed(past(6))).controller = syncs("a", finished("Succeeded"))
        differs((world, another), change, lambda _, ran: ran.out[:1])

    @pytest.mark.parametrize(
        "change",
        [
            Change("app sync", "--server-side-diff-concurrency 1",
                   ("a", "--async", "--preview-changes", "--assumeYes",
                    "--server-side-diff-max-batch-kb", "1"), 1),
            Change("app sync", "--server-side-diff-max-batch-kb 1",
                   ("a", "--async", "--preview-changes", "--assumeYes",
                    "--server-side-diff-concurrency", "1"), 1),
        ],
    )  # fmt: skip
    def test_batches_of_a_preview(self, world: World, another: World, change: Change) -> None:
        names = ("one", "two", "three")
        options = {"argocd.argoproj.io/compare-options": "ServerSideDiff=true"}
        for one in (world, another):
            one.seed(
                known(metadata={"annotations": options}),
                *(config_map(name, live=True, a="x" * 600) for name in names),
            )
            one.sources.manifests = [config_map(name, a="x" * 600) for name in names]
            one.slow = True
        differs((world, another), change, lambda world, _: world.at_once)


async def ends_whoever_watches(cluster: FakeCluster) -> None:
    """What is not reached at once never is: the application goes away, and the command fails."""
    while True:
        if any(verb == "watch" for verb, _ in cluster.calls):
            return cluster.vanish(key("a"))
        await asyncio.sleep(0.001)


def in_state(sync: str, health: str) -> Manifest:
    service = {
        "version": "v1", "kind": "Service", "namespace": "demo", "name": "ui",
        "status": "Synced", "health": {"status": "Healthy"},
    }  # fmt: skip
    status = {
        "sync": {"status": sync}, "health": {"status": health}, "resources": [service],
    }  # fmt: skip
    return app("a", metadata={"labels": {"team": "a"}}, status=status)


WAITS = [
    (("Synced", "Degraded"), Change("app wait", "--sync", ("a",), 0)),
    (("OutOfSync", "Healthy"), Change("app wait", "--health", ("a",), 0)),
    (("OutOfSync", "Degraded"), Change("app wait", "--operation", ("a",), 0)),
    (("Synced", "Suspended"), Change("app wait", "--suspended", ("a",), 0)),
    (("Synced", "Degraded"), Change("app wait", "--degraded", ("a",), 0)),
    (("OutOfSync", "Degraded"), Change("app wait", "--resource :Service:ui", ("a",), 0)),
    (("Synced", "Healthy"), Change("app wait", "--selector team=a", (), 0)),
]


@pytest.mark.parametrize(("state", "change"), WAITS)
def test_what_is_waited_for(
    world: World, another: World, state: tuple[str, str], change: Change
) -> None:
    for one in (world, another):
        one.seed(in_state(*state)).controller = ends_whoever_watches
    differs((world, another), change, lambda _, ran: ran.code)


def test_waiting_in_another_namespace(world: World, another: World) -> None:
    change = Change("app wait", "--app-namespace team", ("b",), 0)
    for one in (world, another):
        one.seed(*team("b"))
    differs((world, another), change, lambda _, ran: ran.code)


def test_how_the_end_of_a_wait_is_shown(world: World, another: World) -> None:
    change = Change("app wait", "--output json", ("a",), "{")
    for one in (world, another):
        one.seed(in_state("Synced", "Healthy"))
    differs((world, another), change, lambda _, ran: ran.out.strip()[:1])
