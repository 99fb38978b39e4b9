"""Operations from what was asked for to what came of it, whatever happens in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

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
from tiphys.model.application import Application
from tiphys.model.errors import (
    ForbiddenError,
    KubeError,
    KubeUnreachableError,
    RepositoryError,
    RepositoryUnreachableError,
)
from tiphys.model.render import ReadSet, RenderResult
from tiphys.model.resource import ResourceKey
from tiphys.model.status import CompareLevel
from tiphys.services.reconcile import refresh
from tiphys.services.reconcile.again import Again
from tiphys.services.reconcile.conclusion import Outlook

ASKED = {"sync": {"prune": True}, "initiatedBy": {"username": "admin"}}


def asking(**operation: Any) -> dict[str, Any]:
    return application() | {"operation": {**ASKED, **operation}}


def with_hook(here: World, *manifests: Any) -> None:
    """What Git has is rendered to these."""

    async def render(*_arguments: Any) -> RenderResult:
        return RenderResult(manifests or (job(),), ReadSet())

    here.renderer.render = render  # type: ignore[method-assign,assignment]


async def test_it_runs_and_ends_with_the_history() -> None:
    async with world(asking()) as here:
        assert await here.operator.operate("web") is None
        assert here.live("a")["data"] == {"text": "one"}
        assert "operation" not in here.raw()
        state, (entry,) = here.state(), here.status()["history"]
        assert (state["phase"], state["startedAt"]) == ("Succeeded", "2026-11-23T12:00:00Z")
        assert (entry["id"], entry["revision"]) == (0, state["syncResult"]["revision"])
        await here.events.drain(within=1.0)
        assert here.messages() == [
            f"Sync operation to {entry['revision']} succeeded",
            "Updated sync status:  -> Synced",
            "Updated health status:  -> Healthy",
        ]


async def test_its_end_tells_what_came_of_it() -> None:
    """In one patch: nobody sees an ended sync whose objects are still called OutOfSync."""
    async with world(asking()) as here:
        before = here.patches()
        await here.operator.operate("web")
        status = here.status()
        assert (status["sync"]["status"], status["health"]["status"]) == ("Synced", "Healthy")
        assert status["sync"]["revision"] == here.state()["syncResult"]["revision"]
        assert [entry["status"] for entry in status["resources"]] == ["Synced"]
        assert here.patches() - before == 2


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (CompareLevel.RECENT, None),
        # More than the end of a manual sync looks at.
        (CompareLevel.FORCE_RESOLVE, CompareLevel.FORCE_RESOLVE),
    ],
)
async def test_its_end_answers_what_its_own_writes_asked_for(
    asked: CompareLevel, left: CompareLevel | None
) -> None:
    async with world(asking()) as here:
        here.operator.request = lambda _name, _level: None
        here.memories.of("web").request(asked)
        await here.operator.operate("web")
        assert here.memories.of("web").requested is left


async def test_what_its_end_could_not_answer_stays_asked_for() -> None:
    async with world(asking()) as here:
        here.operator.request = lambda _name, _level: None
        here.memories.of("web").request(CompareLevel.RECENT)
        real, calls = here.comparer.compare, []

        async def failing(*arguments: Any, **named: Any) -> Any:
            calls.append(named)
            if len(calls) > 1:
                raise KubeError("away")
            return await real(*arguments, **named)

        here.comparer.compare = failing  # type: ignore[method-assign]
        await here.operator.operate("web")
        assert here.state()["phase"] == "Succeeded"
        assert here.memories.of("web").requested is CompareLevel.RECENT


@pytest.mark.parametrize("wrong", ["source", "cluster", "fault"])
async def test_its_end_waits_for_no_comparison(wrong: str) -> None:
    """What cannot be compared at the end is left to a pass."""
    async with world(asking()) as here:
        asked: list[CompareLevel] = []
        here.operator.request = lambda _name, level: asked.append(level)

        class Ahead:
            async def look_ahead(self, app: Application) -> Outlook | None:
                if wrong == "source":
                    raise RepositoryError("away")
                if wrong == "fault":
                    raise ValueError("ours")
                return None

            def parts(self, app: Application, seen: Outlook) -> dict[str, Any]:
                raise AssertionError("nothing was seen")

            def told(self, before: Application, seen: Outlook) -> None:
                raise AssertionError("nothing was seen")

        here.operator.ahead = Ahead()
        await here.operator.operate("web")
        assert here.state()["phase"] == "Succeeded"
        assert "sync" not in here.status()
        assert asked == [CompareLevel.FORCE_RESOLVE]


async def test_a_repository_that_hangs_holds_up_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh, "_LOOK_AHEAD", 0.05)
    async with world(asking()) as here:
        real, loads = here.desired.load, []

        async def hanging(*arguments: Any, **named: Any) -> Any:
            loads.append(named)
            if len(loads) > 1:
                await asyncio.sleep(60)
            return await real(*arguments, **named)

        here.desired.load = hanging  # type: ignore[method-assign]
        async with asyncio.timeout(10):
            await here.operator.operate("web")
        assert len(loads) == 2
        assert here.state()["phase"] == "Succeeded"


async def test_two_in_one_second_are_told_apart() -> None:
    async with world(asking()) as here:
        await here.operator.operate("web")
        # The state of the last one goes when the next is asked for.
        here.ask()
        await until(lambda: here.app().operation)
        assert await here.operator.operate("web") == Again(1.0)
        assert here.state() == {}
        here.pass_time(1)
        await here.operator.operate("web")
        assert here.state()["startedAt"] == "2026-11-23T12:00:01Z"
        # After a restart the history says it.
        here.memories.forget("web")
        here.ask()
        await until(lambda: here.app().operation)
        assert await here.operator.operate("web") == Again(1.0)
        here.pass_time(1)
        await here.operator.operate("web")
        assert here.state()["startedAt"] == "2026-11-23T12:00:02Z"


async def test_what_was_begun_is_resumed_and_not_what_is_asked_for_since() -> None:
    running = {
        "operation": {"sync": {"prune": True}, "initiatedBy": {"username": "first"}},
        "phase": "Running",
        "startedAt": "2026-11-23T11:59:00Z",
    }
    async with world(asking() | {"status": {"operationState": running}}) as here:
        await here.operator.operate("web")
        assert here.state()["startedAt"] == running["startedAt"]
        assert here.state()["operation"]["initiatedBy"] == {"username": "first"}
        assert "operation" not in here.raw()


async def test_revisions_that_fit_no_source_are_named() -> None:
    async with world(asking(sync={"revisions": ["x"]})) as here:
        await here.operator.operate("web")
        assert here.state()["phase"] == "Error"
        text = "operation.sync.revisions is for applications with several sources"
        assert here.state()["message"] == f"InvalidSpecError: {text}"


async def test_the_source_of_an_operation_is_judged_like_the_spec() -> None:
    source = {"repoURL": URL, "chart": "web"}
    async with world(asking(sync={"source": source})) as here:
        await here.operator.operate("web")
        assert "spec.source.targetRevision is required" in here.state()["message"]


async def test_an_empty_operation_ends() -> None:
    async with world(application() | {"operation": {}}) as here:
        await here.operator.operate("web")
        assert here.state()["message"] == "Invalid operation request: no operation specified"


async def test_a_failure_waits_for_its_retry() -> None:
    async with world(asking(retry={"limit": 1})) as here:
        here.git.failure = RepositoryUnreachableError("no route", url=URL)
        assert await here.operator.operate("web") == Again(0.0)
        assert here.state()["phase"] == "Running"
        assert here.state()["message"].endswith("no route. Retrying attempt #1 at 12:00PM.")
        assert await here.operator.operate("web") == Again(10.0)
        here.git.failure = None
        here.pass_time(11)
        await here.operator.operate("web")
        assert (here.state()["phase"], here.state()["retryCount"]) == ("Succeeded", 1)


async def test_the_wait_for_a_retry_ends_with_the_time_of_the_operation() -> None:
    async with world(asking(retry={"limit": 1})) as here:
        here.settings = replace(here.settings, sync_timeout=4.0)
        here.git.failure = RepositoryUnreachableError("no route", url=URL)
        await here.operator.operate("web")
        assert await here.operator.operate("web") == Again(4.0)
        here.git.failure = None
        here.pass_time(5)
        await here.operator.operate("web")
        assert here.state()["phase"] == "Failed"
        text = "Operation terminated, triggered by controller sync timeout (retried 1 times)."
        assert here.state()["message"] == text


async def test_terminated_while_it_waits_for_a_retry() -> None:
    async with world(asking(retry={"limit": -1})) as here:
        here.git.failure = RepositoryUnreachableError("no route", url=URL)
        await here.operator.operate("web")
        here.git.failure = None
        terminate(here)
        await until(lambda: here.app().status.operation_state.phase == "Terminating")  # type: ignore[union-attr]
        assert await here.operator.operate("web") is None
        assert here.state()["phase"] == "Failed"
        assert here.state()["message"].startswith("Operation terminated")


async def test_terminated_while_its_comparison_fails() -> None:
    async with world(asking(retry={"limit": -1})) as here:
        here.git.failure = RepositoryUnreachableError("no route", url=URL)
        await here.operator.operate("web")
        terminate(here)
        await until(lambda: here.app().status.operation_state.phase == "Terminating")  # type: ignore[union-attr]
        assert await here.operator.operate("web") is None
        assert here.state()["phase"] == "Error"
        assert "operation" not in here.raw()


async def test_terminated_while_it_is_prepared() -> None:
    async with world(asking(retry={"limit": -1}), controller=True) as here:
        here.renderer.gate.clear()
        here.memories.forget("web")
        await here.renderer.started.wait()
        await until(lambda: here.state().get("phase") == "Running")
        terminate(here)
        await until(lambda: here.app().status.operation_state.phase == "Terminating")  # type: ignore[union-attr]
        here.renderer.gate.set()
        await until(lambda: here.state()["phase"] == "Failed", what=here.state)
        assert here.state()["message"] == "Operation terminated"
        assert here.live("a") is None


async def test_terminated_while_a_hook_runs() -> None:
    async with world(asking(retry={"limit": -1}), controller=True) as here:
        with_hook(here)
        await until(lambda: here.live("migrate", "Job"))
        terminate(here)
        await until(lambda: here.state().get("phase") == "Failed", what=here.state)
        assert here.state()["message"] == "Operation terminated"
        assert "operation" not in here.raw()
        assert here.live("migrate", "Job") is None


async def test_an_operation_that_is_taken_away_is_terminated() -> None:
    async with world(asking(retry={"limit": -1}), controller=True) as here:
        with_hook(here)
        await until(lambda: here.live("migrate", "Job"))
        here.change(operation=None)
        await until(lambda: here.state().get("phase") == "Failed", what=here.state)
        assert here.state()["message"] == "Operation terminated"


async def test_an_operation_that_was_taken_away_ends_after_a_restart() -> None:
    running = {"operation": ASKED, "phase": "Running", "startedAt": "2026-11-23T11:59:00Z"}
    async with world(
        application() | {"status": {"operationState": running}}, controller=True
    ) as here:
        await until(lambda: here.state().get("phase") == "Failed", what=here.state)


async def test_the_wish_to_terminate_is_not_overwritten() -> None:
    async with world(asking()) as here:
        with_hook(here)
        running = asyncio.create_task(here.operator.operate("web"))
        await until(lambda: here.live("migrate", "Job"))
        state = here.app().status.operation_state
        assert state is not None
        terminate(here)
        await until(lambda: here.app().status.operation_state.phase == "Terminating")  # type: ignore[union-attr]
        from msgspec.structs import replace as change

        await here.operator.save(here.app(), change(state, message="waiting"))
        assert (here.state()["phase"], here.state()["message"]) == ("Terminating", "waiting")
        here.operator.terminate("web")
        await running


async def test_another_operation_that_is_asked_for_meanwhile_is_not_run() -> None:
    async with world(asking(), controller=True) as here:
        with_hook(here)
        await until(lambda: here.live("migrate", "Job"))
        here.change(operation={**ASKED, "initiatedBy": {"username": "second"}})
        complete(here)
        await until(lambda: here.state().get("phase") == "Succeeded", what=here.state)
        await until(lambda: "operation" not in here.raw())
        assert here.state()["operation"]["initiatedBy"] == {"username": "admin"}
        assert [one["id"] for one in here.status()["history"]] == [0]


async def test_a_status_that_is_wiped_at_the_end_starts_nothing_anew() -> None:
    async with world(asking(), controller=True) as here:
        with_hook(here)
        await until(lambda: here.live("migrate", "Job"))
        real = here.cluster.patch

        async def wiped_before(*arguments: Any, **named: Any) -> Any:
            if isinstance(arguments[4], list) and "Succeeded" in str(arguments[4]):
                here.cluster.patch = real  # type: ignore[method-assign]
                here.change(status=None)
            return await real(*arguments, **named)

        here.cluster.patch = wiped_before  # type: ignore[method-assign]
        complete(here)
        await until(lambda: here.state().get("phase") == "Succeeded", what=here.state)
        assert "operation" not in here.raw()
        created = [at for verb, at in here.cluster.calls if verb == "create" and at.kind == "Job"]
        assert len(created) == 1


async def test_skipping_does_not_stop_what_runs() -> None:
    async with world(asking(retry={"limit": 1})) as here:
        here.git.failure = RepositoryUnreachableError("no route", url=URL)
        await here.operator.operate("web")
        here.annotate(**{"skip-reconcile": "true"})
        await until(lambda: here.app().metadata.annotations)
        here.git.failure = None
        here.pass_time(11)
        await here.operator.operate("web")
        assert here.state()["phase"] == "Succeeded"
        here.ask()
        await until(lambda: here.app().operation)
        assert await here.operator.operate("web") is None
        assert here.state() == {}


async def test_an_application_that_goes_takes_its_operation_with_it() -> None:
    async with world(asking(), controller=True) as here:
        with_hook(here)
        await until(lambda: here.live("migrate", "Job"))
        here.cluster.vanish(key("web"))
        here.seed(application())
        await until(lambda: here.status().get("sync"), what=here.raw)
        complete(here)
        await asyncio.sleep(0.05)
        # The one that has its name now was not asked to do anything.
        assert "operationState" not in here.status()


async def test_a_store_that_is_away_is_tried_again_from_what_is_stored() -> None:
    async with world(asking()) as here:
        with_hook(here)

        def away(verb: str, at: Any) -> KubeUnreachableError | None:
            done = here.live("migrate", "Job") is not None and at == key("web")
            return KubeUnreachableError("away") if verb == "patch" and done else None

        here.cluster.fail = away
        with pytest.raises(KubeUnreachableError):
            await here.operator.operate("web")
        here.cluster.fail = lambda _verb, _at: None
        complete(here)
        await here.operator.operate("web")
        assert here.state()["phase"] == "Succeeded"
        created = [at for verb, at in here.cluster.calls if verb == "create" and at.kind == "Job"]
        assert len(created) == 1


async def test_what_is_forbidden_ends_it() -> None:
    async with world(asking()) as here:

        async def forbidden(*_arguments: Any) -> None:
            raise ForbiddenError("not for you", status=403)

        here.operator.attempts._hooks = forbidden  # type: ignore[assignment,method-assign]
        await here.operator.operate("web")
        assert (here.state()["phase"], here.state()["message"]) == ("Error", "not for you")


async def test_a_fault_of_ours_ends_it_without_telling_values() -> None:
    async with world(asking()) as here:

        async def broken(*_arguments: Any) -> None:
            raise ValueError("s3cret")

        here.operator.attempts._hooks = broken  # type: ignore[assignment,method-assign]
        await here.operator.operate("web")
        text = "unexpected fault (ValueError); the log says more"
        assert (here.state()["phase"], here.state()["message"]) == ("Error", text)


async def test_a_list_that_is_late_is_waited_for() -> None:
    async with world(asking()) as here:
        answers = iter([False, False])
        real = here.index.complete
        here.index.complete = lambda kinds: next(answers, real(kinds))  # type: ignore[method-assign]
        await here.operator.operate("web")
        assert here.state()["phase"] == "Succeeded"


async def test_a_missing_project_ends_it() -> None:
    async with world(asking()) as here:
        here.projects.clear()
        await here.operator.operate("web")
        assert "project default which does not exist" in here.state()["message"]
        here.projects["default"] = PROJECT


async def test_an_automated_sync_takes_two_patches_and_is_synced() -> None:
    async with world(application(policy=AUTO), controller=True) as here:
        await until(lambda: here.status().get("sync", {}).get("status") == "Synced")
        await asyncio.sleep(0.6)
        assert here.patches() == 2


async def test_a_prune_that_asks_first_waits_until_somebody_agrees() -> None:
    options = "argocd.argoproj.io/sync-options"
    async with world(asking(), controller=True) as here:
        await until(lambda: here.state().get("phase") == "Succeeded")
        live = here.live("a")
        notes = {**live["metadata"]["annotations"], options: "Prune=confirm"}
        here.cluster.change({**live, "metadata": {**live["metadata"], "annotations": notes}})
        with_hook(here, job("later", phase="PostSync"))
        here.git.commit(URL, {"web/b": "two"})
        here.pass_time(10)
        here.annotate(**{"deletion-approved": "2026-11-23T12:00:00Z"})
        here.ask()
        asked = "waiting for pruning confirmation of /ConfigMap/a"
        await until(lambda: here.state().get("message") == asked)
        # What was agreed to before was something else.
        assert here.live("a")
        here.annotate(**{"deletion-approved": "2026-11-23T12:00:11Z"})
        await until(lambda: here.live("a") is None)
        await until(lambda: here.live("later", "Job"))
        complete(here, "later")
        await until(lambda: here.state()["phase"] == "Succeeded")


async def test_the_metadata_of_the_namespace_is_managed() -> None:
    policy = {
        "syncOptions": ["CreateNamespace=true"],
        "managedNamespaceMetadata": {"labels": {"team": "a"}},
    }
    app = application(policy=policy) | {
        "operation": {"sync": {"syncOptions": policy["syncOptions"]}}
    }
    async with world(app) as here:
        space = ResourceKey("", "Namespace", "", "demo")
        here.cluster.change(
            {**here.cluster.objects[space], "metadata": {"name": "demo", "labels": {"others": "b"}}}
        )
        await here.operator.operate("web")
        assert here.state()["phase"] == "Succeeded"
        meta = here.cluster.objects[space]["metadata"]
        assert meta["labels"] == {"others": "b", "team": "a"}


def terminate(here: World) -> None:
    state = {**here.state(), "phase": "Terminating"}
    here.change(status={**here.status(), "operationState": state})
