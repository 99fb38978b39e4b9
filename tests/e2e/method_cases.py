"""One case and more for every method that clients call, in an order in which they build on another.

`{p}` in a text is another one for each protocol, so that each has things of its own.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.calls import base64_of
from tests.e2e.manifests import config_map
from tests.e2e.stack import NAMESPACE, Stack
from tiphys.model.errors import ApiCode

APP = "calls"
IN_CLUSTER = "https://kubernetes.default.svc"


@dataclass(frozen=True)
class Case:
    """`code` is what it ends with, `apart` are keys that differ from call to call, and `effect`
    looks at the cluster for what was done; it gets the protocol's own text. `before` is called
    before each, so that all of them find the same. `rest` is whether REST has it too.
    """

    method: str
    request: Mapping[str, Any]
    code: ApiCode | None = None
    apart: tuple[str, ...] = ()
    effect: Callable[[Stack, str], bool] | None = None
    before: Case | None = None
    rest: bool = True


def application(name: str, repo: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "project": "default",
            "source": {"repoURL": repo, "path": "app"},
            "destination": {"server": IN_CLUSTER, "namespace": name},
        },
    }


def _field(kind: str, name: str, *path: str) -> Callable[[Stack, str], Any]:
    def found(stack: Stack, own: str) -> Any:
        value: Any = stack.kube.get(kind, NAMESPACE, name.replace("{p}", own))
        for part in path:
            value = (value or {}).get(part)
        return value

    return found


def _is(kind: str, name: str, wanted: Any, *path: str) -> Callable[[Stack, str], bool]:
    found = _field(kind, name, *path)

    def check(stack: Stack, own: str) -> bool:
        text = wanted.replace("{p}", own) if isinstance(wanted, str) else wanted
        return bool(found(stack, own) == text)

    return check


def _exists(kind: str, name: str) -> Callable[[Stack, str], bool]:
    found = _field(kind, name)
    return lambda stack, own: found(stack, own) is not None


def _gone(kind: str, name: str) -> Callable[[Stack, str], bool]:
    found = _field(kind, name)
    return lambda stack, own: (
        (found(stack, own) or {}).get("metadata", {}).get("deletionTimestamp") is not None
        or found(stack, own) is None
    )


def applications(repo: str, revision: str) -> list[Case]:
    service = "application.ApplicationService"
    own = "calls-{p}"
    pod = {"namespace": APP, "resourceName": "settings", "version": "v1", "kind": "ConfigMap"}
    resource = {"name": APP, "group": "", **pod}
    return [
        Case(f"{service}/List", {"name": APP}),
        Case(f"{service}/List", {"projects": ["nobody"]}),
        Case(f"{service}/Get", {"name": APP, "project": ["default"]}),
        Case(f"{service}/Get", {"name": "missing"}, ApiCode.PERMISSION_DENIED),
        Case(f"{service}/Get", {"name": "missing", "project": ["default"]}, ApiCode.NOT_FOUND),
        Case(f"{service}/Watch", {"name": APP}),
        Case(f"{service}/Create", {"application": application(own, repo), "upsert": True},
             effect=_exists("Application", own)),
        Case(f"{service}/Create", {"application": {"metadata": {"name": own}, "spec": {}}},
             ApiCode.INVALID_ARGUMENT),
        Case(f"{service}/Update",
             {"application": {**application(own, repo),
                              "metadata": {"name": own, "labels": {"a": "b"}}}},
             effect=_is("Application", own, {"a": "b"}, "metadata", "labels")),
        Case(f"{service}/UpdateSpec",
             {"name": own, "spec": {**application(own, repo)["spec"], "revisionHistoryLimit": 3}},
             effect=_is("Application", own, 3, "spec", "revisionHistoryLimit")),
        Case(f"{service}/Patch",
             {"name": own, "patch": '{"spec":{"revisionHistoryLimit":4}}', "patchType": "merge"},
             effect=_is("Application", own, 4, "spec", "revisionHistoryLimit")),
        Case(f"{service}/Patch", {"name": own, "patch": "{}", "patchType": "odd"},
             ApiCode.INVALID_ARGUMENT),
        Case(f"{service}/GetManifests", {"name": APP}),
        Case(f"{service}/GetManifestsWithFiles", {"parts": _files()}),
        Case(f"{service}/ResourceTree", {"applicationName": APP}),
        Case(f"{service}/WatchResourceTree", {"applicationName": "missing"},
             ApiCode.PERMISSION_DENIED),
        Case(f"{service}/ManagedResources", {"applicationName": APP}),
        Case(f"{service}/ListResourceEvents", {"name": "calls-quiet"}),
        Case(f"{service}/GetResource", resource),
        Case(f"{service}/GetResource", {**resource, "resourceName": "none"},
             ApiCode.INVALID_ARGUMENT),
        Case(f"{service}/PatchResource",
             {**resource, "patch": '{"data":{"{p}":"yes"}}',
              "patchType": "application/merge-patch+json"}, apart=("manifest",),
             effect=lambda stack, own: _data(stack, "settings").get(own) == "yes"),
        Case(f"{service}/ServerSideDiff",
             {"appName": APP, "liveResources": [], "targetManifests": []}),
        Case(f"{service}/DeleteResource", {**resource, "resourceName": "extra-{p}"},
             effect=lambda stack, own: stack.kube.get("ConfigMap", APP, f"extra-{own}") is None),
        Case(f"{service}/PodLogs", {"name": APP, "podName": "none", "namespace": APP}),
        Case(f"{service}/RevisionMetadata", {"name": APP, "revision": revision}),
        Case(f"{service}/RevisionChartDetails", {"name": APP, "revision": "1.0"},
             ApiCode.UNKNOWN),
        Case(f"{service}/GetOCIMetadata", {"name": APP, "revision": "1.0"}, ApiCode.UNKNOWN),
        Case(f"{service}/ListLinks", {"name": APP}),
        Case(f"{service}/ListResourceLinks", resource),
        Case(f"{service}/GetApplicationSyncWindows", {"name": APP}),
        Case(f"{service}/Sync", {"name": own, "dryRun": True, "revision": revision},
             effect=lambda stack, own: bool(
                 stack.app(f"calls-{own}").get("operation")
                 or stack.operation(f"calls-{own}"))),
        Case(f"{service}/Rollback", {"name": "calls-quiet", "id": 99}, ApiCode.INVALID_ARGUMENT),
        Case(f"{service}/TerminateOperation", {"name": "calls-quiet"}, ApiCode.INVALID_ARGUMENT),
        Case(f"{service}/Delete", {"name": own, "cascade": False},
             effect=_gone("Application", own)),
        Case(f"{service}/ListResourceActions", resource, ApiCode.UNIMPLEMENTED),
        Case(f"{service}/RunResourceAction", {**resource, "action": "x"}, ApiCode.UNIMPLEMENTED),
        Case(f"{service}/RunResourceActionV2", {**resource, "action": "x"},
             ApiCode.UNIMPLEMENTED),
    ]  # fmt: skip


def _files() -> list[dict[str, Any]]:
    """A folder as an archive, in pieces."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        text = config_map("given", color="red").encode()
        member = tarfile.TarInfo("app/given.yaml")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    whole = raw.getvalue()
    query = {"name": APP, "checksum": hashlib.sha256(whole).hexdigest()}
    pieces = (whole[at : at + 1024] for at in range(0, len(whole), 1024))
    return [{"query": query}, *({"chunk": {"chunk": base64_of(one)}} for one in pieces)]


