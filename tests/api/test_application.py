"""The methods that change one application: who may, what is said, what is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from tests.api.applications import Api, following
from tests.cli.world import COMMIT, NAMESPACE, REPO, app, guestbook, key, project
from tiphys.model.access import Caller
from tiphys.model.errors import ApiCode, ApiError, ConflictError, KubeError
from tiphys.model.live import ObjectList
from tiphys.model.resource import ResourceKey
from tiphys.services.applications.store import APPLICATIONS

DENIED = (ApiCode.PERMISSION_DENIED, "permission denied")
RUNNING = {
    "status": {
        "operationState": {
            "operation": {"sync": {}},
            "phase": "Running",
            "startedAt": "2026-11-23T10:00:00Z",
        }
    }
}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    found = Api()
    found.cluster.seed(project(), project("team"), app("a"), app("t", spec={"project": "team"}))
    found.access.allow("applications * default/*")
    async with following(found):
        yield found


async def refused(answer: Awaitable[Any]) -> tuple[ApiCode, str]:
    with pytest.raises(ApiError) as caught:
        await answer
    return caught.value.code, str(caught.value)


def long(action: str, target: str) -> tuple[ApiCode, str]:
    text = f"permission denied: applications, {action}, {target}"
    return ApiCode.PERMISSION_DENIED, text


def stored(api: Api, name: str = "a") -> dict[str, Any]:
    return api.cluster.objects[key(name)]


# -- who may ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("Get", {}),
        ("UpdateSpec", {"spec": app("a")["spec"]}),
        ("Patch", {"patch": "[]", "patchType": "json"}),
        ("Delete", {}),
        ("Sync", {}),
        ("Rollback", {"id": 1}),
        ("TerminateOperation", {}),
        ("GetApplicationSyncWindows", {}),
    ],
)
async def test_missing_and_forbidden_are_one_answer(
    api: Api, method: str, more: dict[str, Any]
) -> None:
    for name in ("t", "nosuch"):
        assert await refused(api.ask(method, name=name, **more)) == DENIED
    absent = (ApiCode.NOT_FOUND, 'applications.argoproj.io "nosuch" not found')
    # Get alone takes projects in the plural.
    projects = {"projects": ["default"]} if method == "Get" else {"project": "default"}
    assert await refused(api.ask(method, name="nosuch", **projects, **more)) == absent
    assert not api.audit.told


@pytest.mark.parametrize(
    ("method", "more", "action"),
    [
        ("Patch", {"patch": "[]", "patchType": "json"}, "update"),
        ("Delete", {}, "delete"),
        ("Sync", {}, "sync"),
    ],
)
async def test_who_may_only_look_is_told_what_is_missing(
    api: Api, method: str, more: dict[str, Any], action: str
) -> None:
    api.access.deny("applications * default/*")
    api.access.allow("applications get default/*")
    before = dict(stored(api))
    assert await refused(api.ask(method, name="a", **more)) == long(action, "default/a")
    assert stored(api) == before
    assert not api.audit.told


async def test_rollback_asks_for_its_own_right_where_settings_say_so(api: Api) -> None:
    api.access.deny("applications * default/*")
    api.access.allow("applications sync default/*")
    api.rollback_action = "rollback"
    assert await refused(api.ask("Rollback", name="a", id=1)) == DENIED
    api.rollback_action = "sync"
    code, text = await refused(api.ask("Rollback", name="a", id=1))
    assert (code, text) == (
        ApiCode.INVALID_ARGUMENT,
        "application argocd/a does not have deployment with id 1",
    )


# -- creating -----------------------------------------------------------------------------------


async def test_creating(api: Api) -> None:
    wanted = app("new") | {"operation": {"sync": {"prune": True}}}
    answer = await api.ask("Create", application=wanted)
    assert answer["metadata"]["name"] == "new"
    # Nobody syncs by creating.
    assert "operation" not in stored(api, "new")
    assert "operation" not in answer
    assert api.audit.told == [("new", "ResourceCreated", "alice created application")]
    # The next one who asks this server finds it.
    assert api.catalogue.get(NAMESPACE, "new") is not None


async def test_creating_needs_an_application_and_the_right(api: Api) -> None:
    assert await refused(api.ask("Create")) == (
        ApiCode.UNKNOWN,
        "error creating application: application is nil in request",
    )
    wanted = app("new", spec={"project": "team"})
    assert await refused(api.ask("Create", application=wanted)) == long("create", "team/new")
    api.access.allow("applications create gone/*")
    lost = app("new", spec={"project": "gone"})
    assert await refused(api.ask("Create", application=lost)) == (
        ApiCode.INVALID_ARGUMENT,
        'app is not allowed in project "gone", or the project does not exist',
    )


async def test_errors_without_a_code_say_what_was_being_done(api: Api) -> None:
    assert await refused(api.ask("Create", application=app(""))) == (
        ApiCode.UNKNOWN,
        "error while validating and normalizing app: resource name may not be empty",
    )


async def test_a_destination_is_needed(api: Api) -> None:
    wanted = app("UPPER_case", spec={"destination": {}})
    text = (
        "application destination spec for UPPER_case is invalid: "
        "Destination server missing from app spec"
    )
    assert await refused(api.ask("Create", application=wanted)) == (ApiCode.INVALID_ARGUMENT, text)


async def test_creating_again(api: Api) -> None:
    assert (await api.ask("Create", application=app("a")))["metadata"]["name"] == "a"
    assert not api.audit.told
    changed = app("a", spec={"source": {"repoURL": REPO, "path": "helm"}})
    assert await refused(api.ask("Create", application=changed)) == (
        ApiCode.INVALID_ARGUMENT,
        "existing application spec is different, use upsert flag to force update",
    )
    await api.ask("Create", application=changed, upsert=True)
    assert stored(api)["spec"]["source"]["path"] == "helm"
    assert api.audit.texts() == ["alice updated application spec"]


async def test_creating_over_it_needs_the_right_to_update(api: Api) -> None:
    api.access.deny("applications * default/*")
    api.access.allow("applications create default/*")
    changed = app("a", spec={"source": {"repoURL": REPO, "path": "helm"}})
    answer = api.ask("Create", application=changed, upsert=True)
    assert await refused(answer) == long("update", "default/a")


async def test_nobody_takes_an_application_out_of_a_project_by_creating_it(api: Api) -> None:
    stolen = app("t")
    answer = api.ask("Create", application=stolen, upsert=True)
    assert await refused(answer) == long("update", "team/t")
    assert stored(api, "t")["spec"]["project"] == "team"


# -- changing -----------------------------------------------------------------------------------


async def test_updating_replaces_what_users_own(api: Api) -> None:
    api.cluster.change({**app("a", metadata={"labels": {"old": "1"}}), **RUNNING})
    wanted = app("a", metadata={"labels": {"new": "1"}, "uid": "forged"}, status={"x": 1})
    answer = await api.ask("Update", application=wanted)
    assert answer["metadata"]["labels"] == {"new": "1"}
    assert stored(api)["metadata"]["uid"] != "forged"
    assert stored(api)["status"] == RUNNING["status"]
    assert api.audit.told == [("a", "ResourceUpdated", "alice updated application spec")]


async def test_moving_to_another_project_needs_both_rights(api: Api) -> None:
    spec = app("a", spec={"project": "team"})["spec"]
    answer = api.ask("UpdateSpec", name="a", spec=spec)
    assert await refused(answer) == long("create", "team/a")
    api.access.allow("applications create team/*")
    assert (await api.ask("UpdateSpec", name="a", spec=spec))["project"] == "team"


async def test_a_spec_is_answered_alone(api: Api) -> None:
    spec = app("a", spec={"source": {"repoURL": REPO, "path": "helm", "helm": {}}})["spec"]
    answer = await api.ask("UpdateSpec", name="a", spec=spec)
    assert answer == {**spec, "source": {"repoURL": REPO, "path": "helm"}}


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("json", '[{"op": "add", "path": "/spec/revisionHistoryLimit", "value": 7}]'),
        ("", '[{"op": "add", "path": "/spec/revisionHistoryLimit", "value": 7}]'),
        ("merge", '{"spec": {"revisionHistoryLimit": 7}, "operation": {"sync": {}}}'),
    ],
)
async def test_patching(api: Api, kind: str, patch: str) -> None:
    answer = await api.ask("Patch", name="a", patch=patch, patchType=kind)
    assert answer["spec"]["revisionHistoryLimit"] == 7
    # Only what users own takes effect.
    assert "operation" not in stored(api)


async def test_bad_patches(api: Api) -> None:
    answer = api.ask("Patch", name="a", patch="{}", patchType="strategic")
    text = "Patch type 'strategic' is not supported"
    assert await refused(answer) == (ApiCode.INVALID_ARGUMENT, text)
    assert (await refused(api.ask("Patch", name="a", patch="{", patchType="merge")))[0] is (
        ApiCode.UNKNOWN
    )


async def test_somebody_else_wrote_in_between(api: Api) -> None:
    failures = [ConflictError("modified", status=409)] * 9

    def meddle(verb: str, asked: ResourceKey) -> KubeError | None:
        return failures.pop() if verb == "update" and failures else None

    api.cluster.fail = meddle
    await api.ask("UpdateSpec", name="a", spec=app("a")["spec"])
    assert not failures
    api.cluster.fail = lambda verb, asked: (
        ConflictError("modified", status=409) if verb == "update" else None
    )
    answer = api.ask("UpdateSpec", name="a", spec=app("a")["spec"])
    text = "Failed to update application. Too many conflicts"
    assert await refused(answer) == (ApiCode.INTERNAL, text)


async def test_a_right_that_is_lost_in_between_is_lost(api: Api) -> None:
    """Whoever moved it to another project meanwhile took it out of the caller's hands."""

    def meddle(verb: str, asked: ResourceKey) -> KubeError | None:
        if verb != "update" or stored(api)["spec"]["project"] != "default":
            return None
        api.cluster.change(app("a", spec={"project": "team"}))
        return ConflictError("modified", status=409)

    api.cluster.fail = meddle
    answer = api.ask("UpdateSpec", name="a", spec=app("a")["spec"])
    assert await refused(answer) == long("update", "team/a")


