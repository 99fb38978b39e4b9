"""What each right is asked for by: a call that needs just that right, and both of its answers.

Most calls of those who may are refused by the next check after the rights, so that all of them find
the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.calls import base64_of
from tests.e2e.method_cases import IN_CLUSTER
from tests.e2e.stack import NAMESPACE
from tiphys.model.errors import ApiCode

PROJECT = "rbac-matrix"
APP = "rbac-app"
ROBOT = "rbac-robot"
CLUSTER = "https://127.0.0.1:9"
TEMPLATE = "rbac-creds.example.com"
"""Without a slash: the paths of updates take what is escaped literally."""
NO_TEMPLATE = "rbac-none.example.com"
OF_APP = f"{PROJECT}/{APP}"
GET = f"applications, get, {OF_APP}"
SHORT = "permission denied"

_CHANGES = ("get", "create", "update", "delete")
ACTIONS = {
    "applications": (*_CHANGES, "sync", "rollback", "override"),
    "applicationsets": _CHANGES,
    "clusters": _CHANGES,
    "projects": _CHANGES,
    "repositories": _CHANGES,
    "write-repositories": _CHANGES,
    "certificates": ("get", "create", "delete"),
    "accounts": ("get", "update"),
    "gpgkeys": ("get", "create", "delete"),
    "logs": ("get",),
    "exec": ("create",),
    "extensions": ("invoke",),
}
OF_PROJECTS = frozenset(
    {"applications", "applicationsets", "repositories", "clusters", "logs", "exec"}
)
"""Whose rights roles of projects can give."""
PAIRS = [(resource, action) for resource, actions in ACTIONS.items() for action in actions]


@dataclass(frozen=True)
class Right:
    """`resource`, `action` and `target` are as a policy names them. `method` is one of the
    contract's, or a path that pages ask for.

    `needs` are rights that the call asks for beside it. `code` and `text` are what those get who
    may: no code is an answer without an error, in which the text is. `refused` is what others are
    told, with no text the long one, and `hidden` is that they see less instead. A project's roles
    cannot give what is not `of_project`.
    """

    resource: str
    action: str
    target: str
    method: str
    request: Mapping[str, Any]
    code: ApiCode | None = None
    text: str = ""
    needs: tuple[str, ...] = ()
    refused: str = ""
    hidden: bool = False
    of_project: bool = False

    @property
    def line(self) -> str:
        return f"{self.resource}, {self.action}, {self.target}"


def rights(repo: str) -> list[Right]:
    return [
        *_applications(repo),
        *_parts(),
        *_clusters(),
        *_projects(repo),
        *_repositories(repo),
        *_write_repositories(),
        *_trusted(),
        *_beside(),
    ]


def _application(repo: str, name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "project": PROJECT,
            "source": {"repoURL": repo, "path": "app"},
            "destination": {"server": IN_CLUSTER, "namespace": "elsewhere"},
        },
    }


_WRONG_PLACE = (
    "application spec for {} is invalid: InvalidSpecError: application destination server "
    f"'{IN_CLUSTER}' and namespace 'elsewhere' do not match any of the allowed destinations"
)


def _applications(repo: str) -> list[Right]:
    service = "application.ApplicationService"
    new = "rbac-new"
    bad = ApiCode.INVALID_ARGUMENT
    return [
        Right("applications", "get", OF_APP, f"{service}/Get", {"name": APP}, text=APP,
              refused=SHORT, of_project=True),
        Right("applications", "get", OF_APP, f"{service}/List", {"name": APP}, text=APP,
              hidden=True, of_project=True),
        Right("applications", "create", f"{PROJECT}/{new}", f"{service}/Create",
              {"application": _application(repo, new)}, bad, _WRONG_PLACE.format(new),
              of_project=True),
        Right("applications", "update", OF_APP, f"{service}/Update",
              {"application": _application(repo, APP)}, bad, _WRONG_PLACE.format(APP),
              of_project=True),
        Right("applications", "update", OF_APP, f"{service}/UpdateSpec",
              {"name": APP, "spec": _application(repo, APP)["spec"]}, bad,
              _WRONG_PLACE.format(APP), refused=SHORT, of_project=True),
        Right("applications", "delete", OF_APP, f"{service}/Delete",
              {"name": APP, "propagationPolicy": "odd"}, bad, "invalid propagation policy: odd",
              needs=(GET,), of_project=True),
        Right("applications", "sync", OF_APP, f"{service}/Sync",
              {"name": APP, "revision": "other"}, ApiCode.FAILED_PRECONDITION,
              "Cannot sync to other: auto-sync currently set to main", needs=(GET,),
              of_project=True),
        Right("applications", "sync", OF_APP, f"{service}/TerminateOperation", {"name": APP},
              bad, "Unable to terminate operation. No operation is in progress", refused=SHORT,
              of_project=True),
        Right("applications", "override", OF_APP, f"{service}/Sync",
              {"name": APP, "manifests": ["{}"]}, ApiCode.FAILED_PRECONDITION,
              "cannot use local sync when Automatic Sync Policy is enabled",
              needs=(GET, f"applications, sync, {OF_APP}"), of_project=True),
        Right("applications", "rollback", OF_APP, f"{service}/Rollback", {"name": APP, "id": 9},
              ApiCode.FAILED_PRECONDITION,
              "rollback cannot be initiated when auto-sync is enabled", refused=SHORT,
              of_project=True),
    ]  # fmt: skip


def _parts() -> list[Right]:
    """An application's objects, and what runs in it."""
    service = "application.ApplicationService"
    thing = {"namespace": APP, "resourceName": "none", "version": "v1", "kind": "ConfigMap"}
    asked = {"name": APP, "group": "", **thing}
    text = "ConfigMap  none not found as part of application"
    bad = ApiCode.INVALID_ARGUMENT
    place = f"/ConfigMap/{APP}/none"
    shell = (
        f"/terminal?pod=none&container=c&appName={APP}&projectName={PROJECT}&namespace={APP}"
        f"&appNamespace={NAMESPACE}"
    )
    return [
        Right("applications", "get", OF_APP, f"{service}/GetResource", asked, bad, text,
              refused=SHORT, of_project=True),
        Right("applications", f"update/{place}", OF_APP, f"{service}/PatchResource",
              {**asked, "patch": "{}", "patchType": "application/merge-patch+json"}, bad, text,
              refused=SHORT, of_project=True),
        Right("applications", f"delete/{place}", OF_APP, f"{service}/DeleteResource", asked, bad,
              text, refused=SHORT, of_project=True),
        Right("logs", "get", OF_APP, f"{service}/PodLogs",
              {"name": APP, "podName": "none", "namespace": APP}, needs=(GET,), of_project=True),
        Right("exec", "create", OF_APP, shell, {}, ApiCode.INVALID_ARGUMENT,
              "Pod doesn't belong to specified app", needs=(GET,), of_project=True),
    ]  # fmt: skip


