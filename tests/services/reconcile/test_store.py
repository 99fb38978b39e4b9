"""The Applications as they are known: what is told, what is kept, what is put back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from tests.fakes.clock import FakeClock, settle
from tests.fakes.kube import FakeCluster
from tests.services.reconcile.world import APPLICATIONS, NAMESPACE, application, key
from tiphys.model.application import Application
from tiphys.model.errors import ConflictError, InvalidObjectError, KubeError, KubeUnreachableError
from tiphys.model.live import WatchEvent, WatchVerb
from tiphys.services.reconcile.store import AppChange, ApplicationStore

RUNNING = {"operation": {"sync": {}}, "phase": "Running", "startedAt": "2026-11-23T12:00:00Z"}


class Desk:
    """A store on a fake cluster, with events handed over by the test."""

    def __init__(self, **status: Any) -> None:
        self.cluster = FakeCluster((APPLICATIONS,))
        self.clock = FakeClock()
        self.store = ApplicationStore(self.cluster, APPLICATIONS, NAMESPACE, sleep=self.clock.sleep)
        self.told: list[tuple[str, bool, bool]] = []
        self.cluster.seed(application() | {"status": status})
        self.hand_over()
        self.store.listener = lambda change: self.told.append(
            (change.name, change.old is not None, change.new is not None)
        )

    @property
    def raw(self) -> Any:
        return self.cluster.objects[key("web")]

    @property
    def app(self) -> Application:
        found = self.store.get("web")
        assert found is not None
        return found

    def event(self, verb: WatchVerb = WatchVerb.MODIFIED) -> WatchEvent:
        return WatchEvent(verb, dict(self.raw))

    def hand_over(self) -> None:
        self.store.apply(self.event())

    def change(self, **parts: Any) -> None:
        raw = {**self.raw, **parts}
        self.cluster.change({part: value for part, value in raw.items() if value is not None})

    def writes(self) -> int:
        return sum(verb == "patch" for verb, _ in self.cluster.calls)


async def test_own_writes_are_not_told() -> None:
    desk = Desk()
    await desk.store.patch_status(desk.app, {"sourceType": "Helm"})
    desk.hand_over()
    assert desk.told == []
    assert desk.app.status.source_type == desk.raw["status"]["sourceType"] == "Helm"
    assert desk.writes() == 1


async def test_two_writes_at_once_do_not_mix_what_each_says() -> None:
    desk = Desk(health={"status": "Missing"})
    seen = desk.app
    hangs = {"health": {"status": "Progressing", "message": "Caused by Pod:web/x"}}
    async with asyncio.TaskGroup() as group:
        group.create_task(desk.store.patch_status(seen, hangs))
        group.create_task(desk.store.patch_status(seen, {"health": {"status": "Healthy"}}))
    assert desk.raw["status"]["health"] == {"status": "Healthy"}
    assert desk.app.raw["status"]["health"] == {"status": "Healthy"}


async def test_changes_of_others_are_told() -> None:
    desk = Desk()
    desk.change(operation={"sync": {}})
    desk.hand_over()
    desk.hand_over()
    assert desk.told == [("web", True, True)]


async def test_an_event_that_comes_during_a_write_is_not_lost_when_that_is_refused() -> None:
    desk = Desk()

    def meanwhile(verb: str, _at: object) -> None:
        desk.cluster.fail = lambda _verb, _at: None
        desk.change(metadata={**desk.raw["metadata"], "labels": {"a": "b"}})
        desk.hand_over()

    desk.cluster.fail = meanwhile
    wrong = [{"op": "test", "path": "/spec/project", "value": "other"}]
    with pytest.raises(InvalidObjectError):
        await desk.store.json_patch(desk.app, wrong)
    assert desk.app.metadata.labels == {"a": "b"}
    assert desk.told == [("web", True, True)]


async def test_what_others_wrote_before_our_write_is_told_with_its_answer() -> None:
    desk = Desk()
    desk.change(operation={"sync": {}})
    await desk.store.patch_status(desk.app, {"sourceType": "Helm"})
    assert desk.told == [("web", True, True)]
    # The event is older than the answer by now.
    assert desk.app.operation is not None


async def test_a_status_that_was_wiped_is_put_back() -> None:
    desk = Desk(sourceType="Helm", history=[])
    desk.change(status=None)
    desk.hand_over()
    # Whoever asks meanwhile does not see the loss.
    assert desk.app.status.source_type == "Helm"
    await settle()
    assert desk.raw["status"] == {"sourceType": "Helm", "history": []}
    assert desk.told == []


async def test_a_status_that_was_wiped_before_our_write_is_put_back() -> None:
    desk = Desk(sourceType="Helm")
    desk.change(status=None)
    await desk.store.patch_status(desk.app, {"observedAt": "2026-01-01T00:00:00Z"})
    await settle()
    assert desk.raw["status"]["sourceType"] == "Helm"


async def test_another_writer_is_opposed_ever_more_slowly() -> None:
    desk = Desk(sourceType="Helm")
    for _ in range(3):
        desk.change(status={"sourceType": "Theirs"})
        desk.hand_over()
        await settle()
    assert desk.writes() == 1
    await desk.clock.advance(1.0)
    assert desk.raw["status"]["sourceType"] == "Helm"
    desk.change(status={"sourceType": "Theirs"})
    desk.hand_over()
    await desk.clock.advance(1.9)
    assert desk.writes() == 2
    await desk.clock.advance(0.2)
    assert desk.raw["status"]["sourceType"] == "Helm"
    await desk.store.close()


async def test_a_write_of_ours_mends_what_another_left() -> None:
    desk = Desk(sourceType="Helm")
    desk.cluster.fail = lambda _verb, _at: KubeUnreachableError("away")
    desk.change(status={"sourceType": "Theirs"})
    desk.hand_over()
    await settle()
    desk.cluster.fail = lambda _verb, _at: None
    await desk.store.patch_status(desk.app, {"controllerNamespace": "argocd"})
    assert desk.raw["status"] == {"sourceType": "Helm", "controllerNamespace": "argocd"}
    await desk.store.close()


async def test_a_request_to_terminate_is_let_through() -> None:
    desk = Desk(operationState=RUNNING)
    desk.change(status={"operationState": {**RUNNING, "phase": "Terminating"}})
    desk.hand_over()
    assert desk.told == [("web", True, True)]
    assert desk.app.raw["status"]["operationState"]["phase"] == "Terminating"
    await settle()
    assert desk.writes() == 0


async def test_what_has_ended_cannot_be_terminated() -> None:
    done = {**RUNNING, "phase": "Succeeded"}
    desk = Desk(operationState=done)
    desk.change(status={"operationState": {**done, "phase": "Terminating"}})
    desk.hand_over()
    await settle()
    assert desk.raw["status"]["operationState"] == done
    await desk.store.close()


async def test_a_new_operation_drops_the_state_of_the_last() -> None:
    desk = Desk(operationState={**RUNNING, "phase": "Succeeded"}, sourceType="Helm")
    desk.change(operation={"sync": {}}, status={"sourceType": "Helm"})
    desk.hand_over()
    assert desk.app.status.operation_state is None
    await settle()
    assert desk.writes() == 0


async def test_the_state_of_what_runs_is_put_back() -> None:
    desk = Desk(operationState=RUNNING)
    desk.change(operation={"sync": {}}, status={})
    desk.hand_over()
    await settle()
    assert desk.raw["status"]["operationState"] == RUNNING
    await desk.store.close()


async def test_a_write_without_an_answer_that_was_done_is_no_other_writers() -> None:
    desk = Desk(operationState=RUNNING)
    real = desk.cluster.patch

    async def cut_off(*arguments: Any, **named: Any) -> Any:
        await real(*arguments, **named)
        raise KubeUnreachableError("connection lost")

    desk.cluster.patch = cut_off  # type: ignore[method-assign]
    done = {**RUNNING, "phase": "Succeeded"}
    add = [{"op": "add", "path": "/status/operationState", "value": done}]
    with pytest.raises(KubeUnreachableError):
        await desk.store.json_patch(desk.app, add)
    desk.cluster.patch = real  # type: ignore[method-assign]
    desk.hand_over()
    await settle()
    assert desk.writes() == 1
    assert desk.app.raw["status"]["operationState"] == done


async def test_an_application_that_went_during_a_write_does_not_come_back() -> None:
    desk = Desk()
    real = desk.cluster.patch

    async def slow(*arguments: Any, **named: Any) -> Any:
        answer = await real(*arguments, **named)
        desk.store.apply(desk.event(WatchVerb.DELETED))
        return answer

    desk.cluster.patch = slow  # type: ignore[method-assign]
    assert await desk.store.patch_status(desk.app, {"sourceType": "Helm"}) is None
    assert desk.store.get("web") is None


async def test_nothing_is_written_to_another_application_of_the_name() -> None:
    desk = Desk()
    old = desk.app
    desk.store.apply(desk.event(WatchVerb.DELETED))
    desk.cluster.vanish(key("web"))
    desk.cluster.seed(application())
    assert await desk.store.patch_status(old, {"sourceType": "Helm"}) is None
    desk.hand_over()
    assert await desk.store.patch_status(old, {"sourceType": "Helm"}) is None
    assert desk.store.same(old) is None
    assert not desk.raw.get("status")


async def test_another_one_of_the_name_that_is_not_known_yet_is_spared() -> None:
    desk = Desk()
    desk.cluster.vanish(key("web"))
    desk.cluster.seed(application())
    assert await desk.store.patch_status(desk.app, {"sourceType": "Helm"}) is None
    assert not desk.raw.get("status")


async def test_another_one_of_the_name_is_told_as_such() -> None:
    desk = Desk(sourceType="Helm")
    old = desk.app
    desk.cluster.vanish(key("web"))
    desk.cluster.seed(application())
    changes: list[AppChange] = []
    desk.store.listener = changes.append
    desk.hand_over()
    assert [(c.old and c.old.uid, c.new and c.new.uid) for c in changes] == [
        (old.uid, desk.app.uid)
    ]
    await settle()
    assert desk.writes() == 0


async def test_a_list_says_what_is_gone() -> None:
    desk = Desk()
    desk.store.replace_all(())
    assert desk.told == [("web", True, False)]
    assert list(desk.store.names()) == []


async def test_bookmarks_and_events_of_the_old_one_say_nothing() -> None:
    desk = Desk()
    other = {"metadata": {**desk.raw["metadata"], "uid": "other"}}
    desk.store.apply(WatchEvent(WatchVerb.DELETED, other))
    desk.store.apply(WatchEvent(WatchVerb.BOOKMARK, {"metadata": {"resourceVersion": "9"}}))
    assert desk.told == []
    assert desk.store.get("web") is not None


async def test_a_conflict_without_precondition_is_tried_again() -> None:
    desk = Desk()
    conflicts = [ConflictError("busy", status=409)] * 2

    def busy(_verb: str, _at: object) -> KubeError | None:
        return conflicts.pop() if conflicts else None

    desk.cluster.fail = busy
    await desk.store.patch_status(desk.app, {"sourceType": "Helm"})
    assert desk.raw["status"]["sourceType"] == "Helm"
    conflicts += [ConflictError("busy", status=409)] * 9
    with pytest.raises(ConflictError):
        await desk.store.patch_status(desk.app, {"sourceType": "Kustomize"})


async def test_a_write_with_a_precondition_is_refused_once() -> None:
    desk = Desk()
    desk.change(operation={"sync": {}})
    with pytest.raises(ConflictError):
        await desk.store.merge(desk.app, {"operation": None}, unchanged=True)
    assert desk.writes() == 1


async def test_a_newer_version_is_waited_for() -> None:
    desk = Desk()
    before = desk.app
    waiting = asyncio.create_task(desk.store.newer(before, within=5.0))
    await settle()
    assert not waiting.done()
    desk.change(operation={"sync": {}})
    desk.hand_over()
    await waiting
    await desk.store.newer(before, within=5.0)
    await desk.store.newer(desk.app, within=0.01)


async def test_what_is_asked_of_all_of_them() -> None:
    source = {"repoURL": "https://git.example.com/apps"}
    one, other = "a" * 40, "b" * 40
    synced: Mapping[str, Any] = {"syncResult": {"source": source, "revision": other}}
    sync = {"comparedTo": {"source": source}, "revision": one}
    desk = Desk(sync=sync, operationState={**RUNNING, **synced})
    assert desk.store.of_project("default") == ["web"]
    assert desk.store.of_project("other") == []
    assert desk.store.commits_in_use() == {"https://git.example.com/apps": {one, other}}


LONG = "because " * 20_000
RESULTS = [{"kind": "ConfigMap", "name": str(n), "message": LONG} for n in range(20)]


async def test_a_status_that_is_too_large_is_shortened_whatever_writes_it() -> None:
    desk = Desk(sync={"status": "Synced"}, history=[{"id": 1}])
    state = {**RUNNING, "syncResult": {"resources": RESULTS, "revision": "r"}}
    await desk.store.patch_status(desk.app, {"operationState": state})
    assert len(str(desk.raw)) < 1_100_000
    assert desk.raw["status"]["conditions"][0]["type"] == "UnknownError"
    writes = desk.writes()
    # The same again is as short, and not written.
    await desk.store.patch_status(desk.app, {"operationState": state})
    assert desk.writes() == writes
    operations: list[dict[str, Any]] = [
        {"op": "add", "path": "/status/operationState", "value": {**state, "phase": "Succeeded"}},
        {"op": "add", "path": "/status/history", "value": [{"id": 1}, {"id": 2}]},
    ]
    await desk.store.json_patch(desk.app, operations)
    status = desk.raw["status"]
    assert status["operationState"]["phase"] == "Succeeded"
    assert [entry["id"] for entry in status["history"]] == [1, 2]
    assert status["sync"] == {"status": "Synced"}
    assert len(str(desk.raw)) < 1_100_000
    assert desk.app.raw["status"] == status
