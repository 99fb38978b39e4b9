"""What an operation and a policy may ask for beside a plain sync."""

from __future__ import annotations

import json
from typing import Any

from tests.services.reconcile.test_operation import ASKED, asking, with_hook
from tests.services.reconcile.world import (
    AUTO,
    PROJECT,
    URL,
    World,
    application,
    complete,
    job,
    until,
    world,
)
from tiphys.core.settings import Settings
from tiphys.model.appproject import AppProject
from tiphys.model.errors import RepositoryUnreachableError
from tiphys.model.repository import Asked, Place, Repository
from tiphys.model.resource import ResourceKey
from tiphys.model.status import CompareLevel
from tiphys.services.reconcile.again import Again

LOCAL = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "mine"},
    "data": {"from": "my desk"},
}


def project(here: World, **spec: Any) -> None:
    here.projects["default"] = AppProject({**PROJECT.raw, "spec": {**PROJECT.raw["spec"], **spec}})
    here.rules.forget()


# Local manifests


async def test_local_manifests_stay_wanted_until_the_next_operation() -> None:
    async with world(asking(sync={"manifests": [json.dumps(LOCAL)]})) as here:
        await here.operator.operate("web")
        assert here.state()["phase"] == "Succeeded"
        assert here.live("mine")["data"] == {"from": "my desk"}
        assert here.live("a") is None
        assert here.state()["syncResult"]["revision"] == ""
        await here.refresh(CompareLevel.LATEST)
        assert here.status()["sync"]["status"] == "Synced"
        assert "revision" not in here.status()["sync"]
        assert "sourceType" not in here.status()
        here.pass_time(2)
        here.ask()
        await until(lambda: here.app().operation)
        await here.operator.operate("web")
        assert here.live("a")
        assert here.live("mine") is None
        await here.refresh(CompareLevel.LATEST)
        assert here.status()["sync"]["revision"]


async def test_local_manifests_that_cannot_be_read_are_said() -> None:
    async with world(asking(sync={"manifests": ["kind: ConfigMap"]})) as here:
        await here.operator.operate("web")
        assert here.state()["phase"] == "Error"
        text = here.state()["message"]
        assert text.startswith("ComparisonError: Failed to load local manifests: manifest 1 of 1")
        await here.refresh(CompareLevel.LATEST)
        assert here.status()["sync"]["status"] == "Unknown"


async def test_automated_sync_does_not_undo_a_local_one_without_self_heal() -> None:
    policy = {"automated": {"prune": True}}
    app = application(policy=policy) | {
        "operation": {**ASKED, "sync": {"manifests": [json.dumps(LOCAL)]}}
    }
    async with world(app) as here:
        await here.operator.operate("web")
        here.cluster.change({**here.live("mine"), "data": {"from": "hand"}})
        version = here.live("mine")["metadata"]["resourceVersion"]
        await until(lambda: here.index.tracked("web")[0].resource_version == version)
        await here.refresh(CompareLevel.LATEST)
        assert here.status()["sync"]["status"] == "OutOfSync"
        assert "operation" not in here.raw()


# Shared resources


async def test_a_shared_resource_fails_the_sync_where_that_is_asked_for() -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "a",
            "namespace": "demo",
            "annotations": {"argocd.argoproj.io/tracking-id": "other:/ConfigMap:demo/a"},
        },
    }
    wish = {"syncOptions": ["FailOnSharedResource=true"]}
    async with world(asking(sync=wish), theirs) as here:
        await here.operator.operate("web")
        assert here.state()["phase"] == "Failed"
        text = "ConfigMap/a is part of applications argocd/web and other"
        assert here.state()["message"] == f"Shared resource found: {text}"
        assert "data" not in here.live("a")
        here.pass_time(2)
        here.ask()
        await until(lambda: here.app().operation)
        await here.operator.operate("web")
        assert here.state()["phase"] == "Succeeded"


# Ignored differences


async def test_what_is_ignored_is_left_alone_where_that_is_asked_for() -> None:
    rule = {"group": "", "kind": "ConfigMap", "jsonPointers": ["/data/text"]}
    app: dict[str, Any] = asking(sync={"syncOptions": ["RespectIgnoreDifferences=true"]})
    app["spec"] = {**app["spec"], "ignoreDifferences": [rule]}
    mine = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "demo"},
        "data": {"text": "by hand"},
    }
    async with world(app, mine) as here:
        await here.operator.operate("web")
        assert here.state()["phase"] == "Succeeded"
        assert here.live("a")["data"] == {"text": "by hand"}
        # The rest is applied: it belongs to the application from now on.
        assert "argocd.argoproj.io/tracking-id" in here.live("a")["metadata"]["annotations"]
        here.pass_time(2)
        here.ask(syncOptions=[])
        await until(lambda: here.app().operation)
        await here.operator.operate("web")
        assert here.live("a")["data"] == {"text": "one"}