def _data(stack: Stack, name: str) -> dict[str, str]:
    found = stack.kube.get("ConfigMap", APP, name) or {}
    data: dict[str, str] = found.get("data") or {}
    return data


def accounts(password: str) -> list[Case]:
    service = "account.AccountService"
    return [
        Case("session.SessionService/Create", {"username": "admin", "password": password},
             apart=("token",)),
        Case("session.SessionService/Create", {"username": "admin", "password": "no"},
             ApiCode.UNAUTHENTICATED),
        Case("session.SessionService/GetUserInfo", {}),
        Case("session.SessionService/Delete", {}),
        Case("version.VersionService/Version", {}),
        Case("cluster.SettingsService/Get", {}),
        Case("cluster.SettingsService/GetPlugins", {}),
        Case(f"{service}/CanI",
             {"resource": "applications", "action": "get", "subresource": "*"}),
        Case(f"{service}/CanI", {"resource": "applications", "action": "x", "subresource": "*"},
             ApiCode.INVALID_ARGUMENT),
        Case(f"{service}/ListAccounts", {}, apart=("tokens",)),
        Case(f"{service}/GetAccount", {"name": "admin"}),
        Case(f"{service}/GetAccount", {"name": "nobody"}, ApiCode.NOT_FOUND),
        Case(f"{service}/CreateToken", {"name": "robot", "id": "{p}"}, apart=("token",)),
        Case(f"{service}/CreateToken", {"name": "robot", "id": "{p}"}, ApiCode.UNKNOWN),
        Case(f"{service}/DeleteToken", {"name": "robot", "id": "{p}"}),
        Case(f"{service}/DeleteToken", {"name": "robot", "id": "none"}, ApiCode.NOT_FOUND),
        Case(f"{service}/UpdatePassword",
             {"name": "person", "currentPassword": password, "newPassword": "long-enough-{p}"}),
        Case(f"{service}/UpdatePassword",
             {"name": "person", "currentPassword": "no", "newPassword": "long-enough-{p}"},
             ApiCode.INVALID_ARGUMENT),
    ]  # fmt: skip


