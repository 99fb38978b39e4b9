"""Hooks that run when an application is deleted, on a cluster: once each, failed ones again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.reconcile.test_deletion import FINALIZER, config_map, deleted
from tests.services.reconcile.world import (
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
from tiphys.model.appproject import AppProject
from tiphys.model.errors import (
    ConflictError,
    KubeUnreachableError,
    ObjectExistsError,
    ObjectNotFoundError,
)
from tiphys.model.render import ReadSet, RenderResult
from tiphys.services.reconcile.again import Again

PRE = "pre-delete-finalizer.argocd.argoproj.io"
POST = "post-delete-finalizer.argocd.argoproj.io"
HELD = "argocd.argoproj.io/hook-finalizer"
POLICY = "argocd.argoproj.io/hook-delete-policy"
DELETED = "2026-11-23T12:00:00Z"
WAIT = Again(5.0)


def going(*finalizers: str, **changes: Any) -> dict[str, Any]:
    return application(finalizers=list(finalizers), deletionTimestamp=DELETED) | changes


def with_manifests(here: World, *manifests: Any) -> None:
    async def render(*_arguments: Any) -> RenderResult:
        return RenderResult(manifests, ReadSet())

    here.renderer.render = render  # type: ignore[method-assign,assignment]


def hook(name: str, phase: str = "PreDelete", policy: str = "") -> dict[str, Any]:
    made = dict(job(name, phase=phase))
    if policy:
        made["metadata"]["annotations"][POLICY] = policy
    return made


def created(here: World) -> list[str]:
    return [at.name for verb, at in here.cluster.calls if verb == "create" and at.kind == "Job"]


def fail(here: World, name: str) -> None:
    failed = {"conditions": [{"type": "Failed", "status": "True", "message": "broke"}]}
    here.cluster.change({**here.live(name, "Job"), "status": failed})


async def step(here: World) -> Again | None:
    here.app()
    return await here.operator.operate("web")


async def settled(here: World, name: str) -> None:
    """The index knows the object as it is."""
    live = here.live(name, "Job")
    version = live["metadata"]["resourceVersion"]
    await until(
        lambda: any(
            one.key.name == name and one.resource_version == version
            for one in here.index.tracked("web")
        )
    )


async def test_pre_delete_hooks_then_objects_then_post_delete_hooks() -> None:
    finalizers = [POST + "/cleanup", POST, PRE + "/cleanup", PRE, FINALIZER]
    async with world(going(*finalizers), config_map("a")) as here:
        with_manifests(here, hook("first"), hook("second"), hook("last", "PostDelete"))
        assert await step(here) == WAIT
        assert created(here) == ["first", "second"]
        meta = here.live("first", "Job")["metadata"]
        assert meta["annotations"]["argocd.argoproj.io/tracking-id"] == "web:batch/Job:demo/first"
        assert meta["annotations"]["tiphys.dev/operation"] == f"{DELETED}/PreDelete"
        assert meta["finalizers"] == [HELD]
        assert await step(here) == WAIT
        complete(here, "first")
        complete(here, "second")
        await settled(here, "first")
        await settled(here, "second")
        assert here.live("a")
        assert await step(here) is None
        # They ran, so that nothing holds them any more.
        assert not here.live("first", "Job")["metadata"].get("finalizers")
        while FINALIZER in here.raw()["metadata"]["finalizers"]:
            await step(here)
        assert sorted(deleted(here)) == ["a", "first", "second"]
        assert created(here) == ["first", "second"]
        assert await step(here) == WAIT
        complete(here, "last")
        await settled(here, "last")
        while key("web") in here.cluster.objects:
            await step(here)
        assert created(here) == ["first", "second", "last"]
        # With the default policy it stays, held by nothing.
        assert not here.live("last", "Job")["metadata"].get("finalizers")


async def test_a_failed_hook_is_said_and_made_again() -> None:
    async with world(going(PRE)) as here:
        with_manifests(here, hook("check"))
        await step(here)
        fail(here, "check")
        await settled(here, "check")
        assert await step(here) == WAIT
        said = "error executing pre-delete hooks: PreDelete hook(s) failed: demo/check"
        (condition,) = here.status()["conditions"]
        assert (condition["type"], condition["message"]) == ("DeletionError", said)
        assert deleted(here) == ["check"]
        assert here.live("check", "Job") is None
        await step(here)
        assert created(here) == ["check", "check"]
        complete(here, "check")
        await settled(here, "check")
        await step(here)
        assert key("web") not in here.cluster.objects


async def test_a_failed_post_delete_hook_has_no_prefix() -> None:
    async with world(going(POST)) as here:
        with_manifests(here, hook("check", "PostDelete"))
        await step(here)
        fail(here, "check")
        await settled(here, "check")
        await step(here)
        assert here.status()["conditions"][0]["message"] == "PostDelete hook(s) failed: demo/check"


async def test_what_was_made_before_a_reply_was_lost_is_not_made_twice() -> None:
    async with world(going(PRE)) as here:
        with_manifests(here, hook("check"))
        real = here.cluster.create

        async def lost(*arguments: Any, **named: Any) -> Any:
            made = await real(*arguments, **named)
            if made["kind"] != "Job":
                return made
            raise KubeUnreachableError("cut")

        here.cluster.create = lost  # type: ignore[method-assign]
        assert await step(here) == WAIT
        here.cluster.create = real  # type: ignore[method-assign]
        await settled(here, "check")
        assert await step(here) == WAIT
        assert created(here) == ["check"]


async def test_one_that_is_there_already_is_looked_at() -> None:
    async with world(going(PRE)) as here:
        with_manifests(here, hook("check"))
        real = here.cluster.create

        async def behind(*arguments: Any, **named: Any) -> Any:
            made = await real(*arguments, **named)
            if made["kind"] == "Job":
                raise ObjectExistsError("already exists", status=409)
            return made

        here.cluster.create = behind  # type: ignore[method-assign]
        assert await step(here) == WAIT
        assert here.index.tracked("web")


async def test_the_job_of_another_application_is_not_taken() -> None:
    other: Any = hook("check")
    other["metadata"]["namespace"] = "demo"
    other["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = "api:batch/Job:demo/check"
    async with world(going(PRE), other) as here:
        with_manifests(here, hook("check"))
        assert await step(here) == WAIT
        text = here.status()["conditions"][0]["message"]
        assert text.endswith("demo/check is there already and does not belong to the application")
        assert deleted(here) == []


async def test_what_an_earlier_sync_left_goes_before() -> None:
    left: Any = hook("check", "Sync,PreDelete")
    left["metadata"]["namespace"] = "demo"
    left["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = "web:batch/Job:demo/check"
    async with world(going(PRE), left) as here:
        with_manifests(here, hook("check", "Sync,PreDelete"))
        assert await step(here) == WAIT
        assert (deleted(here), created(here)) == (["check"], [])
        assert await step(here) == WAIT
        assert created(here) == ["check"]


async def test_manifests_that_cannot_be_rendered_hold_it_up() -> None:
    async with world(going(PRE)) as here:
        here.git.commit(URL, {"web/a": "broken"})
        assert await step(here) == WAIT
        text = here.status()["conditions"][0]["message"]
        assert text.startswith("error executing pre-delete hooks: Failed to load target state: ")


async def test_hooks_the_project_does_not_permit_are_not_run() -> None:
    spec = {
        **PROJECT.raw["spec"],
        "namespaceResourceBlacklist": [{"group": "batch", "kind": "Job"}],
    }
    async with world(going(PRE)) as here:
        here.projects["default"] = AppProject({**PROJECT.raw, "spec": spec})
        with_manifests(here, hook("check"))
        assert await step(here) == WAIT
        text = here.status()["conditions"][0]["message"]
        assert text.endswith("resource batch:Job is not permitted in project default")
        assert created(here) == []


async def test_a_kind_that_is_not_served_is_said() -> None:
    odd = {**hook("check"), "apiVersion": "example.com/v1", "kind": "Odd"}
    async with world(going(PRE)) as here:
        with_manifests(here, odd)
        assert await step(here) == WAIT
        text = here.status()["conditions"][0]["message"]
        assert text.endswith("the cluster does not serve example.com/v1, Kind=Odd")


async def test_an_incomplete_list_holds_it_up() -> None:
    async with world(going(PRE)) as here:
        with_manifests(here, hook("check"))
        here.index.complete = lambda kinds: not list(kinds)  # type: ignore[method-assign]
        assert await step(here) == WAIT
        assert created(here) == []


@pytest.mark.parametrize(
    ("policy", "outcome", "stays"),
    [("HookSucceeded", complete, False), ("HookFailed", complete, True), ("", complete, True)],
)
async def test_hooks_are_cleaned_up_by_policy(policy: str, outcome: Any, stays: bool) -> None:
    async with world(going(POST, POST + "/cleanup")) as here:
        with_manifests(here, hook("bye", "PostDelete", policy))
        await step(here)
        outcome(here, "bye")
        await settled(here, "bye")
        while key("web") in here.cluster.objects:
            await step(here)
        assert (here.live("bye", "Job") is not None) is stays
        assert created(here) == ["bye"]


async def test_finalizers_follow_the_manifests() -> None:
    async with world(application(finalizers=["example.com/x"])) as here:
        with_manifests(here, hook("a"), hook("b", "PostDelete"))
        await here.refresh()
        everything = ["example.com/x", PRE, PRE + "/cleanup", POST, POST + "/cleanup"]
        assert here.raw()["metadata"]["finalizers"] == everything
        with_manifests(here, hook("b", "PostDelete"))
        here.git.commit(URL, {"web/a": "three"})
        here.annotate(refresh="hard")
        await until(lambda: "argocd.argoproj.io/refresh" in here.app().metadata.annotations)
        await here.refresh()
        kept = ["example.com/x", POST, POST + "/cleanup"]
        assert here.raw()["metadata"]["finalizers"] == kept


async def test_finalizers_stay_where_nothing_could_be_rendered() -> None:
    async with world(application(finalizers=[PRE])) as here:
        here.git.commit(URL, {"web/a": "broken"})
        await here.refresh()
        assert here.raw()["metadata"]["finalizers"] == [PRE]


async def test_finalizers_are_set_where_there_were_none() -> None:
    async with world(application()) as here:
        with_manifests(here, hook("a"))
        await here.refresh()
        assert here.raw()["metadata"]["finalizers"] == [PRE, PRE + "/cleanup"]


async def test_what_the_cascade_takes_along_is_let_go() -> None:
    """A hook that our finalizer holds goes as well, whoever made it and whenever."""
    left: Any = hook("left", "PreSync")
    left["metadata"]["namespace"] = "demo"
    left["metadata"]["finalizers"] = [HELD]
    left["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = "web:batch/Job:demo/left"
    async with world(going(FINALIZER), left) as here:
        while key("web") in here.cluster.objects:
            await step(here)
        assert here.live("left", "Job") is None


async def test_finalizers_of_others_stay_on_a_hook() -> None:
    async with world(going(PRE, PRE + "/cleanup")) as here:
        made: Any = hook("check")
        made["metadata"]["finalizers"] = ["example.com/x"]
        with_manifests(here, made)
        await step(here)
        assert here.live("check", "Job")["metadata"]["finalizers"] == ["example.com/x", HELD]
        complete(here, "check")
        await settled(here, "check")
        while key("web") in here.cluster.objects:
            await step(here)
        assert here.live("check", "Job")["metadata"]["finalizers"] == ["example.com/x"]


async def test_a_hook_that_changed_meanwhile_is_let_go_all_the_same() -> None:
    async with world(going(PRE)) as here:
        with_manifests(here, hook("check"))
        await step(here)
        complete(here, "check")
        await settled(here, "check")
        real, conflicts = here.cluster.patch, [ConflictError("changed", status=409)] * 2

        async def busy(resource: Any, *arguments: Any, **named: Any) -> Any:
            if resource.kind == "Job" and conflicts:
                raise conflicts.pop()
            return await real(resource, *arguments, **named)

        here.cluster.patch = busy  # type: ignore[method-assign]
        await step(here)
        assert conflicts == []
        assert not here.live("check", "Job")["metadata"].get("finalizers")


async def test_a_hook_that_is_gone_already_is_no_fault() -> None:
    async with world(going(PRE)) as here:
        with_manifests(here, hook("check"))
        await step(here)
        fail(here, "check")
        await settled(here, "check")
        real = here.cluster.delete

        async def vanished(*arguments: Any, **named: Any) -> None:
            await real(*arguments, **named)
            raise ObjectNotFoundError("not found", status=404)

        here.cluster.delete = vanished  # type: ignore[method-assign]
        assert await step(here) == WAIT
