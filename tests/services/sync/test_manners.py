"""Each manner of writing an object, against a cluster in memory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.fakes.kube import BUILT_IN, FakeCluster, api
from tests.services.sync.build import JOBS, bench, fake_cluster, made_plan, manifest, record
from tests.services.sync.test_writes import Failing
from tiphys.core.sync.task import SyncTask
from tiphys.model.errors import (
    ConflictError,
    ForbiddenError,
    InvalidObjectError,
    KubeError,
    KubeUnreachableError,
)
from tiphys.model.names import ANNOTATION_LAST_APPLIED
from tiphys.model.resource import Manifest, ResourceKey, key_of
from tiphys.services.sync.applying import Applier
from tiphys.services.sync.gate import Gate
from tiphys.services.sync.work import Change, Outcome, told

OPTIONS = "argocd.argoproj.io/sync-options"
GROUP = "rbac.authorization.k8s.io"
ROLES = api(GROUP, "v1", "Role", "roles")
BINDINGS = api(GROUP, "v1", "RoleBinding", "rolebindings")
IMMUTABLE = InvalidObjectError("spec.x: field is immutable", status=422, reason="Invalid")
CONFLICT = ConflictError("changed", status=409)
KUBECTL = "kubectl-client-side-apply"


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster((*BUILT_IN, JOBS, ROLES, BINDINGS))


def task_of(cluster: FakeCluster, target: Manifest, *options: str, **changes: Any) -> SyncTask:
    return made_plan(cluster, [target], options=frozenset(options), **changes).tasks[0]


async def write(
    cluster: FakeCluster, target: Manifest, *options: str, **changes: Any
) -> tuple[Outcome, list[str]]:
    """What came of it, and the writes that it took."""
    async with bench(cluster) as b:
        task = task_of(cluster, target, *options, **changes)
        cluster.calls.clear()
        outcome = await Applier(b.ports, wait=b.wait).apply(task)
        return outcome, writes(cluster)


def writes(cluster: FakeCluster) -> list[str]:
    return [verb for verb, _ in cluster.calls if verb in ("create", "patch", "update", "delete")]


def asking(*options: str, **rest: Any) -> Manifest:
    return manifest(annotations={OPTIONS: ",".join(options)}, **rest)


def live_object(cluster: FakeCluster, **rest: Any) -> Any:
    return cluster.objects[key_of(manifest(**rest))]


# Replace


async def test_a_replacement_is_a_put(cluster: FakeCluster) -> None:
    cluster.seed(manifest(data={"x": "1", "others": "2"}))
    outcome, calls = await write(cluster, manifest(data={"x": "2"}), "Replace=true")
    assert (outcome.change, calls) == (Change.REPLACED, ["update"])
    live = live_object(cluster)
    assert live["data"] == {"x": "2"}
    assert "annotations" not in live["metadata"]


async def test_what_is_not_there_is_created_as_it_is(cluster: FakeCluster) -> None:
    outcome, calls = await write(cluster, asking("Replace=true"))
    assert (outcome.change, calls) == (Change.CREATED, ["create"])
    assert ANNOTATION_LAST_APPLIED not in live_object(cluster)["metadata"]["annotations"]


async def test_a_replacement_that_comes_too_late_is_made_of_the_latest(
    cluster: FakeCluster,
) -> None:
    cluster.seed(manifest())
    async with bench(cluster) as b:
        task = task_of(cluster, manifest(data={"x": "2"}), "Replace=true")
        Failing(cluster, "update", 2, CONFLICT)
        assert (await Applier(b.ports).apply(task)).change is Change.REPLACED


async def test_a_namespace_is_updated_even_by_force(cluster: FakeCluster) -> None:
    cluster.seed(manifest("Namespace", "demo", namespace=""))
    target = manifest("Namespace", "demo", namespace="", annotations={"a": "b"})
    outcome, calls = await write(cluster, target, "Replace=true", forced=True)
    assert (outcome.change, calls) == (Change.UPDATED, ["update"])
    assert told(task_of(cluster, target), outcome) == "Namespace/demo updated"


async def test_a_forced_replacement_is_a_new_object(cluster: FakeCluster) -> None:
    cluster.seed(manifest(data={"x": "1"}))
    uid = live_object(cluster)["metadata"]["uid"]
    outcome, calls = await write(cluster, asking("Replace=true", "Force=true"))
    assert outcome.change is Change.REPLACED
    assert calls == ["delete", "create"]
    assert live_object(cluster)["metadata"]["uid"] != uid


async def test_a_replacement_is_tried_on_the_server(cluster: FakeCluster) -> None:
    cluster.seed(manifest(data={"x": "1"}))
    async with bench(cluster) as b:
        task = task_of(cluster, asking("Replace=true", "Force=true", data={"x": "2"}))
        cluster.calls.clear()
        outcome = await Applier(b.ports).dry_run(task)
        assert told(task, outcome, dry_run=True) == "configmap/a replaced (dry run)"
        # A deletion cannot be tried, nor can what would follow it.
        assert writes(cluster) == []
        plain = task_of(cluster, asking("Replace=true", data={"x": "2"}))
        assert (await Applier(b.ports).dry_run(plain)).change is Change.REPLACED
        assert writes(cluster) == ["update"]
        assert live_object(cluster)["data"] == {"x": "1"}
        new = task_of(cluster, manifest(name="new"), "Replace=true")
        assert (await Applier(b.ports).dry_run(new)).change is Change.CREATED
        assert len(cluster.objects) == 1


# Force


async def test_what_cannot_be_changed_is_made_anew_by_force(cluster: FakeCluster) -> None:
    cluster.seed(manifest(data={"x": "1"}))
    async with bench(cluster) as b:
        for forced in (False, True):
            task = task_of(cluster, manifest(data={"x": "2"}), forced=forced)
            Failing(cluster, "patch", 1, IMMUTABLE)
            if forced:
                outcome = await Applier(b.ports).apply(task)
                assert outcome.change is Change.CONFIGURED
                assert live_object(cluster)["data"] == {"x": "2"}
            else:
                with pytest.raises(InvalidObjectError):
                    await Applier(b.ports).apply(task)


async def test_what_is_malformed_is_no_reason_to_delete(cluster: FakeCluster) -> None:
    cluster.seed(manifest(data={"x": "1"}))
    async with bench(cluster) as b:
        task = task_of(cluster, manifest(data={"x": "2"}), forced=True)
        Failing(cluster, "patch", 1, InvalidObjectError("strict decoding error", status=400))
        with pytest.raises(InvalidObjectError):
            await Applier(b.ports).apply(task)
        assert "delete" not in [verb for verb, _ in cluster.calls]


@pytest.mark.parametrize("forced", [True, False])
async def test_a_conflict_that_stays_is_ended_by_force(
    cluster: FakeCluster, *, forced: bool
) -> None:
    cluster.seed(manifest(data={"x": "1"}))
    async with bench(cluster) as b:
        task = task_of(cluster, manifest(data={"x": "2"}), forced=forced)
        Failing(cluster, "patch", 5, CONFLICT)
        if forced:
            assert (await Applier(b.ports).apply(task)).change is Change.CONFIGURED
            assert "delete" in [verb for verb, _ in cluster.calls]
        else:
            with pytest.raises(ConflictError):
                await Applier(b.ports).apply(task)


async def test_what_was_there_is_put_back_when_the_new_one_is_refused(
    cluster: FakeCluster,
) -> None:
    cluster.seed(manifest(data={"x": "1"}, annotations={"a": "b"}))
    async with bench(cluster) as b:
        task = task_of(cluster, manifest(data={"x": "2"}), "Replace=true", forced=True)
        Failing(cluster, "create", 1, ForbiddenError("quota", status=403))
        with pytest.raises(ForbiddenError):
            await Applier(b.ports).apply(task)
        live = live_object(cluster)
        assert (live["data"], live["metadata"]["annotations"]) == ({"x": "1"}, {"a": "b"})
        # What cannot be put back either is gone; the first refusal is told.
        Failing(cluster, "create", 2, ForbiddenError("quota", status=403))
        with pytest.raises(ForbiddenError, match="quota"):
            await Applier(b.ports).apply(task)
        assert key_of(manifest()) not in cluster.objects


async def test_an_object_that_does_not_go_is_waited_for_five_minutes(cluster: FakeCluster) -> None:
    held = manifest()
    cluster.seed({**held, "metadata": {**held["metadata"], "finalizers": ["example.com/hold"]}})
    async with bench(cluster) as b:
        task = task_of(cluster, manifest(data={"x": "2"}), "Replace=true", forced=True)
        with pytest.raises(KubeError, match="timed out waiting for the deletion"):
            await Applier(b.ports, wait=b.wait).apply(task)
        assert 300 <= sum(b.waits) < 303


async def test_another_object_in_its_place_is_not_waited_for(cluster: FakeCluster) -> None:
    cluster.seed(manifest())
    async with bench(cluster) as b:
        task = task_of(cluster, manifest(data={"x": "2"}), "Replace=true", forced=True)
        key = key_of(manifest())

        def swapped(verb: str, _: ResourceKey) -> KubeError | None:
            if verb == "get" and key not in cluster.objects:
                cluster.seed(manifest(data={"of": "others"}))
                cluster.fail = lambda verb, key: None
            return None

        cluster.fail = swapped
        # It was there before ours could be made: the next round finds it and replaces that one.
        outcome = await Applier(b.ports, wait=b.wait).apply(task)
        assert outcome.change is Change.REPLACED
        assert live_object(cluster)["data"] == {"x": "2"}


# Server-side apply


def managed(*entries: tuple[str, str, Any]) -> dict[str, Any]:
    return {
        "managedFields": [
            {"manager": manager, "operation": operation, "fieldsV1": fields}
            for manager, operation, fields in entries
        ]
    }


DATA: Any = {"f:data": {"f:x": {}}}
MARKED: Any = {"f:metadata": {"f:annotations": {f"f:{ANNOTATION_LAST_APPLIED}": {}}}}


def with_managers(*entries: tuple[str, str, Any]) -> Manifest:
    base = manifest(data={"x": "1"})
    return {**base, "metadata": {**base["metadata"], **managed(*entries)}}


async def test_the_server_applies(cluster: FakeCluster) -> None:
    outcome, calls = await write(cluster, manifest(data={"x": "1"}), "ServerSideApply=true")
    assert (outcome.change, calls) == (Change.APPLIED, ["patch"])
    assert told(task_of(cluster, manifest()), outcome) == "configmap/a serverside-applied"
    assert "annotations" not in live_object(cluster)["metadata"]


async def test_force_and_the_server_do_not_go_together(cluster: FakeCluster) -> None:
    async with bench(cluster) as b:
        task = task_of(cluster, manifest(), "ServerSideApply=true", forced=True)
        with pytest.raises(InvalidObjectError) as refused:
            await Applier(b.ports).apply(task)
        text = "error validating options: --force cannot be used with --server-side"
        assert str(refused.value) == text
        # Client-side it is tried, as ever.
        assert (await Applier(b.ports).dry_run(task)).change is Change.CREATED


async def test_what_kubectl_applied_is_taken_over_first(cluster: FakeCluster) -> None:
    cluster.seed(with_managers((KUBECTL, "Update", DATA)))
    _, calls = await write(cluster, manifest(data={"x": "2"}), "ServerSideApply=true")
    assert calls == ["patch", "patch"]
    (entry,) = live_object(cluster)["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("argocd-controller", "Apply")


async def test_nothing_is_taken_over_where_that_is_switched_off(cluster: FakeCluster) -> None:
    cluster.seed(with_managers((KUBECTL, "Update", DATA)))
    off = "ClientSideApplyMigration=false"
    _, calls = await write(cluster, manifest(data={"x": "2"}), "ServerSideApply=true", off)
    assert calls == ["patch"]


async def test_another_manager_may_be_named(cluster: FakeCluster) -> None:
    cluster.seed(with_managers(("helm", "Update", DATA)))
    target = manifest(data={"x": "2"})
    _, calls = await write(cluster, target, "ServerSideApply=true", migrate="helm")
    assert calls == ["patch", "patch"]


@pytest.mark.parametrize(("times", "works"), [(4, True), (5, False)])
async def test_the_take_over_is_tried_five_times(
    cluster: FakeCluster, times: int, *, works: bool
) -> None:
    cluster.seed(with_managers((KUBECTL, "Update", DATA)))
    async with bench(cluster) as b:
        task = task_of(cluster, manifest(data={"x": "2"}), "ServerSideApply=true")
        Failing(
            cluster, "patch", times, ForbiddenError("no", status=403) if not works else CONFLICT
        )
        if works:
            assert (await Applier(b.ports).apply(task)).change is Change.APPLIED
        else:
            text = "Failed to perform client-side apply migration for { ConfigMap demo a}: no"
            with pytest.raises(ForbiddenError) as refused:
                await Applier(b.ports).apply(task)
            assert str(refused.value) == text


async def test_what_was_applied_last_is_taken_over_afterwards(cluster: FakeCluster) -> None:
    cluster.seed(with_managers(("argocd-controller", "Update", {**DATA, **MARKED})))
    _, calls = await write(cluster, manifest(data={"y": "1"}), "ServerSideApply=true")
    # Applied, taken over, and applied again so that what is wanted no more goes.
    assert calls == ["patch", "patch", "patch"]
    (entry,) = live_object(cluster)["metadata"]["managedFields"]
    assert entry["operation"] == "Apply"


BIG = manifest(data={"x": "y" * 262144})


async def test_what_does_not_fit_is_applied_by_the_server(cluster: FakeCluster) -> None:
    outcome, calls = await write(cluster, BIG)
    assert (outcome.change, calls) == (Change.APPLIED, ["patch"])
    # That was not asked for, so force keeps its meaning.
    async with bench(cluster) as b:
        task = task_of(cluster, BIG, forced=True)
        Failing(cluster, "patch", 1, IMMUTABLE)
        outcome = await Applier(b.ports).apply(task)
        assert outcome.change is Change.APPLIED
        assert "annotations" not in live_object(cluster)["metadata"]
        unforced = task_of(cluster, BIG)
        Failing(cluster, "patch", 1, IMMUTABLE)
        with pytest.raises(InvalidObjectError):
            await Applier(b.ports).apply(unforced)


# Roles and bindings


def role(*verbs: str) -> Manifest:
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": list(verbs)}
    return manifest("Role", "r", api_version=f"{GROUP}/v1", rules=[rule])


def binding(name: str) -> Manifest:
    reference = {"apiGroup": GROUP, "kind": "Role", "name": name}
    return manifest("RoleBinding", "b", api_version=f"{GROUP}/v1", roleRef=reference)


async def test_of_a_role_is_told_what_was_missing(cluster: FakeCluster) -> None:
    name = f"role.{GROUP}/r"
    rule = "{Verbs:[get] APIGroups:[] Resources:[pods] ResourceNames:[] NonResourceURLs:[]}"
    outcome, calls = await write(cluster, role("get"))
    assert calls == ["create"]
    assert told(task_of(cluster, role("get")), outcome) == (
        f"{name} reconciled. reconciliation required create\n"
        f"\tmissing rules added:\n\t\t{rule}{name} created"
    )
    outcome, _ = await write(cluster, role("get"))
    assert told(task_of(cluster, role("get")), outcome) == f"{name} reconciled{name} unchanged"
    async with bench(cluster) as b:
        task = task_of(cluster, role("get"))
        tried = told(task, await Applier(b.ports).dry_run(task), dry_run=True)
        assert tried == f"{name} reconciled (dry run){name} unchanged (dry run)"


async def test_a_binding_of_another_role_is_made_anew(cluster: FakeCluster) -> None:
    await write(cluster, binding("one"))
    async with bench(cluster) as b:
        task = task_of(cluster, binding("two"))
        assert (await Applier(b.ports).dry_run(task)).change is Change.CONFIGURED
    outcome, calls = await write(cluster, binding("two"))
    assert (outcome.change, calls) == (Change.CONFIGURED, ["delete", "create"])
    assert "reconciliation required recreate" in outcome.reconciled


# Warnings and places


async def test_what_the_server_warns_of_is_told(cluster: FakeCluster) -> None:
    cluster.warn = lambda verb, key: ("x is old", "y is older", "x is old")
    outcome, _ = await write(cluster, manifest())
    text = "configmap/a created. Warning: x is old\nWarning: y is older"
    assert told(task_of(cluster, manifest()), outcome) == text


async def test_who_waits_lets_others_in() -> None:
    gate = Gate(1)
    order: list[str] = []

    async def waits() -> None:
        async with gate:
            order.append("in")
            async with gate.outside():
                await asyncio.sleep(0.02)
            order.append("back")

    async def passes() -> None:
        async with gate:
            order.append("other")

    await asyncio.gather(waits(), passes())
    assert order == ["in", "other", "back"]


async def test_who_is_cancelled_outside_takes_no_place_along() -> None:
    gate = Gate(1)
    outside = asyncio.Event()

    async def waits() -> None:
        async with gate, gate.outside():
            outside.set()
            await asyncio.sleep(10)

    task = asyncio.create_task(waits())
    await outside.wait()
    async with gate:
        # It can only come back when the place is free.
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        # And there is still one place only, which is taken.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), gate:
                pass
    async with asyncio.timeout(1), gate:
        pass


async def test_a_write_without_an_answer_is_made_again_when_the_cluster_is_back() -> None:
    cluster = fake_cluster()
    async with bench(cluster) as b:
        away = KubeUnreachableError("the cluster is away")
        cluster.fail = lambda verb, key: away if verb in ("create", "get") else None
        asked = 0

        async def answering() -> None:
            nonlocal asked
            asked += 1
            cluster.fail = lambda verb, key: None

        b.answering(answering)
        done = await b.run(made_plan(cluster, [manifest()]))
        assert (done.phase, asked) == ("Succeeded", 1)


async def test_a_cluster_that_never_comes_back_ends_the_write() -> None:
    cluster = fake_cluster()
    async with bench(cluster) as b:
        away = KubeUnreachableError("the cluster is away")
        cluster.fail = lambda verb, key: away if verb in ("create", "get") else None

        async def answering() -> None:
            raise KubeUnreachableError("the cluster was removed")

        b.answering(answering)
        done = await b.run(made_plan(cluster, [manifest()]))
        assert done.phase == "Failed"
        assert "the cluster was removed" in done.message


async def test_nobody_waits_for_a_cluster_when_the_sync_has_to_end() -> None:
    cluster = fake_cluster()
    async with bench(cluster) as b:
        away = KubeUnreachableError("the cluster is away")
        cluster.fail = lambda verb, key: away if verb in ("create", "get") else None
        asked = asyncio.Event()

        async def answering() -> None:
            asked.set()
            await asyncio.sleep(60)

        b.answering(answering)
        sync = b.runner.begin(made_plan(cluster, [manifest()]), record(), b.store)
        running = asyncio.create_task(sync.run())
        await asked.wait()
        sync.terminate()
        done = await asyncio.wait_for(running, 5)
        assert (done.phase, done.message) == ("Failed", "Operation terminated")


async def test_a_sync_that_is_killed_between_delete_and_create_goes_on() -> None:
    cluster = fake_cluster()
    cluster.seed(manifest(data={"x": "1"}))

    class KilledError(Exception):
        pass

    def kill(verb: str, _: ResourceKey) -> KubeError | None:
        if verb == "create":
            raise KilledError
        return None

    wanted = asking("Replace=true", "Force=true", data={"x": "2"})
    async with bench(cluster) as b:
        cluster.fail = kill
        with pytest.raises(KilledError):
            await b.run(made_plan(cluster, [wanted]))
        assert key_of(wanted) not in cluster.objects
    async with bench(cluster) as b:
        cluster.fail = lambda verb, key: None
        done = await b.run(made_plan(cluster, [wanted]))
        assert done.phase == "Succeeded"
        assert live_object(cluster)["data"] == {"x": "2"}
