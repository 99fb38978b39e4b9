"""Single writes: how an apply, a deletion and the removal of a finalizer meet a busy cluster."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from tests.fakes.kube import FakeCluster
from tests.services.sync.build import START, bench, fake_cluster, job, made_plan, manifest
from tiphys.core.sync.events import (
    Delete,
    Deleted,
    DeleteReason,
    FinalizerRemoved,
    RemoveHookFinalizer,
)
from tiphys.core.sync.manner import CRD
from tiphys.core.sync.task import SyncTask
from tiphys.model.errors import (
    ConflictError,
    InvalidObjectError,
    KindNotFoundError,
    KubeError,
    KubeUnreachableError,
    ObjectNotFoundError,
)
from tiphys.model.live import Propagation
from tiphys.model.names import ANNOTATION_LAST_APPLIED
from tiphys.model.resource import Manifest, ResourceKey, key_of
from tiphys.services.sync.applying import Applier
from tiphys.services.sync.removing import Remover
from tiphys.services.sync.wording import failure
from tiphys.services.sync.work import Change

FINALIZER = "argocd.argoproj.io/hook-finalizer"
LOST = KubeUnreachableError("the connection was closed")
CONFLICT = ConflictError("changed meanwhile", status=409, reason="Conflict")


@pytest.fixture
def cluster() -> FakeCluster:
    return fake_cluster()


def task_of(cluster: FakeCluster, target: Manifest, **changes: Any) -> SyncTask:
    return made_plan(cluster, [target], **changes).tasks[0]


def hook_of(cluster: FakeCluster, target: Manifest | None = None) -> SyncTask:
    return made_plan(cluster, [], hooks=[target or job()]).tasks[0]


class Failing:
    """The first calls of a verb fail."""

    def __init__(self, cluster: FakeCluster, verb: str, times: int, error: KubeError) -> None:
        self.verb, self.times, self.error = verb, times, error
        cluster.fail = self

    def __call__(self, verb: str, key: ResourceKey) -> KubeError | None:
        if verb != self.verb or self.times == 0:
            return None
        self.times -= 1
        return self.error


# Apply


async def test_what_is_applied_is_remembered_in_the_annotation(cluster: FakeCluster) -> None:
    async with bench(cluster) as b:
        applier = Applier(b.ports)
        old = manifest(data={"x": "1", "y": "1"})
        outcome = await applier.apply(task_of(cluster, old))
        assert outcome.change is Change.CREATED
        assert ANNOTATION_LAST_APPLIED in outcome.manifest["metadata"]["annotations"]
        # A field that is wanted no more goes, one of others stays.
        live = cluster.objects[key_of(old)]
        cluster.change({**live, "data": {**live["data"], "z": "1"}})
        await asyncio.sleep(0.05)
        outcome = await applier.apply(task_of(cluster, manifest(data={"x": "2"})))
        assert outcome.change is Change.CONFIGURED
        assert cluster.objects[key_of(old)]["data"] == {"x": "2", "z": "1"}


async def test_an_annotation_that_cannot_be_read_says_nothing(cluster: FakeCluster) -> None:
    live = manifest(data={"x": "1"}, annotations={ANNOTATION_LAST_APPLIED: "not JSON"})
    cluster.seed(live)
    async with bench(cluster) as b:
        outcome = await Applier(b.ports).apply(task_of(cluster, manifest(data={"y": "1"})))
        assert outcome.change is Change.CONFIGURED
        assert outcome.manifest["data"] == {"x": "1", "y": "1"}


async def test_an_object_that_is_there_after_all_is_patched(cluster: FakeCluster) -> None:
    async with bench(cluster) as b:
        task = task_of(cluster, manifest(data={"x": "1"}))
        cluster.seed(manifest())
        outcome = await Applier(b.ports).apply(task)
        assert outcome.change is Change.CONFIGURED


async def test_an_object_that_is_gone_meanwhile_is_created(cluster: FakeCluster) -> None:
    cluster.seed(manifest())
    async with bench(cluster) as b:
        cluster.vanish(key_of(manifest()))
        outcome = await Applier(b.ports).apply(task_of(cluster, manifest(data={"x": "1"})))
        assert outcome.change is Change.CREATED


@pytest.mark.parametrize(("times", "works"), [(4, True), (5, False)])
async def test_conflicts_are_tried_five_times(
    cluster: FakeCluster, times: int, *, works: bool
) -> None:
    cluster.seed(manifest())
    async with bench(cluster) as b:
        Failing(cluster, "patch", times, CONFLICT)
        task = task_of(cluster, manifest(data={"x": "1"}))
        if works:
            assert (await Applier(b.ports).apply(task)).change is Change.CONFIGURED
        else:
            with pytest.raises(ConflictError):
                await Applier(b.ports).apply(task)


async def test_a_namespace_that_is_missing_is_an_error_at_once(cluster: FakeCluster) -> None:
    async with bench(cluster) as b:
        missing = ObjectNotFoundError('namespaces "demo" not found', status=404)
        Failing(cluster, "create", 9, missing)
        with pytest.raises(ObjectNotFoundError, match='namespaces "demo" not found'):
            await Applier(b.ports).apply(task_of(cluster, manifest()))


@pytest.mark.parametrize("error", [LOST, KubeError("etcd is away", status=500)])
async def test_a_creation_that_was_not_answered_is_tried_once_more(
    cluster: FakeCluster, error: KubeError
) -> None:
    async with bench(cluster) as b:
        Failing(cluster, "create", 1, error)
        outcome = await Applier(b.ports).apply(task_of(cluster, manifest()))
        assert outcome.change is Change.CREATED
        Failing(cluster, "create", 2, error)
        with pytest.raises(type(error)):
            await Applier(b.ports).apply(task_of(cluster, manifest(name="other")))


async def test_a_creation_that_was_refused_is_not_tried_again(cluster: FakeCluster) -> None:
    async with bench(cluster) as b:
        Failing(cluster, "create", 1, KubeError("quota", status=403))
        with pytest.raises(KubeError, match="quota"):
            await Applier(b.ports).apply(task_of(cluster, manifest()))


async def test_a_hook_whose_creation_was_not_answered_is_not_made_again(
    cluster: FakeCluster,
) -> None:
    async with bench(cluster) as b:
        task = hook_of(cluster)
        creates = 0

        def made_and_lost(verb: str, key: ResourceKey) -> KubeError | None:
            nonlocal creates
            if verb != "create":
                return None
            creates += 1
            assert task.target is not None
            cluster.seed(task.target)
            return LOST

        cluster.fail = made_and_lost
        outcome = await Applier(b.ports).apply(task)
        assert outcome.change is Change.CREATED
        assert creates == 1


async def test_a_hook_with_our_stamp_was_created(cluster: FakeCluster) -> None:
    async with bench(cluster) as b:
        task = hook_of(cluster)
        assert task.target
        cluster.seed(task.target)
        outcome = await Applier(b.ports).apply(task)
        assert outcome.change is Change.CREATED
        assert "patch migrate" not in b.writes()
        assert outcome.manifest["metadata"]["annotations"]["tiphys.dev/operation"] == (
            f"{START}/0/PreSync"
        )


async def test_validation_is_strict_unless_it_is_turned_off(cluster: FakeCluster) -> None:
    asked: list[str] = []
    create = cluster.create

    async def noting(*args: Any, **options: Any) -> Manifest:
        asked.append(options["validation"])
        return await create(*args, **options)

    cluster.create = noting  # type: ignore[method-assign]
    async with bench(cluster) as b:
        loose = frozenset({"Validate=false"})
        await Applier(b.ports).apply(task_of(cluster, manifest()))
        await Applier(b.ports).apply(task_of(cluster, manifest(name="b"), options=loose))
    assert asked == ["Strict", "Ignore"]


async def test_an_object_without_a_name(cluster: FakeCluster) -> None:
    async with bench(cluster) as b:
        bare = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "x-"}}
        with pytest.raises(
            InvalidObjectError, match="from x-: cannot use generate name with apply"
        ):
            await Applier(b.ports).dry_run(task_of(cluster, bare))
        with pytest.raises(InvalidObjectError, match="has no name"):
            await Applier(b.ports).dry_run(task_of(cluster, {**bare, "metadata": {}}))


async def test_a_kind_is_asked_for_again_before_it_is_refused(cluster: FakeCluster) -> None:
    async with bench(cluster) as b:
        widget = manifest("Widget", "w", api_version="example.com/v1")
        cluster.calls.clear()
        with pytest.raises(KindNotFoundError, match='Make sure the "Widget" CRD is installed'):
            await Applier(b.ports).apply(task_of(cluster, widget))
        assert [verb for verb, _ in cluster.calls] == ["discover"]


async def test_a_dry_run_says_what_would_be(cluster: FakeCluster) -> None:
    async with bench(cluster) as b:
        applier = Applier(b.ports)
        task = task_of(cluster, manifest())
        assert (await applier.dry_run(task)).change is Change.CREATED
        await applier.apply(task)
        assert (await applier.dry_run(task)).change is Change.UNCHANGED
        other = task_of(cluster, manifest(data={"x": "1"}))
        assert (await applier.dry_run(other)).change is Change.CONFIGURED


@pytest.mark.parametrize("gone", [False, True])
async def test_a_definition_that_is_never_established_is_not_waited_for_for_ever(
    cluster: FakeCluster, *, gone: bool
) -> None:
    definition = manifest(
        CRD.kind,
        "widgets.example.com",
        api_version=f"{CRD.group}/v1",
        namespace="",
        spec={
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1"}],
        },
    )
    async with bench(cluster) as b:
        if gone:
            missing = ObjectNotFoundError("gone", status=404)
            cluster.fail = lambda verb, key: missing if verb == "get" else None
        outcome = await Applier(b.ports, wait=b.wait).apply(task_of(cluster, definition))
        assert outcome.change is Change.CREATED
        assert sum(b.waits) == pytest.approx(0 if gone else 3.0)


# Deletion


def prune_of(cluster: FakeCluster, target: Manifest) -> tuple[SyncTask, Delete]:
    (task,) = made_plan(cluster, [], gone=[target]).tasks
    assert task.live
    return task, delete(task, task.live.uid, DeleteReason.PRUNE)


def delete(task: SyncTask, uid: str, reason: DeleteReason) -> Delete:
    return Delete(task.id, uid, Propagation.FOREGROUND, reason)


async def test_an_object_that_is_gone_is_pruned(cluster: FakeCluster) -> None:
    cluster.seed(manifest())
    async with bench(cluster) as b:
        task, command = prune_of(cluster, manifest())
        cluster.vanish(task.key)
        assert await Remover(b.ports).delete(task, command) == Deleted(task.id, gone=True)


async def test_another_object_of_the_name_is_not_pruned(cluster: FakeCluster) -> None:
    cluster.seed(manifest())
    async with bench(cluster) as b:
        task, command = prune_of(cluster, manifest())
        cluster.vanish(task.key)
        cluster.seed(manifest())
        with pytest.raises(ConflictError):
            await Remover(b.ports).delete(task, command)
        assert task.key in cluster.objects


@pytest.mark.parametrize(
    ("reason", "gone"), [(DeleteReason.BEFORE_CREATION, False), (DeleteReason.TERMINATED, True)]
)
async def test_another_hook_of_the_name_stays(
    cluster: FakeCluster, reason: DeleteReason, *, gone: bool
) -> None:
    cluster.seed(job())
    async with bench(cluster) as b:
        task = hook_of(cluster)
        answer = await Remover(b.ports).delete(task, delete(task, "another", reason))
        assert answer == Deleted(task.id, gone=gone)
        assert task.key in cluster.objects


# The finalizer


def held(*finalizers: str, **more: Any) -> Manifest:
    base = job()
    return {**base, "metadata": {**base["metadata"], "finalizers": list(finalizers), **more}}


async def release(cluster: FakeCluster, uid: str = "") -> FinalizerRemoved:
    async with bench(cluster) as b:
        task = hook_of(cluster)
        assert task.live
        command = RemoveHookFinalizer(task.id, uid or task.live.uid, ended=True)
        return await Remover(b.ports).release(task, command)


async def test_only_our_finalizer_goes(cluster: FakeCluster) -> None:
    cluster.seed(held("example.com/hold", FINALIZER))
    answer = await release(cluster)
    assert answer.live
    assert not answer.live.finalizer
    (live,) = cluster.objects.values()
    assert live["metadata"]["finalizers"] == ["example.com/hold"]


async def test_the_finalizer_of_another_object_stays(cluster: FakeCluster) -> None:
    cluster.seed(held(FINALIZER))
    answer = await release(cluster, "another")
    assert answer.live
    assert answer.live.finalizer
    assert "patch" not in [verb for verb, _ in cluster.calls]


@pytest.mark.parametrize(("times", "works"), [(4, True), (5, False)])
async def test_a_finalizer_is_removed_from_the_latest_version(
    cluster: FakeCluster, times: int, *, works: bool
) -> None:
    cluster.seed(held(FINALIZER))
    Failing(cluster, "patch", times, CONFLICT)
    if works:
        answer = await release(cluster)
        assert answer.live
    else:
        with pytest.raises(ConflictError):
            await release(cluster)


async def test_the_last_finalizer_of_a_deleted_hook(cluster: FakeCluster) -> None:
    cluster.seed(held(FINALIZER, deletionTimestamp="2026-01-01T00:00:00Z"))
    answer = await release(cluster)
    assert answer.live
    assert answer.live.deleting
    assert cluster.objects == {}


async def test_a_hook_that_is_gone_needs_no_release(cluster: FakeCluster) -> None:
    cluster.seed(held(FINALIZER))
    async with bench(cluster) as b:
        task = hook_of(cluster)
        assert task.live
        command = RemoveHookFinalizer(task.id, task.live.uid, ended=True)
        cluster.vanish(task.key)
        assert await Remover(b.ports).release(task, command) == FinalizerRemoved(task.id)
        await asyncio.sleep(0.05)
        assert await Remover(b.ports).release(task, command) == FinalizerRemoved(task.id)
        cluster.seed(held(FINALIZER))
        await asyncio.sleep(0.05)
        Failing(cluster, "patch", 1, CONFLICT)
        (uid,) = (live["metadata"]["uid"] for live in cluster.objects.values())
        cluster.fail = _once_gone(cluster, task.key)
        again = RemoveHookFinalizer(task.id, uid, ended=True)
        assert await Remover(b.ports).release(task, again) == FinalizerRemoved(task.id)


def _once_gone(cluster: FakeCluster, key: ResourceKey) -> Any:
    def fail(verb: str, _: ResourceKey) -> KubeError | None:
        if verb == "patch" and key in cluster.objects:
            cluster.vanish(key)
            return CONFLICT
        return None

    return fail


# Texts


def test_a_secret_stays_out_of_the_text(cluster: FakeCluster) -> None:
    coded = base64.b64encode(b"hunter2").decode()
    secret = manifest(
        "Secret",
        data={"a": coded, "b": "####", "c": "/w==", "d": ""},
        stringData={"e": "swordfish"},
    )
    task = task_of(cluster, secret)
    text = failure(KubeError(f"bad: hunter2 {coded} swordfish ####"), task, cluster)
    assert text == "bad: ******** ******** ******** ********"
    bare = task_of(cluster, manifest("Secret", data="odd"))
    assert failure(KubeError("bad"), bare, cluster) == "bad"


def test_a_version_that_is_not_served_is_named(cluster: FakeCluster) -> None:
    web = manifest("Deployment", "web", api_version="apps/v1beta9")
    error = ObjectNotFoundError("the server could not find the requested resource", status=404)
    assert failure(error, task_of(cluster, web), cluster) == (
        'The Kubernetes API could not find version "v1beta9" of apps/Deployment for requested '
        'resource demo/web. Version "v1" of apps/Deployment is installed on the destination '
        "cluster."
    )


def test_what_does_not_fit_gets_a_hint(cluster: FakeCluster) -> None:
    text = "metadata.annotations: Too long: must have at most 262144 bytes"
    task = task_of(cluster, manifest())
    assert failure(InvalidObjectError(text), task, cluster).startswith(
        f"{text} \n -Additional Info: "
    )