@pytest.mark.parametrize(
    ("asked", "finalizers"),
    [
        ({}, ["resources-finalizer.argocd.argoproj.io"]),
        ({"propagationPolicy": ""}, ["resources-finalizer.argocd.argoproj.io"]),
        (
            {"propagationPolicy": "Background"},
            ["resources-finalizer.argocd.argoproj.io/background"],
        ),
    ],
)
async def test_deleting(api: Api, asked: dict[str, Any], finalizers: list[str]) -> None:
    assert await api.ask("Delete", name="a", **asked) == {}
    assert stored(api)["metadata"]["finalizers"] == finalizers
    assert stored(api)["metadata"]["deletionTimestamp"]
    assert api.audit.told == [("a", "ResourceDeleted", "alice deleted application")]


async def test_deleting_without_its_objects(api: Api) -> None:
    answer = api.ask("Delete", name="a", cascade=False, propagationPolicy="foreground")
    text = "cannot set propagation policy when cascading is disabled"
    assert await refused(answer) == (ApiCode.INVALID_ARGUMENT, text)
    await api.ask("Delete", name="a", cascade=False)
    assert key("a") not in api.cluster.objects


# -- asking the controller ----------------------------------------------------------------------


async def test_syncing(api: Api) -> None:
    answer = await api.ask("Sync", name="a", prune=True, infos=[{"name": "why", "value": "so"}])
    operation = stored(api)["operation"]
    assert operation == {
        "sync": {
            "revision": COMMIT,
            "prune": True,
            "source": {"repoURL": REPO, "path": "guestbook"},
        },
        "initiatedBy": {"username": "alice"},
        "info": [{"name": "why", "value": "so"}],
        "retry": {},
    }
    assert answer["operation"] == operation
    # As recorded: no revision has no name.
    told = f"alice initiated sync to  ({COMMIT})"
    assert api.audit.told == [("a", "OperationStarted", told)]
    text = "another operation is already in progress"
    assert await refused(api.ask("Sync", name="a")) == (ApiCode.FAILED_PRECONDITION, text)


