"""Whole syncs: on a cluster in memory, with the real index and the real engine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.fakes.kube import FakeCluster, api
from tests.fakes.sync import FakeOperationStore
from tests.services.sync.build import (
    FAST,
    POLICY,
    WAVE,
    bench,
    breaks,
    completes,
    controller,
    fake_cluster,
    job,
    made_plan,
    manifest,
    record,
    results,
    until,
)
from tiphys.model.errors import ForbiddenError, KubeUnreachableError
from tiphys.model.resource import ApiResource, GroupKind, Manifest, ResourceKey, key_of
from tiphys.services.sync.runner import Pace, SyncRunner

ALL_RUN = "successfully synced (all tasks run)"
NO_MORE = "successfully synced (no more tasks)"


@pytest.fixture
def cluster() -> FakeCluster:
    return fake_cluster()


async def test_a_plain_sync_costs_one_write_an_object_and_stores_nothing(
    cluster: FakeCluster,
) -> None:
    async with bench(cluster) as b:
        cluster.calls.clear()
        names = [manifest(name=f"n{index}") for index in range(30)]
        done = await b.run(made_plan(cluster, names))
        assert (done.phase, done.message) == ("Succeeded", ALL_RUN)
        assert len(cluster.calls) == 30
        # The last record is the caller's to store, together with the end of the operation.
        assert b.store.saved == []
        assert results(done)[0] == ("n0", "Synced", "Running", "configmap/n0 created")
        assert b.index.get(key_of(names[0])) is not None


async def test_a_second_sync_writes_nothing(cluster: FakeCluster) -> None:
    target = manifest("Deployment", "web", api_version="apps/v1", spec={"replicas": 1})
    async with bench(cluster) as b:
        await b.run(made_plan(cluster, [target]))
        cluster.calls.clear()
        done = await b.run(made_plan(cluster, [target]))
        assert b.writes() == []
        assert results(done)[0][3] == "deployment.apps/web unchanged"
        done = await b.run(made_plan(cluster, [{**target, "spec": {"replicas": 2}}]))
        assert b.writes() == ["patch web"]
        assert results(done)[0][3] == "deployment.apps/web configured"


async def test_hooks_run_around_and_are_stored_before_they_go(cluster: FakeCluster) -> None:
    hooks = [
        job("pre", **{POLICY: "HookSucceeded"}),
        job("post", "PostSync"),
        job("rescue", "SyncFail"),
    ]
    async with bench(cluster) as b, controller(cluster, completes):
        done = await b.run(made_plan(cluster, [manifest()], hooks=hooks))
        assert (done.phase, done.message) == ("Succeeded", NO_MORE)
        assert b.writes("Job", "ConfigMap") == [
            "create pre",
            "patch pre",
            "create a",
            "create post",
            "patch post",
            "delete pre",
        ]
        assert results(done)[0] == ("pre", "Synced", "Succeeded", "all done")
        # Before the finalizer of the first hook goes, its result is stored.
        first = next(s for s in b.store.saved if results(s)[0][2] == "Succeeded")
        assert len(results(first)) == 1
        assert b.store.saved[-1].message == NO_MORE


async def test_waves_are_waited_for(cluster: FakeCluster) -> None:
    web = manifest("Deployment", "web", api_version="apps/v1", spec={"replicas": 1})
    late = manifest(name="late", annotations={WAVE: "1"})

    def available(key: ResourceKey, live: Manifest) -> Manifest | None:
        if key.kind != "Deployment" or not open_gate.is_set():
            return None
        counts = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
        return {**live, "status": counts}

    open_gate = asyncio.Event()
    async with bench(cluster) as b, controller(cluster, available):
        sync = b.runner.begin(made_plan(cluster, [web, late], wave_delay=2.0), record(), b.store)
        task = asyncio.create_task(sync.run())
        text = "waiting for healthy state of apps/Deployment/web"
        await until(lambda: b.store.saved and b.store.saved[-1].message == text)
        await asyncio.sleep(0.2)
        assert b.writes("ConfigMap") == []
        assert sync.record.phase == "Running"
        open_gate.set()
        done = await task
        assert done.message == ALL_RUN
        assert b.waits == [2.0]
        # One write for the batch and one for what its health said, however long it took.
        assert len(b.store.saved) == 2


async def test_prunes_and_applies(cluster: FakeCluster) -> None:
    old = manifest(name="old")
    cluster.seed(old)
    async with bench(cluster) as b:
        done = await b.run(made_plan(cluster, [manifest()], gone=[old]))
        assert b.writes() == ["delete old", "create a"]
        assert results(done)[0] == ("old", "Pruned", "Succeeded", "pruned")


async def test_nothing_is_pruned_from_a_list_that_is_not_complete(cluster: FakeCluster) -> None:
    old = manifest(name="old")
    cluster.seed(old)
    cluster.forbidden.add(GroupKind("", "ConfigMap"))
    async with bench(cluster) as b:
        done = await b.run(made_plan(cluster, [], gone=[old]))
        assert b.writes() == []
        assert done.phase == "Failed"
        assert results(done)[0][3] == "the list of /ConfigMap is not complete, nothing is pruned"


async def test_the_next_wave_waits_for_what_goes(cluster: FakeCluster) -> None:
    old = manifest(name="old")
    held = {**old, "metadata": {**old["metadata"], "finalizers": ["example.com/hold"]}}
    cluster.seed(held)
    late = manifest(name="late", annotations={WAVE: "1"})
    async with bench(cluster) as b:
        sync = b.runner.begin(made_plan(cluster, [late], gone=[old]), record(), b.store)
        task = asyncio.create_task(sync.run())
        text = "waiting for deletion of /ConfigMap/old"
        await until(lambda: b.store.saved and b.store.saved[-1].message == text)
        assert b.writes() == ["delete old"]
        cluster.vanish(key_of(old))
        done = await task
        assert done.phase == "Succeeded"
        assert b.writes() == ["delete old", "create late"]


async def test_a_hook_of_an_earlier_run_goes_first(cluster: FakeCluster) -> None:
    earlier = job()
    notes = {**earlier["metadata"]["annotations"], "tiphys.dev/operation": "2026-01-01T00:00:00Z/0"}
    finalizers = ["argocd.argoproj.io/hook-finalizer"]
    metadata = {**earlier["metadata"], "annotations": notes, "finalizers": finalizers}
    cluster.seed({**earlier, "metadata": metadata})
    async with bench(cluster) as b, controller(cluster, completes):
        done = await b.run(made_plan(cluster, [], hooks=[job()]))
        assert done.phase == "Succeeded"
        assert b.writes("Job") == [
            "patch migrate",
            "delete migrate",
            "create migrate",
            "patch migrate",
        ]


async def test_a_failed_hook_fails_the_sync(cluster: FakeCluster) -> None:
    hooks = [job(**{POLICY: "HookFailed"}), job("rescue", "SyncFail")]
    async with bench(cluster) as b, controller(cluster, breaks):
        done = await b.run(made_plan(cluster, [manifest()], hooks=hooks))
        assert done.phase == "Failed"
        text = "one or more synchronization tasks completed unsuccessfully"
        assert done.message == text
        assert results(done)[0] == ("migrate", "Synced", "Failed", "it broke")
        assert b.writes("Job") == [
            "create migrate",
            "patch migrate",
            "delete migrate",
            "create rescue",
            "patch rescue",
        ]


async def test_termination_deletes_the_running_hook(cluster: FakeCluster) -> None:
    async with bench(cluster) as b:
        sync = b.runner.begin(made_plan(cluster, [], hooks=[job()]), record(), b.store)
        task = asyncio.create_task(sync.run())
        await until(lambda: b.store.saved)
        sync.terminate()
        done = await task
        assert (done.phase, done.message) == ("Failed", "Operation terminated")
        assert cluster.objects.keys() == set()
        # It was stored as terminated before it went.
        assert results(b.store.saved[-1])[0][3] == "Terminated"
        assert b.store.saved[-1].phase == "Terminating"


async def test_termination_during_the_wave_delay(cluster: FakeCluster) -> None:
    async with bench(cluster) as b:
        runner = SyncRunner(b.ports, pace=FAST, wait=lambda _: asyncio.sleep(60))
        targets = [manifest(), manifest(name="late", annotations={WAVE: "1"})]
        sync = runner.begin(made_plan(cluster, targets, wave_delay=2.0), record(), b.store)
        task = asyncio.create_task(sync.run())
        await until(lambda: b.store.saved)
        sync.terminate("operation is terminating due to timeout")
        done = await asyncio.wait_for(task, 2)
        assert done.message == "Operation terminated"
        assert b.writes() == ["create a"]


@pytest.mark.parametrize("reply", [False, True])
async def test_a_kill_at_any_write_ends_as_if_there_was_none(*, reply: bool) -> None:
    """The process is ended at its k-th write, before or after the API server did it."""
    hooks = [job("pre"), job("post", "PostSync", **{POLICY: "HookSucceeded"})]
    old = manifest(name="old")
    targets = [manifest(), manifest(name="late", annotations={WAVE: "1"})]
    for k in range(1, 12):
        cluster = fake_cluster()
        cluster.seed(old)
        stored = record()
        async with bench(cluster) as b, controller(cluster, completes):
            made = made_plan(cluster, targets, hooks=hooks, gone=[old])
            sync = b.runner.begin(made, stored, b.store)
            killer = Killer(cluster, k, reply=reply)
            task = asyncio.create_task(sync.run())
            await asyncio.wait(
                {task, asyncio.create_task(killer.fired.wait())}, return_when="FIRST_COMPLETED"
            )
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            killer.disarm()
            stored = b.store.saved[-1] if b.store.saved else stored
        async with bench(cluster) as b, controller(cluster, completes):
            made = made_plan(cluster, targets, hooks=hooks, gone=[old])
            done = await b.run(made, stored)
        assert done.phase == "Succeeded", f"killed at write {k}: {done.message}"
        created = [key.name for verb, key in killer.done if verb == "create" and key.kind == "Job"]
        assert sorted(created) == ["post", "pre"]
        names = {key.name for key in cluster.objects}
        assert names == {"a", "late", "pre"}


class Killer:
    """Ends the run at the k-th write: before it is done, or after it without its reply."""

    def __init__(self, cluster: FakeCluster, k: int, *, reply: bool) -> None:
        self.cluster, self.left, self.reply = cluster, k, reply
        self.fired = asyncio.Event()
        self.done: list[tuple[str, ResourceKey]] = []
        for verb in ("create", "patch", "delete"):
            setattr(cluster, verb, self._guard(verb, getattr(cluster, verb)))

    def disarm(self) -> None:
        self.left = 1_000

    def _guard(self, verb: str, write: Any) -> Any:
        async def guarded(resource: ApiResource, *args: Any, **options: Any) -> Any:
            name = args[0]["metadata"]["name"] if verb == "create" else args[1]
            key = ResourceKey(resource.group, resource.kind, "demo", name)
            self.left -= 1
            if self.left == 0 and not self.reply:
                self.fired.set()
                await asyncio.sleep(60)
            answer = await write(resource, *args, **options)
            self.done.append((verb, key))
            if self.left == 0:
                self.fired.set()
                await asyncio.sleep(60)
            return answer

        return guarded


async def test_a_restart_asks_how_the_running_ones_are(cluster: FakeCluster) -> None:
    async with bench(cluster) as b:
        made = made_plan(cluster, [], hooks=[job()])
        sync = b.runner.begin(made, record(), b.store)
        task = asyncio.create_task(sync.run())
        await until(lambda: b.store.saved)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        (key,) = (key for key in cluster.objects if key.kind == "Job")
        changed = completes(key, cluster.objects[key])
        assert changed
        cluster.change(changed)
        done = await b.run(made_plan(cluster, [], hooks=[job()]), b.store.saved[-1])
        assert done.phase == "Succeeded"
        assert b.writes("Job") == ["create migrate", "patch migrate"]


async def test_an_object_that_vanishes_is_asked_for(cluster: FakeCluster) -> None:
    async with bench(cluster) as b:
        sync = b.runner.begin(made_plan(cluster, [], hooks=[job()]), record(), b.store)
        task = asyncio.create_task(sync.run())
        await until(lambda: b.store.saved)
        cluster.vanish(next(iter(cluster.objects)))
        done = await asyncio.wait_for(task, 5)
        assert done.phase == "Failed"
        text = "Resource batch/Job/migrate is missing, it might have been deleted"
        assert results(done)[0] == ("migrate", "SyncFailed", "Error", text)


async def test_what_cannot_be_watched_is_asked_for(cluster: FakeCluster) -> None:
    """The watch of the kind is refused: the object is read again and again."""
    refused = KubeUnreachableError("no", status=503)
    cluster.fail = lambda verb, key: (
        refused if verb in ("list", "watch") and key.kind == "Job" else None
    )
    async with bench(cluster) as b, controller(cluster, completes):
        done = await b.run(made_plan(cluster, [], hooks=[job()]))
        assert done.phase == "Succeeded"


async def test_a_read_that_fails_is_not_an_absence(cluster: FakeCluster) -> None:
    refused = KubeUnreachableError("no", status=503)
    cluster.fail = lambda verb, key: (
        refused if verb in ("list", "watch", "get") and key.kind == "Job" else None
    )
    async with bench(cluster) as b:
        hook = made_plan(cluster, [], hooks=[job()])
        b.index.manifest = _absent  # type: ignore[method-assign]
        sync = b.runner.begin(hook, record(), b.store)
        task = asyncio.create_task(sync.run())
        await until(lambda: b.store.saved)
        await asyncio.sleep(0.2)
        assert not task.done()
        sync.terminate()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _absent(key: ResourceKey, version: str = "") -> Manifest | None:
    return None


async def test_a_store_that_fails_ends_the_run(cluster: FakeCluster) -> None:
    async with bench(cluster) as b:
        b.store = FakeOperationStore(fails_at=0)
        with pytest.raises(RuntimeError, match="the store is broken"):
            await b.run(made_plan(cluster, [], hooks=[job()]))


async def test_a_fault_of_ours_ends_the_run(cluster: FakeCluster) -> None:
    async with bench(cluster) as b:
        cluster.fail = _stumbles
        with pytest.raises(ZeroDivisionError):
            await b.run(made_plan(cluster, [manifest()]))


def _stumbles(verb: str, key: ResourceKey) -> None:
    if verb == "create":
        raise ZeroDivisionError


async def test_errors_become_results(cluster: FakeCluster) -> None:
    refused = ForbiddenError("not for you", status=403)
    cluster.fail = lambda verb, key: refused if key.name == "b" and verb == "create" else None
    async with bench(cluster) as b:
        done = await b.run(made_plan(cluster, [manifest(), manifest(name="b")]))
        assert done.phase == "Failed"
        assert done.message == "one or more objects failed to apply, reason: not for you"
        assert results(done)[1] == ("b", "SyncFailed", "Failed", "not for you")


async def test_a_dry_run_sends_nothing(cluster: FakeCluster) -> None:
    cluster.seed(manifest(name="b", data={"x": "1"}))
    targets = [manifest(), manifest(name="b", data={"x": "2"})]
    async with bench(cluster) as b:
        done = await b.run(made_plan(cluster, targets, dry_run=True))
        assert b.writes() == []
        assert (done.phase, done.message) == ("Succeeded", NO_MORE)
        assert [text for *_, text in results(done)] == [
            "configmap/a created (dry run)",
            "configmap/b configured (dry run)",
        ]


async def test_create_namespace(cluster: FakeCluster) -> None:
    async with bench(cluster) as b:
        options = frozenset({"CreateNamespace=true"})
        made = made_plan(cluster, [manifest()], options=options, namespace_live=False)
        done = await b.run(made)
        assert b.writes() == ["create demo", "create a"]
        assert done.message == ALL_RUN


async def test_a_crd_and_its_objects_in_one_sync(cluster: FakeCluster) -> None:
    definition = manifest(
        "CustomResourceDefinition",
        "widgets.example.com",
        api_version="apiextensions.k8s.io/v1",
        namespace="",
        spec={
            "group": "example.com",
            "scope": "Cluster",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1"}],
        },
    )
    widget = manifest("Widget", "w", api_version="example.com/v1")

    def establish(key: ResourceKey, live: Manifest) -> Manifest | None:
        if key.kind != "CustomResourceDefinition":
            return None
        return {**live, "status": {"conditions": [{"type": "Established", "status": "True"}]}}

    async with bench(cluster) as b, controller(cluster, establish):
        done = await b.run(made_plan(cluster, [definition, widget]))
        assert (done.phase, done.message) == ("Succeeded", ALL_RUN)
        # Its scope was not known before: it is written where its kind lives.
        assert ResourceKey("example.com", "Widget", "", "w") in cluster.objects


async def test_progress_of_a_long_wait_is_stored_now_and_then(cluster: FakeCluster) -> None:
    hooks = [job("one"), job("two")]

    def first(key: ResourceKey, live: Manifest) -> Manifest | None:
        return completes(key, live) if key.name == "one" else None

    async with bench(cluster) as b, controller(cluster, first):
        sync = b.runner.begin(made_plan(cluster, [], hooks=hooks), record(), b.store)
        task = asyncio.create_task(sync.run())
        text = "waiting for completion of hook batch/Job/two"
        await until(lambda: b.store.saved and b.store.saved[-1].message == text)
        assert len(b.store.saved) <= 2
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_large_sync_leaves_room_for_a_small_one(cluster: FakeCluster) -> None:
    order: list[str] = []
    create = cluster.create

    async def slow(resource: ApiResource, made: Manifest, **options: Any) -> Manifest:
        await asyncio.sleep(0.005)
        order.append(made["metadata"]["name"])
        return await create(resource, made, **options)

    cluster.create = slow  # type: ignore[method-assign, assignment]
    async with bench(cluster) as b:
        runner = SyncRunner(b.ports, limit=4, pace=FAST)
        large = made_plan(cluster, [manifest(name=f"n{index}") for index in range(40)])
        small = made_plan(cluster, [manifest(name="small")])
        runs = [runner.begin(made, record(), b.store).run() for made in (large, small)]
        await asyncio.gather(*runs)
    assert order.index("small") < 8


def test_the_pace_of_the_contract() -> None:
    assert Pace() == Pace(recheck=30.0, unwatched=2.0, progress=2.0)


async def test_a_kind_that_came_with_the_sync_is_permitted_or_not(cluster: FakeCluster) -> None:
    """Its scope was not known to the plan, so that the project could not be asked before."""
    odd = api("example.com", "v1", "Odd", "odds")
    skip = {"argocd.argoproj.io/sync-options": "SkipDryRunOnMissingResource=true"}
    wanted = [
        manifest("Odd", name, api_version="example.com/v1", namespace=space, annotations=skip)
        for name, space in (("mine", "demo"), ("theirs", "other"))
    ]

    def permits(key: ResourceKey, namespaced: bool) -> str:
        return f"namespace {key.namespace}: no" if namespaced and key.namespace != "demo" else ""

    plan = made_plan(cluster, wanted, permits=permits)
    assert plan.problems == ()
    cluster.resources.append(odd)
    async with bench(cluster) as b:
        done = await b.run(plan)
        assert done.phase == "Failed"
        assert "namespace other: no" in done.message
        assert [key.name for key in cluster.objects if key.kind == "Odd"] == ["mine"]