# Retries of newer commits

HOURS = {"duration": "1h", "maxDuration": "2h"}


async def test_a_newer_commit_supersedes_a_retry_that_asks_for_it() -> None:
    wish = asking(
        retry={"limit": 3, "refresh": True, "backoff": {"duration": "1h", "maxDuration": "2h"}}
    )
    async with world(wish, controller=True) as here:
        here.git.commit(URL, {"web/a": "broken"})
        await until(lambda: here.state().get("retryCount") == 1, what=here.state)
        assert here.state()["phase"] == "Running"
        here.pass_time(2)
        here.git.commit(URL, {"web/a": "mended"})
        here.refs.poke(URL)
        await until(lambda: here.state().get("phase") == "Succeeded", what=here.state)
        assert here.live("a")["data"] == {"text": "mended"}


async def test_a_retry_that_does_not_ask_waits_its_time() -> None:
    wish = asking(retry={"limit": 3, "backoff": HOURS})
    async with world(wish) as here:
        here.git.commit(URL, {"web/a": "broken"})
        assert await here.operator.operate("web") == Again(0.0)
        here.git.commit(URL, {"web/a": "mended"})
        await here.refs.resolve(Place(Repository(URL)), Asked("main"), fresh=True)
        again = await here.operator.operate("web")
        assert again is not None
        assert again.seconds > 3000


async def test_a_repository_that_is_away_supersedes_nothing() -> None:
    wish = asking(
        retry={"limit": 3, "refresh": True, "backoff": {"duration": "1h", "maxDuration": "2h"}}
    )
    async with world(wish) as here:
        here.git.commit(URL, {"web/a": "broken"})
        assert await here.operator.operate("web") == Again(0.0)
        here.git.failure = RepositoryUnreachableError("no route", url=URL)
        again = await here.operator.operate("web")
        assert again is not None
        assert again.seconds > 3000


# Windows

CLOSED = [{"kind": "deny", "schedule": "0 11 * * *", "duration": "2h", "applications": ["*"]}]
MANUAL = [{**CLOSED[0], "manualSync": True}]


async def test_a_closed_window_holds_up_what_was_asked_for() -> None:
    async with world(asking()) as here:
        project(here, syncWindows=CLOSED)
        assert await here.operator.operate("web") == Again(30.0)
        assert here.state()["phase"] == "Running"
        assert here.state()["message"] == "Sync operation blocked by sync window"
        assert here.live("a") is None
        assert await here.operator.operate("web") == Again(30.0)
        here.pass_time(2 * 3600)
        assert await here.operator.operate("web") is None
        assert here.state()["phase"] == "Succeeded"


async def test_what_is_held_up_is_terminated_only_when_the_window_opens() -> None:
    async with world(asking()) as here:
        project(here, syncWindows=CLOSED)
        await here.operator.operate("web")
        state = {**here.state(), "phase": "Terminating", "message": "operation is terminating"}
        here.change(status={**here.status(), "operationState": state})
        await until(lambda: here.app().status.operation_state.phase == "Terminating")  # type: ignore[union-attr]
        assert await here.operator.operate("web") == Again(30.0)
        assert here.state()["phase"] == "Terminating"
        assert here.state()["message"] == "operation is terminating"
        project(here)
        assert await here.operator.operate("web") is None
        assert here.state()["phase"] == "Failed"
        assert here.state()["message"] == "Operation terminated"


async def test_a_window_that_nobody_can_read_is_closed() -> None:
    async with world(asking()) as here:
        project(here, syncWindows=[{**CLOSED[0], "schedule": "never"}])
        assert await here.operator.operate("web") == Again(30.0)
        assert here.state()["message"].startswith("Sync operation blocked by sync window: ")


async def test_people_may_sync_through_a_window_that_says_so() -> None:
    async with world(asking()) as here:
        project(here, syncWindows=MANUAL)
        await here.operator.operate("web")
        assert here.state()["phase"] == "Succeeded"


async def test_a_window_that_closes_meanwhile_holds_up_the_rest() -> None:
    """The operation goes on where it was; hooks that ran do not run again."""
    async with world(asking(), controller=True) as here:
        with_hook(here, job("before", phase="PreSync"), job("after", phase="PostSync"))
        await until(lambda: here.live("before", "Job"), what=here.state)
        project(here, syncWindows=CLOSED)
        complete(here, "before")
        blocked = "Sync operation blocked by sync window"
        await until(lambda: here.state().get("message") == blocked, what=here.state)
        assert here.live("after", "Job") is None
        project(here)
        here.controller._running.add("web")
        await until(lambda: here.live("after", "Job"), what=here.state)
        complete(here, "after")
        await until(lambda: here.state().get("phase") == "Succeeded", what=here.state)
        made = [at.name for verb, at in here.cluster.calls if verb == "create" and at.kind == "Job"]
        assert made == ["before", "after"]