async def test_what_a_sync_is_told_of(api: Api) -> None:
    await api.ask("Sync", name="a", resources=[{"kind": "Pod", "name": "p"}], revision=COMMIT)
    assert api.audit.texts() == [f"alice initiated partial sync to {COMMIT}"]


async def test_syncing_local_manifests_needs_one_more_right(api: Api) -> None:
    api.access.deny("applications * default/*")
    api.access.allow("applications get default/*", "applications sync default/*")
    answer = api.ask("Sync", name="a", manifests=["{}"])
    assert await refused(answer) == long("override", "default/a")
    api.access.allow("applications override default/*")
    await api.ask("Sync", name="a", manifests=["{}"])
    assert api.audit.texts() == ["alice initiated sync locally"]


async def test_syncing_another_revision_may_need_one_more_right(api: Api) -> None:
    api.access.deny("applications * default/*")
    api.access.allow("applications get default/*", "applications sync default/*")
    api.config["application.sync.requireOverridePrivilegeForRevisionSync"] = "true"
    answer = api.ask("Sync", name="a", revision="main")
    assert await refused(answer) == long("override", "default/a")
    # Its own revision is no other one, by either name.
    await api.ask("Sync", name="a", revision="HEAD", dryRun=True)


async def test_signed_sources_are_not_replaced_by_what_somebody_sends(api: Api) -> None:
    api.cluster.seed(project("signed", signatureKeys=[{"keyID": "4AEE18F83AFDEB23"}]))
    api.cluster.seed(app("s", spec={"project": "signed"}))
    api.access.allow("applications * signed/*")
    await api.heard()
    answer = api.ask("Sync", name="s", manifests=["{}"])
    text = "Cannot use local manifests when source integrity is enforced"
    assert await refused(answer) == (ApiCode.FAILED_PRECONDITION, text)


