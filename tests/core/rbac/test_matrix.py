"""Each resource and action: allowed, denied, without a rule, by a project's role, by a group."""

from __future__ import annotations

import pytest

from tiphys.core.rbac.builtin import ADMIN, BUILTIN, READONLY
from tiphys.core.rbac.deciding import Grounds, Question, allowed
from tiphys.core.rbac.lines import PolicyText, parse
from tiphys.core.rbac.names import (
    ACTIONS,
    ALL_ACTIONS,
    OF_PROJECTS,
    RESOURCES,
    is_action_of,
    resource_called,
    whole,
)
from tiphys.core.rbac.patterns import MatchMode
from tiphys.core.rbac.policies import Policies
from tiphys.core.rbac.projects import project_of, project_policies
from tiphys.model.access import Caller
from tiphys.model.appproject import ProjectRole

# As the contract lists them, with the objects that they are asked for.
_OBJECTS = {
    "applications": ("team/app", "team/ns/app"),
    "applicationsets": ("team/set",),
    "clusters": ("https://k8s", "team/https://k8s"),
    "repositories": ("https://git/x", "team/https://git/x"),
    "write-repositories": ("https://git/x",),
    "projects": ("team",),
    "accounts": ("alice",),
    "certificates": ("",),
    "gpgkeys": ("",),
    "logs": ("team/app",),
    "exec": ("team/app",),
    "extensions": ("metrics",),
}
_ASKED = {
    "applications": [
        "get",
        "create",
        "update",
        "update/apps/Deployment/ns/web",
        "delete",
        "delete//Pod/ns/web",
        "sync",
        "rollback",
        "override",
        "action/apps/Deployment/restart",
        "action//Pod/x",
    ],
    "applicationsets": ["get", "create", "update", "delete"],
    "clusters": ["get", "create", "update", "delete"],
    "repositories": ["get", "create", "update", "delete"],
    "write-repositories": ["get", "create", "update", "delete"],
    "projects": ["get", "create", "update", "delete"],
    "accounts": ["get", "update"],
    "certificates": ["get", "create", "delete"],
    "gpgkeys": ["get", "create", "delete"],
    "logs": ["get"],
    "exec": ["create"],
    "extensions": ["invoke"],
}
MATRIX = [
    (resource, action, obj)
    for resource, actions in _ASKED.items()
    for action in actions
    for obj in _OBJECTS[resource]
]
_matrix = pytest.mark.parametrize(("resource", "action", "obj"), MATRIX)


def _allowed(
    caller: Caller, question: Question, policy: PolicyText, roles: tuple[ProjectRole, ...] = ()
) -> bool:
    everywhere = Policies(policy, MatchMode.GLOB)
    name = project_of(question.resource, question.obj)
    project = None
    if name == "team":
        more = project_policies("team", roles)
        project = name, Policies(more, MatchMode.GLOB, everywhere)
    return allowed(question, caller, Grounds(everywhere), project)


def _alice(*groups: str) -> Caller:
    return Caller({"iss": "https://id", "sub": "alice", "groups": list(groups)})


@_matrix
def test_allowed_by_a_rule(resource: str, action: str, obj: str) -> None:
    policy = parse(f"p, alice, {resource}, {action}, {obj}, allow")
    assert _allowed(_alice(), Question(resource, action, obj), policy)


@_matrix
def test_denied_by_a_rule(resource: str, action: str, obj: str) -> None:
    policy = parse(f"p, alice, *, *, *, allow\np, alice, {resource}, {action}, {obj}, deny")
    assert not _allowed(_alice(), Question(resource, action, obj), policy)


@_matrix
def test_nothing_without_a_rule(resource: str, action: str, obj: str) -> None:
    others = "\n".join(
        f"p, alice, {other}, {what}, {which}, allow"
        for other, what, which in MATRIX
        if (other, what, which) != (resource, action, obj)
    )
    policy = PolicyText(
        (*BUILTIN.rules, *parse(others).rules), (*BUILTIN.grants, *parse(others).grants)
    )
    assert not _allowed(_alice(), Question(resource, action, obj), policy)