async def test_no_automated_sync_while_a_window_is_closed() -> None:
    async with world(application(policy=AUTO)) as here:
        project(here, syncWindows=MANUAL)
        assert await here.refresh(CompareLevel.LATEST) == Again(3600.0)
        assert here.status()["sync"]["status"] == "OutOfSync"
        assert "operation" not in here.raw()
        assert "conditions" not in here.status()
        here.pass_time(3601)
        await here.refresh()
        assert here.raw()["operation"]["initiatedBy"] == {"automated": True}


# As whom

ACCOUNTS = [
    {"server": "*", "namespace": "other", "defaultServiceAccount": "nobody"},
    {"server": "*", "namespace": "demo", "defaultServiceAccount": "deployer"},
]


async def test_a_sync_acts_as_the_service_account_of_its_project() -> None:
    async with world(asking()) as here:
        here.settings = Settings(wave_delay=0.0, impersonation=True)
        project(here, destinationServiceAccounts=ACCOUNTS)
        await here.operator.operate("web")
        assert here.state()["phase"] == "Succeeded"
        assert here.connection.accounts == ["system:serviceaccount:demo:deployer"]


async def test_without_an_account_nothing_is_synced_where_that_is_enforced() -> None:
    async with world(asking()) as here:
        here.settings = Settings(wave_delay=0.0, impersonation=True)
        await here.operator.operate("web")
        text = (
            "no matching service account found for destination server "
            "https://kubernetes.default.svc and namespace demo"
        )
        assert (here.state()["phase"], here.state()["message"]) == ("Error", text)
        assert here.live("a") is None
        here.settings = Settings(wave_delay=0.0, impersonation=True, impersonation_enforced=False)
        here.pass_time(2)
        here.ask()
        await until(lambda: here.app().operation)
        await here.operator.operate("web")
        assert here.state()["phase"] == "Succeeded"
        assert here.connection.accounts == []


async def test_an_account_that_is_none_is_said() -> None:
    async with world(asking()) as here:
        here.settings = Settings(wave_delay=0.0, impersonation=True)
        bad = [{"server": "*", "namespace": "*", "defaultServiceAccount": "a*"}]
        project(here, destinationServiceAccounts=bad)
        await here.operator.operate("web")
        text = here.state()["message"]
        assert text.startswith("failed to derive service account to impersonate: ")


# The managed namespace


async def test_other_metadata_of_the_namespace_is_out_of_sync_until_it_is_synced() -> None:
    policy = {
        "syncOptions": ["CreateNamespace=true"],
        "managedNamespaceMetadata": {"labels": {"team": "a"}},
    }
    sync = {"syncOptions": ["CreateNamespace=true"]}
    async with world(application(policy=policy) | {"operation": {"sync": sync}}) as here:
        await here.operator.operate("web")
        await here.refresh(CompareLevel.LATEST)
        assert here.status()["sync"]["status"] == "Synced"
        kept = {"labels": {"team": "a"}}
        assert here.state()["syncResult"]["managedNamespaceMetadata"] == kept
        spec = {
            **here.raw()["spec"],
            "syncPolicy": {**policy, "managedNamespaceMetadata": {"labels": {"team": "b"}}},
        }
        here.change(spec=spec)
        await until(lambda: here.app().raw["spec"] == spec)
        await here.refresh()
        assert here.status()["sync"]["status"] == "OutOfSync"
        assert [one["status"] for one in here.status()["resources"]] == ["Synced"]


async def test_a_tracked_namespace_that_is_managed_is_not_pruned() -> None:
    policy = {"managedNamespaceMetadata": {"labels": {"team": "a"}}}
    async with world(application(policy=policy) | {"operation": ASKED}) as here:
        space = ResourceKey("", "Namespace", "", "demo")
        notes = {"argocd.argoproj.io/tracking-id": "web:/Namespace:demo/demo"}
        meta = {"name": "demo", "annotations": notes}
        here.cluster.change({**here.cluster.objects[space], "metadata": meta})
        await until(lambda: here.index.tracked("web"))
        await here.operator.operate("web")
        assert here.state()["phase"] == "Succeeded", here.state()
        assert here.cluster.objects[space]["metadata"]["labels"] == {"team": "a"}


# The spec


async def test_the_spec_is_written_as_it_is_compared() -> None:
    app: dict[str, Any] = application()
    app["spec"] = {**app["spec"], "project": "", "syncPolicy": {"syncOptions": []}}
    app["spec"]["source"] = {**app["spec"]["source"], "directory": {"jsonnet": {}}}
    async with world(app) as here:
        await here.refresh()
        spec = here.raw()["spec"]
        assert spec["project"] == "default"
        assert "syncPolicy" not in spec
        assert "directory" not in spec["source"]
        assert here.status()["sync"]["status"] == "OutOfSync"
