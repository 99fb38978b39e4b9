"""Deletion: wave by wave, only what is ours, only from complete lists."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.fakes.kube import CONFIG_MAPS
from tests.services.reconcile.world import (
    APPLICATIONS,
    PROJECT,
    World,
    application,
    key,
    until,
    world,
)
from tiphys.core.settings import Settings
from tiphys.core.settings.clusters import IN_CLUSTER
from tiphys.core.settings.settings import TrackingMethod
from tiphys.model.appproject import AppProject
from tiphys.model.cluster import ConnectionState, ConnectionStatus
from tiphys.model.errors import ConflictError, DestinationError, KubeUnreachableError
from tiphys.services.reconcile.again import Again

FINALIZER = "resources-finalizer.argocd.argoproj.io"


def going(**changes: Any) -> dict[str, Any]:
    made = application(finalizers=[FINALIZER], deletionTimestamp="2026-11-23T12:00:00Z")
    return made | changes


def config_map(
    name: str, wave: int = 0, instance: str = "web", options: str = ""
) -> dict[str, Any]:
    annotations = {
        "argocd.argoproj.io/tracking-id": f"{instance}:/ConfigMap:demo/{name}",
        "argocd.argoproj.io/sync-wave": str(wave),
        "argocd.argoproj.io/sync-options": options,
    }
    metadata = {"name": name, "namespace": "demo", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def deleted(here: World) -> list[str]:
    return [at.name for verb, at in here.cluster.calls if verb == "delete"]


async def run(here: World) -> None:
    while key("web") in here.cluster.objects:
        again = await here.operator.operate("web")
        assert again is None or again.seconds == 0.0


async def test_the_last_wave_goes_first_and_then_the_application() -> None:
    async with world(going(), config_map("a"), config_map("b", 1), config_map("c", -1)) as here:
        await run(here)
        assert deleted(here) == ["b", "a", "c"]


async def test_what_is_to_be_kept_and_what_is_others_stays() -> None:
    kept = config_map("kept", options="Delete=false")
    other = config_map("other", instance="api")
    # An annotation that was copied with its object makes no owner.
    copied = config_map("original")
    copied["metadata"]["name"] = "copy"
    async with world(going(), config_map("a"), kept, other, copied) as here:
        await run(here)
        assert deleted(here) == ["a"]


async def test_what_lingers_is_waited_for() -> None:
    lingering = config_map("b", 1)
    lingering["metadata"]["finalizers"] = ["example.com/wait"]
    async with world(going(), config_map("a"), lingering) as here:
        assert await here.operator.operate("web") == Again(0.0)
        assert await here.operator.operate("web") == Again(5.0)
        assert deleted(here) == ["b"]
        assert here.live("a") is not None


async def test_without_a_complete_list_nothing_is_deleted() -> None:
    resources = [{"group": "", "version": "v1", "kind": "ConfigMap", "name": "a"}]
    async with world(going(status={"resources": resources}), config_map("a")) as here:
        here.index.complete = lambda kinds: not list(kinds)  # type: ignore[method-assign]
        assert await here.operator.operate("web") == Again(5.0)
        assert deleted(here) == []
        (condition,) = here.status()["conditions"]
        assert condition["message"] == "the list of /ConfigMap is not complete"
        # It is said once.
        patches = here.patches()
        assert await here.operator.operate("web") == Again(5.0)
        assert here.patches() == patches


async def test_the_lists_of_hooks_have_to_be_complete_too() -> None:
    result = {"group": "batch", "version": "v1", "kind": "Job", "namespace": "demo", "name": "x"}
    state = {
        "operation": {"sync": {}},
        "phase": "Succeeded",
        "startedAt": "2026-11-23T11:00:00Z",
        "syncResult": {"revision": "x", "resources": [result]},
    }
    async with world(going(status={"operationState": state})) as here:
        jobs = "batch"
        here.index.complete = lambda kinds: all(one.group != jobs for one in kinds)  # type: ignore[method-assign]
        assert await here.operator.operate("web") == Again(5.0)
        assert key("web") in here.cluster.objects


async def test_a_namesake_of_what_was_to_go_stays() -> None:
    async with world(going(), config_map("a")) as here:
        real = here.cluster.delete

        async def replaced(*arguments: Any, **named: Any) -> None:
            raise ConflictError("the UID in the precondition differs", status=409)

        here.cluster.delete = replaced  # type: ignore[method-assign]
        assert await here.operator.operate("web") == Again(0.0)
        here.cluster.delete = real  # type: ignore[method-assign]
        assert here.live("a") is not None


async def test_an_api_server_that_is_away_is_said_and_asked_again() -> None:
    async with world(going(), config_map("a")) as here:
        here.cluster.fail = lambda verb, _at: (
            KubeUnreachableError("away") if verb == "delete" else None
        )
        assert await here.operator.operate("web") == Again(5.0)
        assert here.status()["conditions"][0]["type"] == "DeletionError"
        await here.events.drain(within=1.0)
        assert here.messages() == ["Unable to delete application resources: away"]


async def test_a_missing_project_holds_it_up() -> None:
    async with world(going(), config_map("a")) as here:
        here.projects.clear()
        assert await here.operator.operate("web") is None
        assert "project default which does not exist" in str(here.status()["conditions"])
        assert deleted(here) == []


async def test_without_a_finalizer_the_objects_stay() -> None:
    foreign = application(finalizers=["example.com/x"], deletionTimestamp="2026-11-23T12:00:00Z")
    async with world(foreign, config_map("a")) as here:
        assert await here.operator.operate("web") is None
        assert deleted(here) == []


async def test_finalizers_that_changed_meanwhile_are_looked_at_again() -> None:
    async with world(going()) as here:
        meta = {**here.raw()["metadata"], "finalizers": ["example.com/first", FINALIZER]}
        here.cluster.change({**here.raw(), "metadata": meta})
        assert await here.operator.operate("web") == Again(0.2)
        await until(lambda: len(here.app().metadata.finalizers) == 2)
        assert await here.operator.operate("web") is None
        assert here.raw()["metadata"]["finalizers"] == ["example.com/first"]


async def test_an_operation_ends_before_the_deletion_begins() -> None:
    async with world(application(finalizers=[FINALIZER]), controller=True) as here:
        here.ask()
        uid = here.raw()["metadata"]["uid"]
        await here.cluster.delete(APPLICATIONS, "argocd", "web", uid=uid)
        await until(lambda: key("web") not in here.cluster.objects)
        assert here.live("a") is None
        verbs = [verb for verb, at in here.cluster.calls if at.group_kind == CONFIG_MAPS.group_kind]
        assert verbs.index("create") < verbs.index("delete")


async def test_a_cluster_that_is_away_is_waited_for() -> None:
    async with world(going(), config_map("a")) as here:
        view = here.clusters.view(IN_CLUSTER)
        away = ConnectionState(ConnectionStatus.FAILED, "no route", "2026-11-23T11:00:00Z")
        here.clusters.view = lambda cluster: replace(view, connection=lambda: away)  # type: ignore[method-assign]
        assert await here.operator.operate("web") == Again(60.0)
        assert "cannot be reached since 2026-11-23T11:00:00Z" in str(here.status()["conditions"])
        connecting = replace(view, connection=ConnectionState)
        here.clusters.view = lambda cluster: connecting  # type: ignore[method-assign]
        assert await here.operator.operate("web") == Again(5.0)
        assert deleted(here) == []
        here.clusters.view = lambda cluster: view  # type: ignore[method-assign]
        await run(here)
        assert deleted(here) == ["a"]


async def test_an_unknown_cluster_lets_the_application_go() -> None:
    made = going()
    made["spec"] = {**made["spec"], "destination": {"server": "https://none", "namespace": "demo"}}
    async with world(made, config_map("a")) as here:
        await run(here)
        assert deleted(here) == []


async def test_a_cluster_that_is_known_but_cannot_be_used_keeps_the_application() -> None:
    made = going()
    made["spec"] = {**made["spec"], "destination": {"name": "prod", "namespace": "demo"}}
    async with world(made) as here:

        def twice(destination: Any) -> Any:
            raise DestinationError("there are 2 clusters with the same name: [a b]", exists=True)

        here.clusters.resolve = twice  # type: ignore[method-assign]
        assert await here.operator.operate("web") == Again(60.0)
        assert "there are 2 clusters" in str(here.status()["conditions"])
        assert key("web") in here.cluster.objects


async def test_objects_that_the_project_does_not_permit_stay() -> None:
    async with world(going(), config_map("a")) as here:
        denied = [{"group": "", "kind": "ConfigMap"}]
        spec = {**PROJECT.raw["spec"], "namespaceResourceBlacklist": denied}
        here.projects["default"] = AppProject({**PROJECT.raw, "spec": spec})
        await run(here)
        assert deleted(here) == []
        assert here.live("a") is not None


async def test_a_project_that_cannot_be_read_holds_it_up() -> None:
    async with world(going(), config_map("a")) as here:
        here.projects["default"] = AppProject({**PROJECT.raw, "spec": {"sourceRepos": 1}})
        assert await here.operator.operate("web") is None
        assert "project 'default' cannot be read" in str(here.status()["conditions"])
        assert deleted(here) == []


async def test_deletions_act_as_the_service_account_of_the_project() -> None:
    async with world(going(), config_map("a")) as here:
        here.settings = Settings(impersonation=True)
        accounts = [{"server": "*", "namespace": "*", "defaultServiceAccount": "bad*"}]
        spec = {**PROJECT.raw["spec"], "destinationServiceAccounts": accounts}
        here.projects["default"] = AppProject({**PROJECT.raw, "spec": spec})
        assert await here.operator.operate("web") == Again(5.0)
        said = "failed to derive service account to impersonate: "
        assert said in str(here.status()["conditions"])
        assert deleted(here) == []
        accounts[0]["defaultServiceAccount"] = "cleaner"
        here.projects["default"] = AppProject({**PROJECT.raw, "spec": dict(spec)})
        await run(here)
        assert deleted(here) == ["a"]
        assert set(here.connection.accounts) == {"system:serviceaccount:demo:cleaner"}


async def test_without_an_account_a_deletion_acts_as_ourselves() -> None:
    async with world(going(), config_map("a")) as here:
        here.settings = Settings(impersonation=True)
        await run(here)
        assert deleted(here) == ["a"]
        assert here.connection.accounts == []


async def test_what_is_tracked_by_label_alone_goes_too() -> None:
    plain = config_map("a")
    plain["metadata"]["annotations"] = {}
    plain["metadata"]["labels"] = {"app.kubernetes.io/instance": "web"}
    async with world(going(), plain, settings=Settings(tracking=TrackingMethod.LABEL)) as here:
        await run(here)
        assert deleted(here) == ["a"]


async def test_nobody_compares_what_is_about_to_be_gone() -> None:
    """One write of the Application: the one that lets it go."""
    maps = [config_map(name) for name in "abc"]
    async with world(application(finalizers=[FINALIZER]), *maps, controller=True) as here:
        await until(lambda: here.status().get("reconciledAt"))
        before = here.patches()
        meta = {**here.raw()["metadata"], "deletionTimestamp": "2026-11-23T12:00:00Z"}
        here.change(metadata=meta)
        await until(lambda: key("web") not in here.cluster.objects)
        assert sorted(deleted(here)) == ["a", "b", "c"]
        assert here.patches() - before == 1