def _clusters() -> list[Right]:
    service = "cluster.ClusterService"
    target = f"{PROJECT}/{CLUSTER}"
    named = {"id": {"value": CLUSTER}}
    cluster = {"server": CLUSTER, "name": "rbac-other", "project": PROJECT}
    return [
        Right("clusters", "get", target, f"{service}/Get", named, text=CLUSTER, refused=SHORT,
              of_project=True),
        Right("clusters", "get", target, f"{service}/List", {"server": CLUSTER}, text=CLUSTER,
              hidden=True, of_project=True),
        Right("clusters", "create", target, f"{service}/Create", {"cluster": cluster},
              ApiCode.UNKNOWN, "error getting server version: ", of_project=True),
        Right("clusters", "update", target, f"{service}/InvalidateCache", named, text=CLUSTER,
              refused=SHORT, of_project=True),
        Right("clusters", "update", target, f"{service}/RotateAuth", named,
              ApiCode.INVALID_ARGUMENT,
              f"Cluster '{CLUSTER}' does not use bearer token authentication", refused=SHORT,
              of_project=True),
        Right("clusters", "delete", target, f"{service}/Delete", named, refused=SHORT,
              of_project=True),
    ]  # fmt: skip


def _projects(repo: str) -> list[Right]:
    """To see a project is what any of its roles may."""
    service = "project.ProjectService"
    other = {"metadata": {"name": PROJECT}, "spec": {"sourceRepos": [repo]}}
    twice = {"metadata": {"name": PROJECT}, "spec": {"sourceRepos": [repo, repo]}}
    bad = ApiCode.INVALID_ARGUMENT
    return [
        Right("projects", "get", PROJECT, f"{service}/Get", {"name": PROJECT}, text=PROJECT,
              of_project=True),
        Right("projects", "create", PROJECT, f"{service}/Create", {"project": other}, bad,
              "existing project spec is different; use upsert flag to force update"),
        Right("projects", "update", PROJECT, f"{service}/Update", {"project": twice}, bad,
              "already added"),
        Right("projects", "delete", PROJECT, f"{service}/Delete", {"name": PROJECT}, bad,
              "project is referenced by 1 applications"),
    ]  # fmt: skip