def projects() -> list[Case]:
    service = "project.ProjectService"
    own = "calls-{p}"
    spec = {"destinations": [{"server": "*", "namespace": "calls-*"}], "sourceRepos": ["*"]}
    project = {"metadata": {"name": own}, "spec": {**spec, "roles": [{"name": "reader"}]}}
    return [
        Case(f"{service}/Create", {"project": project}, effect=_exists("AppProject", own)),
        Case(f"{service}/Create", {}, ApiCode.INVALID_ARGUMENT),
        Case(f"{service}/List", {"name": "default"}),
        Case(f"{service}/Get", {"name": own}),
        Case(f"{service}/Get", {"name": "missing"}, ApiCode.NOT_FOUND),
        Case(f"{service}/GetDetailedProject", {"name": own}),
        Case(f"{service}/GetGlobalProjects", {"name": own}),
        Case(f"{service}/ListEvents", {"name": "default"}),
        Case(f"{service}/GetSyncWindowsState", {"name": own}),
        Case(f"{service}/ListLinks", {"name": own}),
        Case(f"{service}/CreateToken", {"project": own, "role": "reader", "id": "one"},
             apart=("token",)),
        Case(f"{service}/CreateToken", {"project": own, "role": "nobody"}, ApiCode.NOT_FOUND),
        Case(f"{service}/DeleteToken", {"project": own, "role": "reader", "id": "one", "iat": 0},
             effect=lambda stack, own: "one" not in str(
                 (stack.kube.get("AppProject", NAMESPACE, f"calls-{own}") or {}).get("spec"))),
        Case(f"{service}/Update",
             {"project": {"metadata": {"name": "default", "resourceVersion": ""}, "spec": {
                 "destinations": [{"server": "*", "namespace": "*"}], "sourceRepos": ["*"],
                 "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
                 "description": "{p}"}}},
             effect=_is("AppProject", "default", "{p}", "spec", "description")),
        Case(f"{service}/Delete", {"name": own}, effect=_gone("AppProject", own)),
        Case(f"{service}/Delete", {"name": "default"}, ApiCode.INVALID_ARGUMENT),
    ]  # fmt: skip