async def test_replacing_may_be_off() -> None:
    api = Api(replace_allowed=False)
    api.cluster.seed(project(), app("a", spec={"syncPolicy": {"syncOptions": ["Replace=true"]}}))
    api.access.allow("*")
    await api.heard()
    text = "sync with replace was disabled on the API Server level via the server configuration"
    assert await refused(api.ask("Sync", name="a")) == (ApiCode.FAILED_PRECONDITION, text)
    # What the request says of options stands for the application's.
    await api.ask("Sync", name="a", syncOptions={"items": ["Prune=false"]})
    assert stored(api)["operation"]["sync"]["syncOptions"] == ["Prune=false"]


async def test_sync_windows(api: Api) -> None:
    window = {"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]}
    closed = {**window, "manualSync": False, "kind": "allow", "schedule": "0 0 1 1 *"}
    api.cluster.seed(project("shut", syncWindows=[window, closed]))
    api.cluster.seed(app("w", spec={"project": "shut"}))
    api.access.allow("applications * shut/*")
    await api.heard()
    told = {"kind": "deny", "schedule": "* * * * *", "duration": "1h", "manualSync": False}
    other = {**told, "kind": "allow", "schedule": "0 0 1 1 *"}
    assert await api.ask("GetApplicationSyncWindows", name="w") == {
        "activeWindows": [told],
        "assignedWindows": [told, other],
        "canSync": False,
    }
    assert await api.ask("GetApplicationSyncWindows", name="a") == {"canSync": True}
    # The window is looked at before the right to sync.
    api.access.deny("applications * shut/*")
    api.access.allow("applications get shut/*")
    text = "cannot sync: blocked by sync window"
    assert await refused(api.ask("Sync", name="w")) == (ApiCode.PERMISSION_DENIED, text)


async def test_several_sources(api: Api) -> None:
    sources = [{"repoURL": REPO, "path": "helm"}, {"repoURL": REPO, "path": "guestbook"}]
    api.cluster.change(app("a", spec={"sources": sources, "source": None}))
    answer = api.ask("Sync", name="a", revisions=["main"], sourcePositions=[3])
    assert await refused(answer) == (ApiCode.UNKNOWN, "source position is out of range")
    await api.ask("Sync", name="a", revisions=["main"], sourcePositions=[2])
    assert stored(api)["operation"]["sync"]["revisions"] == [COMMIT, COMMIT]
    assert api.audit.texts() == [f"alice initiated sync to  ({COMMIT}),main ({COMMIT})"]


async def test_rolling_back(api: Api) -> None:
    api.cluster.seed({**guestbook(), "operation": None})
    await api.heard()
    entry = guestbook()["status"]["history"][0]["id"]
    await api.ask("Rollback", name="guestbook", id=entry, prune=True, dryRun=True)
    operation = stored(api, "guestbook")["operation"]
    assert operation["initiatedBy"] == {"username": "alice"}
    assert (operation["sync"]["prune"], operation["sync"]["dryRun"]) == (True, True)
    assert api.audit.told == [
        ("guestbook", "OperationStarted", f"alice initiated rollback to {entry}")
    ]


async def test_terminating(api: Api) -> None:
    text = "Unable to terminate operation. No operation is in progress"
    answer = api.ask("TerminateOperation", name="a")
    assert await refused(answer) == (ApiCode.INVALID_ARGUMENT, text)
    api.cluster.change({**app("a"), **RUNNING, "operation": {"sync": {}}})
    assert await api.ask("TerminateOperation", name="a") == {}
    assert stored(api)["status"]["operationState"]["phase"] == "Terminating"
    assert api.audit.told == [("a", "ResourceUpdated", "alice terminated running operation")]


# -- reading one --------------------------------------------------------------------------------


async def test_getting_takes_health_from_the_tree(api: Api) -> None:
    resource = {"group": "apps", "kind": "Deployment", "namespace": "demo", "name": "web"}
    status = {"resourceHealthSource": "appTree", "resources": [{**resource, "status": "Synced"}]}
    api.cluster.change({**app("a"), "status": status})
    await api.heard()
    found = await api.ask("Get", name="a")
    assert "health" not in found["status"]["resources"][0]
    first = api.call.etag
    api.live.trees_of["a"] = {"nodes": [{**resource, "uid": "1", "health": {"status": "Degraded"}}]}
    found = await api.ask("Get", name="a")
    assert found["status"]["resources"][0]["health"] == {"status": "Degraded"}
    assert {"apiVersion", "kind"}.isdisjoint(found)
    # Health is part of what is answered, and changes without the application.
    assert api.call.etag != first


async def test_what_the_watch_has_is_not_asked_for_again(api: Api) -> None:
    api.cluster.calls.clear()
    await api.ask("Get", name="a", projects=["default"])
    assert not api.cluster.calls
    await api.ask("Get", name="a", resourceVersion="1")
    assert [verb for verb, _ in api.cluster.calls] == ["get"]
    # What is new is found, though the watch has not told of it.
    api.catalogue.replaced(APPLICATIONS, ObjectList((), "1"))
    await api.ask("Get", name="a")


async def test_only_one_project_may_be_named(api: Api) -> None:
    text = "multiple projects specified - the get endpoint accepts either zero or one project"
    for asked in ({"projects": ["a", "b"]}, {"project": ["a", "b"]}):
        answer = api.ask("Get", name="a", **asked)
        assert await refused(answer) == (ApiCode.INVALID_ARGUMENT, text)


@pytest.mark.parametrize(
    ("refresh", "kind"), [("normal", "normal"), ("hard", "hard"), ("", "normal")]
)
async def test_refreshing_waits_for_the_controller(api: Api, refresh: str, kind: str) -> None:
    asking = asyncio.create_task(api.ask("Get", name="a", refresh=refresh))
    await asyncio.sleep(0.01)
    stamp = "2026-11-23T10:03:33.956243000Z"
    prefix = "argocd.argoproj.io/"
    assert stored(api)["metadata"]["annotations"] == {
        f"{prefix}refresh": kind,
        f"{prefix}refresh-timestamp": stamp,
        f"{prefix}hydrate": kind,
        f"{prefix}hydrate-timestamp": stamp,
    }
    # Neither another application nor a change that leaves the annotation is the answer.
    api.cluster.change(app("t", spec={"project": "team"}))
    api.cluster.change({**stored(api), "status": {"health": {"status": "Progressing"}}})
    await asyncio.sleep(0.01)
    assert not asking.done()
    resource = {"kind": "Service", "namespace": "demo", "name": "web"}
    api.live.trees_of["a"] = {"nodes": [{**resource, "uid": "1", "health": {"status": "Healthy"}}]}
    status = {"resourceHealthSource": "appTree", "resources": [{**resource, "status": "Synced"}]}
    api.cluster.change({**app("a"), "status": status})
    found = await asyncio.wait_for(asking, 5)
    assert found["status"]["resources"][0]["health"] == {"status": "Healthy"}


async def test_a_caller_by_sso_is_named_by_mail(api: Api) -> None:
    claims = {"iss": "https://idp.example.com", "sub": "0815", "email": "bob@example.com"}
    api.caller = Caller(claims=claims)
    await api.ask("Sync", name="a")
    assert stored(api)["operation"]["initiatedBy"] == {"username": "bob@example.com"}