def _repositories(repo: str) -> list[Right]:
    service = "repository.RepositoryService"
    creds = "repocreds.RepoCredsService"
    target = f"{PROJECT}/{repo}"
    named = {"repo": repo, "appProject": PROJECT}
    given = {"repo": repo, "project": PROJECT, "name": "rbac-repo"}
    seen = (f"repositories, get, {target}",)
    return [
        Right("repositories", "get", target, f"{service}/Get", named, text=repo, refused=SHORT,
              of_project=True),
        Right("repositories", "create", target, f"{service}/CreateRepository",
              {"repo": {**given, "name": "other"}}, ApiCode.INVALID_ARGUMENT,
              "existing repository spec is different", of_project=True),
        Right("repositories", "update", target, f"{service}/UpdateRepository", {"repo": given},
              text="rbac-repo", of_project=True),
        Right("repositories", "delete", target, f"{service}/DeleteRepository", named, needs=seen,
              of_project=True),
        Right("repositories", "get", TEMPLATE, f"{creds}/ListRepositoryCredentials", {},
              text=TEMPLATE, hidden=True),
        Right("repositories", "update", NO_TEMPLATE, f"{creds}/UpdateRepositoryCredentials",
              {"creds": {"url": NO_TEMPLATE}}, ApiCode.NOT_FOUND,
              f"repository credentials '{NO_TEMPLATE}' not found"),
        Right("repositories", "delete", NO_TEMPLATE, f"{creds}/DeleteRepositoryCredentials",
              {"url": NO_TEMPLATE}, ApiCode.NOT_FOUND,
              f"repository credentials '{NO_TEMPLATE}' not found"),
    ]  # fmt: skip


def _write_repositories() -> list[Right]:
    creds = "repocreds.RepoCredsService"
    missing = f"repository credentials '{NO_TEMPLATE}' not found"
    other = {"url": TEMPLATE, "username": "other", "password": "another"}
    return [
        Right("write-repositories", "get", TEMPLATE, f"{creds}/ListWriteRepositoryCredentials",
              {}, text=TEMPLATE, hidden=True),
        Right("write-repositories", "create", TEMPLATE,
              f"{creds}/CreateWriteRepositoryCredentials", {"creds": other},
              ApiCode.INVALID_ARGUMENT, "existing repository credentials spec is different"),
        Right("write-repositories", "update", NO_TEMPLATE,
              f"{creds}/UpdateWriteRepositoryCredentials",
              {"creds": {"url": NO_TEMPLATE}}, ApiCode.NOT_FOUND, missing),
        Right("write-repositories", "delete", NO_TEMPLATE,
              f"{creds}/DeleteWriteRepositoryCredentials",
              {"url": NO_TEMPLATE}, ApiCode.NOT_FOUND, missing),
    ]  # fmt: skip


def _trusted() -> list[Right]:
    """None of them has a name that a policy could mean."""
    certificates = "certificate.CertificateService"
    keys = "gpgkey.GPGKeyService"
    key = "0123456789ABCDEF"
    odd = {"serverName": "rbac.example.com", "certType": "odd", "certData": base64_of(b"x")}
    return [
        Right("certificates", "get", "", f"{certificates}/ListCertificates",
              {"hostNamePattern": "nobody"}),
        Right("certificates", "create", "", f"{certificates}/CreateCertificate",
              {"certificates": {"items": [odd]}}, ApiCode.UNKNOWN),
        Right("certificates", "delete", "", f"{certificates}/DeleteCertificate",
              {"hostNamePattern": "nobody"}),
        Right("gpgkeys", "get", "", f"{keys}/Get", {"keyID": key}, ApiCode.UNKNOWN,
              f"no such key: {key}"),
        Right("gpgkeys", "get", "", f"{keys}/List", {}),
        Right("gpgkeys", "create", "", f"{keys}/Create", {"publickey": {"keyData": ""}},
              ApiCode.UNKNOWN, "submitted key data is empty"),
        Right("gpgkeys", "delete", "", f"{keys}/Delete", {"keyID": key}, ApiCode.UNKNOWN,
              f"no such key configured: {key}"),
    ]  # fmt: skip


def _beside() -> list[Right]:
    accounts = "account.AccountService"
    return [
        Right("accounts", "get", ROBOT, f"{accounts}/GetAccount", {"name": ROBOT}, text=ROBOT),
        Right("accounts", "update", ROBOT, f"{accounts}/DeleteToken",
              {"name": ROBOT, "id": "none"}, ApiCode.NOT_FOUND,
              "token with id 'none' does not exist"),
        Right("extensions", "invoke", "rbac-extension", "/extensions/rbac-extension/x", {},
              ApiCode.NOT_FOUND, "Extension not found", needs=(GET,),
              refused="Unauthorized extension request"),
    ]  # fmt: skip
