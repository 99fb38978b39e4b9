"""The calls on applications when others write at the same time, or the server fails."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cli.world import COMMIT, NAMESPACE, FakeSources, app, key, project
from tests.fakes.evaluate import FakeEvaluator
from tests.fakes.kube import BUILT_IN, FakeCluster
from tiphys.core.app.asking import Asking
from tiphys.model.application import Application
from tiphys.model.errors import (
    ApiCode,
    ApiError,
    ConflictError,
    KubeError,
    KubeUnreachableError,
    RepositoryError,
)
from tiphys.model.resource import GroupKind, ResourceKey
from tiphys.services.applications import Applications, AppName, EventKind, SyncCommand
from tiphys.services.applications.service import APPLICATIONS, PROJECTS
from tiphys.services.render.around import SourceError

NAME = AppName("", "a")


class Once:
    """The first call of a verb on an application fails."""

    def __init__(self, verb: str, error: KubeError) -> None:
        self._verb = verb
        self._error: KubeError | None = error

    def __call__(self, verb: str, asked: ResourceKey) -> KubeError | None:
        if verb != self._verb or asked.kind != "Application":
            return None
        error, self._error = self._error, None
        return error


@pytest.fixture
def cluster() -> FakeCluster:
    found = FakeCluster([*BUILT_IN, APPLICATIONS, PROJECTS])
    found.seed(project(), app("a"))
    return found


@pytest.fixture
def service(cluster: FakeCluster) -> Applications:
    return Applications(
        cluster,
        cluster,
        cluster,
        FakeSources(),
        namespace=NAMESPACE,
        evaluator=FakeEvaluator(),
        clock=lambda: datetime(2026, 11, 23, 10, 3, 33, 956243, tzinfo=UTC),
    )


async def test_a_sync_is_asked_for_again_when_somebody_wrote_in_between(
    cluster: FakeCluster, service: Applications
) -> None:
    cluster.fail = Once("update", ConflictError("modified", status=409))
    asked = await service.sync(NAME, SyncCommand())
    assert asked.operation is not None
    assert asked.operation.sync is not None
    assert asked.operation.sync.revision == COMMIT


async def test_a_deletion_reads_again_what_changed(
    cluster: FakeCluster, service: Applications
) -> None:
    cluster.fail = Once("patch", ConflictError("modified", status=409))
    await service.delete(NAME)
    assert "deletionTimestamp" in cluster.objects[key("a")]["metadata"]


async def test_finalizers_are_written_over_nothing_else(
    cluster: FakeCluster, service: Applications
) -> None:
    """The version that was read goes along: a finalizer added meanwhile is not lost."""
    read: list[str] = []

    def meddle(verb: str, asked: ResourceKey) -> KubeError | None:
        if verb == "patch" and not read:
            read.append(verb)
            manifest = cluster.objects[key("a")]
            metadata = {**manifest["metadata"], "finalizers": ["hold.example.com/it"]}
            cluster.change({**manifest, "metadata": metadata})
        return None

    cluster.fail = meddle
    await service.delete(NAME)
    assert cluster.objects[key("a")]["metadata"]["finalizers"] == [
        "hold.example.com/it",
        "resources-finalizer.argocd.argoproj.io",
    ]


async def test_deleting_twice_adds_nothing(cluster: FakeCluster, service: Applications) -> None:
    await service.delete(NAME)
    await service.delete(NAME, propagation="background")
    assert cluster.objects[key("a")]["metadata"]["finalizers"] == [
        "resources-finalizer.argocd.argoproj.io"
    ]


async def test_a_refresh_is_stamped(cluster: FakeCluster, service: Applications) -> None:
    asked: dict[str, Any] = {}

    def controller(verb: str, where: ResourceKey) -> KubeError | None:
        if verb == "watch" and not asked:
            manifest = cluster.objects[key("a")]
            asked.update(manifest["metadata"]["annotations"])
            metadata = {**manifest["metadata"], "annotations": {}}
            cluster.change({**manifest, "metadata": metadata})
        return None

    cluster.fail = controller
    await service.refresh(NAME, hard=True)
    assert asked == {
        "argocd.argoproj.io/refresh": "hard",
        "argocd.argoproj.io/refresh-timestamp": "2026-11-23T10:03:33.956243000Z",
    }


async def test_a_refresh_of_what_is_deleted_ends(
    cluster: FakeCluster, service: Applications
) -> None:
    def controller(verb: str, where: ResourceKey) -> KubeError | None:
        if verb == "watch":
            cluster.vanish(key("a"))
        return None

    cluster.fail = controller
    with pytest.raises(ApiError) as caught:
        await service.refresh(NAME, hard=False)
    assert caught.value.code is ApiCode.PERMISSION_DENIED


async def test_a_watch_that_breaks_misses_nothing(
    cluster: FakeCluster, service: Applications
) -> None:
    start = cluster.objects[key("a")]["metadata"]["resourceVersion"]
    cluster.fail = Once("watch", KubeUnreachableError("reset"))
    event = await anext(service.watch(NAME, start))
    assert (event.kind, event.application.name) == (EventKind.MODIFIED, "a")


async def test_a_watch_tells_of_one_application(
    cluster: FakeCluster, service: Applications
) -> None:
    start = cluster.objects[key("a")]["metadata"]["resourceVersion"]
    cluster.seed(app("b"))
    cluster.vanish(key("a"))
    event = await anext(service.watch(NAME, start))
    assert (event.kind, event.application.name) == (EventKind.DELETED, "a")


async def test_what_was_created_meanwhile_is_compared(
    cluster: FakeCluster, service: Applications
) -> None:
    stored = await service.create(Application(app("a")), upsert=False, validate=False)
    assert stored.uid == cluster.objects[key("a")]["metadata"]["uid"]
    with pytest.raises(ApiError) as caught:
        await service.create(
            Application(app("a", metadata={"labels": {"x": "y"}})), upsert=False, validate=False
        )
    assert caught.value.code is ApiCode.INVALID_ARGUMENT


async def test_status_and_operation_cannot_be_created(
    cluster: FakeCluster, service: Applications
) -> None:
    wanted = app("b", status={"health": {"status": "Healthy"}}, operation={"sync": {}})
    wanted["metadata"] |= {"uid": "mine"}
    await service.create(Application(wanted), upsert=False, validate=True)
    stored = cluster.objects[key("b")]
    assert "status" not in stored
    assert "operation" not in stored
    assert stored["metadata"]["uid"] != "mine"


async def test_a_namespace_that_the_project_does_not_take_is_refused(service: Applications) -> None:
    wanted = app("b", metadata={"namespace": "elsewhere"})
    with pytest.raises(ApiError) as caught:
        await service.create(Application(wanted), upsert=False, validate=False)
    text = 'app is not allowed in project "default", or the project does not exist'
    assert (caught.value.code, str(caught.value)) == (ApiCode.INVALID_ARGUMENT, text)


async def test_a_namespace_that_holds_no_applications_is_refused(
    cluster: FakeCluster, service: Applications
) -> None:
    cluster.seed(project("wide", sourceNamespaces=["*"]))
    wanted = app("b", metadata={"namespace": "elsewhere"}, spec={"project": "wide"})
    with pytest.raises(ApiError) as caught:
        await service.create(Application(wanted), upsert=False, validate=False)
    assert str(caught.value) == "namespace 'elsewhere' is not permitted"
    with pytest.raises(ApiError) as caught:
        await service.get(AppName("elsewhere", "a"))
    assert caught.value.code is ApiCode.PERMISSION_DENIED


async def test_a_project_is_default_when_none_is_named(
    cluster: FakeCluster, service: Applications
) -> None:
    wanted = app("b", spec={"project": ""})
    await service.create(Application(wanted), upsert=False, validate=False)
    assert cluster.objects[key("b")]["spec"]["project"] == "default"


async def test_what_the_project_does_not_permit_is_refused(
    cluster: FakeCluster, service: Applications
) -> None:
    cluster.seed(project("tight", sourceRepos=["https://only.example.com/*"]))
    with pytest.raises(ApiError) as caught:
        await service.create(
            Application(app("b", spec={"project": "tight"})), upsert=False, validate=False
        )
    assert "is not permitted in project 'tight'" in str(caught.value)
    assert key("b") not in cluster.objects


async def test_a_repository_that_fails_keeps_a_sync_from_being_asked_for(
    cluster: FakeCluster, service: Applications, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(self: FakeSources, asking: Asking, project: str) -> tuple[str, ...]:
        raise SourceError(1, RepositoryError("the repository is not there"))

    monkeypatch.setattr(FakeSources, "resolve", fails)
    with pytest.raises(ApiError) as caught:
        await service.sync(NAME, SyncCommand())
    assert caught.value.code is ApiCode.FAILED_PRECONDITION
    assert "operation" not in cluster.objects[key("a")]


async def test_whoever_may_not_read_secrets_may_create(
    service: Applications, cluster: FakeCluster
) -> None:
    cluster.forbidden.add(GroupKind("", "Secret"))
    await service.create(Application(app("new")), upsert=False, validate=True)
    assert key("new") in cluster.objects
