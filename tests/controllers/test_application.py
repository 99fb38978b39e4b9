"""The loop: events in, passes and operations out; nothing is lost and no one starves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from tests.fakes.clock import settle
from tests.services.reconcile.world import (
    AUTO,
    PROJECT,
    URL,
    World,
    application,
    complete,
    job,
    key,
    until,
    world,
)
from tiphys.core.source.places import place_key
from tiphys.model.errors import KubeUnreachableError, RepositoryUnreachableError
from tiphys.model.render import ReadSet, RenderResult
from tiphys.model.repository import Place, Repository
from tiphys.model.status import CompareLevel


def synced(here: World, name: str = "web") -> bool:
    return bool(here.status(name).get("sync", {}).get("status") == "Synced")


def revision(here: World, name: str = "web") -> str:
    return str(here.status(name).get("sync", {}).get("revision", ""))


def hooked() -> RenderResult:
    return RenderResult((job(),), ReadSet())


async def poll(here: World) -> None:
    """The repositories are listed again."""
    await here.clock.advance(181)


async def test_a_commit_becomes_live() -> None:
    async with world(application(policy=AUTO), controller=True) as here:
        await until(lambda: synced(here))
        here.pass_time(1)
        commit = here.git.commit(URL, {"web/a": "changed"})
        await poll(here)
        await until(lambda: synced(here) and revision(here) == commit)
        assert here.live("a")["data"] == {"text": "changed"}


async def test_what_drifts_is_healed_and_what_is_gone_from_git_is_pruned() -> None:
    async with world(application(policy=AUTO), controller=True) as here:
        await until(lambda: synced(here))
        here.pass_time(1)
        here.cluster.change({**here.live("a"), "data": {"text": "drift"}})
        await until(lambda: here.live("a")["data"] == {"text": "one"})
        await until(lambda: synced(here))
        here.pass_time(1)
        here.git.commit(URL, {"web/b": "one"})
        await poll(here)
        await until(lambda: here.live("a") is None and here.live("b"))


async def test_a_commit_is_noticed_after_a_restart() -> None:
    async with world(application(policy=AUTO), controller=True) as here:
        await until(lambda: synced(here))
        before = dict(here.raw())
    before["metadata"] = {"name": "web", "namespace": "argocd"}
    async with world(before, controller=True) as here:
        here.pass_time(1)
        # Another history than the one that the status names: the commit came meanwhile.
        commit = here.git.commit(URL, {"web/a": "later"})
        await until(lambda: synced(here) and revision(here) == commit)
        here.pass_time(1)
        commit = here.git.commit(URL, {"web/a": "later still"})
        await poll(here)
        await until(lambda: synced(here) and revision(here) == commit)


async def test_of_many_applications_the_touched_one_goes_first() -> None:
    names = [f"app-{number}" for number in range(12)]
    seeds = [application(name, path=name) for name in names]
    async with world(controller=False) as here:
        files = {f"{name}/a": name for name in names}
        here.git.commit(URL, files)
        here.seed(*seeds)
        await until(lambda: len(list(here.store.names())) == 12)
        here.controller.start()
        await until(lambda: all(revision(here, name) for name in names))
        commit = here.git.commit(URL, files | {"app-7/a": "changed"})
        here.cluster.calls.clear()
        await poll(here)
        await until(lambda: all(revision(here, name) == commit for name in names))
        patched = [at.name for verb, at in here.cluster.calls if verb == "patch"]
        assert patched[0] == "app-7"
        assert sorted(patched) == sorted(names)
        await here.controller.close()


async def test_a_commit_whose_tree_cannot_be_read_is_compared_all_the_same() -> None:
    async with world(application(), controller=True) as here:
        await until(lambda: revision(here))
        here.git.commit(URL, {"web/a": "x"})
        real = here.git.tree

        async def gone(repository: Repository, commit: str) -> Any:
            raise RepositoryUnreachableError("no route", url=repository.url)

        here.git.tree = gone  # type: ignore[method-assign]
        here.settings = replace(here.settings, repo_error_grace=0.0)
        await poll(here)
        await until(lambda: here.status()["sync"]["status"] == "Unknown")
        here.git.tree = real  # type: ignore[method-assign]


async def test_a_fault_on_one_does_not_stop_the_others() -> None:
    async with world(application("bad"), application("good"), controller=True) as here:
        real = here.desired.load

        async def broken(app: Any, *arguments: Any, **named: Any) -> Any:
            if app.name == "bad":
                raise ValueError("ours")
            return await real(app, *arguments, **named)

        here.desired.load = broken  # type: ignore[method-assign]
        await until(lambda: revision(here, "good"))
        assert here.status("bad")["sync"]["status"] == "Unknown"
        (condition,) = here.status("bad")["conditions"]
        assert condition["type"] == "ComparisonError"
        assert "ours" not in condition["message"]


async def test_errors_are_tried_again_ever_more_slowly() -> None:
    async with world(application()) as here:
        tries = []

        async def failing(name: str) -> None:
            tries.append(name)
            raise KubeUnreachableError("away")

        waits = []
        passes = here.controller._passes
        passes.add = lambda key, *, after=0.0, low=False: waits.append(after)  # type: ignore[method-assign]
        for _ in range(8):
            await here.controller._one(passes, "web", failing)
        assert waits == [2, 4, 8, 16, 32, 64, 120, 120]

        async def fine(name: str) -> None:
            tries.append(name)

        await here.controller._one(passes, "web", fine)
        await here.controller._one(passes, "web", failing)
        assert waits[-1] == 2


async def test_a_change_of_the_spec_that_the_ladder_does_not_see_is_heeded() -> None:
    extra = {"automated": {"prune": False}}
    async with world(application(policy=extra), controller=True) as here:
        await until(lambda: synced(here))
        here.pass_time(1)
        here.git.commit(URL, {"web/b": "two"})
        await poll(here)
        await until(lambda: here.live("b"))
        await until(lambda: here.status()["sync"]["status"] == "OutOfSync")
        assert here.live("a") is not None
        here.pass_time(1)
        here.change(spec={**here.raw()["spec"], "syncPolicy": AUTO})
        await until(lambda: here.live("a") is None)


async def test_a_spec_that_was_mended_is_compared_again() -> None:
    async with world(application(), controller=True) as here:
        await until(lambda: revision(here))
        good = here.raw()["spec"]
        here.change(spec={**good, "destination": {"name": "elsewhere"}})
        await until(lambda: here.status()["sync"]["status"] == "Unknown")
        here.change(spec=good)
        await until(lambda: here.status()["sync"]["status"] == "OutOfSync")
        assert not here.status().get("conditions")


async def test_a_project_that_comes_later() -> None:
    async with world(application()) as here:
        here.projects.clear()
        here.controller.start()
        await until(lambda: here.status().get("conditions"))
        here.projects["default"] = PROJECT
        here.controller.look_again("web", CompareLevel.LATEST)
        await until(lambda: here.status()["sync"]["status"] == "OutOfSync")
        # From now on its commits are heard of.
        commit = here.git.commit(URL, {"web/a": "x"})
        await poll(here)
        await until(lambda: revision(here) == commit)
        await here.controller.close()


async def test_a_deletion_that_waited_for_the_project_goes_on() -> None:
    finalizers = ["resources-finalizer.argocd.argoproj.io"]
    async with world(application(policy=AUTO, finalizers=finalizers), controller=True) as here:
        await until(lambda: synced(here))
        here.projects.clear()
        await here.cluster.delete(_kind(), "argocd", "web", uid=here.raw()["metadata"]["uid"])
        await until(lambda: "DeletionError" in str(here.status()))
        here.projects["default"] = PROJECT
        here.controller.look_again("web", CompareLevel.LATEST)
        await until(lambda: key("web") not in here.cluster.objects)
        assert here.live("a") is None


async def test_repositories_whose_secrets_changed_are_looked_at() -> None:
    async with world(application(), controller=True) as here:
        await until(lambda: revision(here))
        here.refused.append("Secret x: username is not supported")
        here.controller.look_at_repositories(lambda url, project: (url, project) == (URL, "other"))
        await settle()
        assert not here.status().get("conditions")
        here.controller.look_at_repositories(
            lambda url, project: (url, project) == (URL, "default")
        )
        await until(lambda: here.status().get("conditions"))


async def test_one_that_is_skipped_is_left_alone_until_it_is_not() -> None:
    notes = {"argocd.argoproj.io/skip-reconcile": "true"}
    async with world(application(annotations=notes), controller=True) as here:
        here.controller.look_again("web", CompareLevel.LATEST)
        await settle()
        assert here.status() == {}
        here.annotate(**{"skip-reconcile": "false"})
        await until(lambda: revision(here))


async def test_nothing_is_remembered_of_an_application_that_is_gone() -> None:
    async with world(application(policy=AUTO), controller=True) as here:
        await until(lambda: synced(here))
        here.cluster.vanish(key("web"))
        await until(lambda: here.store.get("web") is None)
        assert list(here.memories._by_name) == []
        assert here.refs._places == {}
        assert here.controller._interest.moved(Place(Repository(URL)), {}) == []


async def test_another_repository_is_watched_instead() -> None:
    async with world(application(), controller=True) as here:
        await until(lambda: revision(here))
        other = "https://git.example.com/other"
        commit = here.git.commit(other, {"web/c": "three"})
        spec = here.raw()["spec"]
        here.change(spec={**spec, "source": {**spec["source"], "repoURL": other}})
        await until(lambda: revision(here) == commit)
        assert list(here.refs._places) == [place_key(Place(Repository(other)))]


async def test_closing_ends_everything_within_moments() -> None:
    async with world(application() | {"operation": {"sync": {}}}) as here:

        async def render(*_arguments: Any) -> RenderResult:
            return hooked()

        here.renderer.render = render  # type: ignore[method-assign,assignment]
        here.controller.start()
        await until(lambda: here.live("migrate", "Job"))
        async with asyncio.timeout(2):
            await here.controller.close()
        assert here.state()["phase"] == "Running"
        complete(here)


def _kind() -> Any:
    from tests.services.reconcile.world import APPLICATIONS

    return APPLICATIONS


async def test_the_more_is_synced_the_rarer_a_sync_is_looked_at() -> None:
    async with world(application() | {"operation": {"sync": {}}}) as here:
        here.operator.under_way = lambda: 100  # type: ignore[method-assign]

        async def render(*_arguments: Any) -> RenderResult:
            return hooked()

        here.renderer.render = render  # type: ignore[method-assign,assignment]
        waits: list[float] = []
        real = here.controller._passes.add

        def add(key: str, *, after: float = 0.0, low: bool = False) -> None:
            waits.append(after)
            real(key, after=after, low=low)

        here.controller._passes.add = add  # type: ignore[method-assign]
        here.controller.start()
        await until(lambda: here.live("migrate", "Job"))
        await until(lambda: 4.0 in waits, what=lambda: waits)
        await here.controller.close()