@_matrix
def test_by_a_role_of_the_project(resource: str, action: str, obj: str) -> None:
    """Its rules count for what belongs to the project, and for nothing else."""
    line = f"p, proj:team:ci, {resource}, {action}, {obj}, allow"
    roles = (ProjectRole(name="ci", policies=(line,), groups=("ops",)),)
    question = Question(resource, action, obj)
    token = Caller({"iss": "argocd", "sub": "proj:team:ci"})
    of_project = resource == "projects" or (resource in OF_PROJECTS and obj.startswith("team/"))
    assert _allowed(token, question, PolicyText(), roles) is of_project
    assert _allowed(_alice("ops"), question, PolicyText(), roles) is of_project
    assert not _allowed(_alice("other"), question, PolicyText(), roles)


@_matrix
def test_by_a_group(resource: str, action: str, obj: str) -> None:
    policy = parse(f"p, role:x, {resource}, {action}, {obj}, allow\ng, ops, role:x")
    question = Question(resource, action, obj)
    assert _allowed(_alice("dev", "ops"), question, policy)
    assert not _allowed(_alice("dev"), question, policy)


_NOT_ADMIN_S = {"extensions"}
_READ_BY_ALL = {resource for resource in _OBJECTS if resource not in ("exec", "extensions")}


@_matrix
def test_the_roles_that_are_built_in(resource: str, action: str, obj: str) -> None:
    policies = Policies(BUILTIN, MatchMode.GLOB)
    is_read = action == "get" and resource in _READ_BY_ALL
    assert policies.allows(READONLY, resource, action, obj) is is_read
    is_admin = resource not in _NOT_ADMIN_S
    assert policies.allows(ADMIN, resource, action, obj) is is_admin
    assert policies.allows("admin", resource, action, obj) is is_admin
    assert not policies.allows("alice", resource, action, obj)


def test_a_right_on_an_application_is_none_on_its_parts() -> None:
    policies = Policies(
        parse("p, a, applications, update, */*, allow\np, a, applications, delete, */*, allow"),
        MatchMode.GLOB,
    )
    assert policies.allows("a", "applications", "delete", "team/app")
    assert not policies.allows("a", "applications", "delete/apps/Deployment/ns/x", "team/app")
    assert not policies.allows("a", "applications", "update/apps/Deployment/ns/x", "team/app")


def test_the_lists_are_the_contract_s() -> None:
    assert set(RESOURCES) == set(_OBJECTS)
    assert ALL_ACTIONS == (
        "get", "create", "update", "delete", "sync", "rollback", "override", "action", "invoke",
    )  # fmt: skip
    for resource, actions in _ASKED.items():
        assert {action.partition("/")[0] for action in actions} == set(ACTIONS[resource])


@_matrix
def test_what_may_be_asked_for(resource: str, action: str, obj: str) -> None:
    assert is_action_of(resource, action)


@pytest.mark.parametrize(
    ("resource", "action"),
    [
        ("logs", "create"),
        ("gpgkeys", "update"),
        ("applications", "invoke"),
        ("applications", "sync/x"),
        ("projects", "action/x"),
        ("nothing", "get"),
    ],
)
def test_what_makes_no_sense(resource: str, action: str) -> None:
    assert not is_action_of(resource, action)


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("app", "applications"),
        ("apps", "applications"),
        ("proj", "projects"),
        ("repo", "repositories"),
        ("cert", "certificates"),
        ("cluster", "clusters"),
        ("key", "gpgkeys"),
        ("log", "logs"),
        ("applications", "applications"),
        ("nothing", "nothing"),
    ],
)
def test_other_names(name: str, resource: str) -> None:
    assert resource_called(name) == resource


def test_all_of_a_resource() -> None:
    assert whole("applications", "") == "*/*"
    assert whole("logs", "*") == "*/*"
    assert whole("applications", "team/*") == "team/*"
    assert whole("projects", "*") == "*"
    assert whole("accounts", "") == ""
