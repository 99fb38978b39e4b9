"""In which order it is asked, and of whom."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.rbac.deciding import Grounds, Question, allowed, groups_of
from tiphys.core.rbac.errors import PolicyError
from tiphys.core.rbac.lines import Grant, Rule, parse
from tiphys.core.rbac.patterns import MatchMode
from tiphys.core.rbac.policies import Policies
from tiphys.core.rbac.projects import project_of, project_of_subject, project_policies
from tiphys.model.access import ANONYMOUS, Caller
from tiphys.model.appproject import ProjectRole


def _caller(subject: str, **claims: Any) -> Caller:
    return Caller({"iss": "https://id", "sub": subject, **claims})


def _ask(
    caller: Caller,
    text: str = "",
    *,
    default_role: str = "",
    project: str | None = "team",
    of_project: str = "",
    obj: str = "team/app",
) -> bool:
    everywhere = Policies(parse(text), MatchMode.GLOB)
    known = None
    if project is not None:
        known = project, Policies(parse(of_project), MatchMode.GLOB, everywhere)
    grounds = Grounds(everywhere, default_role)
    return allowed(Question("applications", "get", obj), caller, grounds, known)


_ALL = "p, {}, applications, get, */*, allow"


def test_the_default_role_is_enough_for_anybody() -> None:
    assert _ask(ANONYMOUS, _ALL.format("role:x"), default_role="role:x")
    assert not _ask(ANONYMOUS, _ALL.format("role:x"))


def test_no_deny_of_somebody_stops_the_default_role() -> None:
    text = _ALL.format("role:x") + "\np, alice, applications, get, *, deny"
    assert _ask(_caller("alice"), text, default_role="role:x")


def test_the_default_role_may_get_its_rights_from_the_project() -> None:
    of_project = _ALL.format("role:x")
    assert _ask(_caller("alice"), default_role="role:x", of_project=of_project)
    assert not _ask(ANONYMOUS, default_role="role:x", of_project=of_project)


def test_a_subject_is_allowed_by_name_everywhere_or_by_the_project() -> None:
    assert _ask(_caller("alice"), _ALL.format("alice"))
    assert _ask(_caller("alice"), _ALL.format("alice"), project=None)
    assert _ask(_caller("alice"), of_project=_ALL.format("alice"))
    assert not _ask(_caller("bob"), _ALL.format("alice"))


def test_groups_count_where_a_grant_names_them() -> None:
    caller = _caller("alice", groups=["ops", "dev"])
    by_rule = _ALL.format("dev")
    assert not _ask(caller, by_rule)
    assert _ask(caller, by_rule + "\ng, dev, role:any")
    assert _ask(caller, _ALL.format("role:x") + "\ng, dev, role:x")
    assert _ask(caller, _ALL.format("proj:team:x"), of_project="g, dev, proj:team:x")


def test_a_deny_of_the_subject_does_not_stop_a_group() -> None:
    text = _ALL.format("role:x") + "\ng, dev, role:x\np, alice, applications, get, *, deny"
    assert _ask(_caller("alice", groups=["dev"]), text)


def test_everybody_has_what_the_empty_subject_has() -> None:
    assert _ask(ANONYMOUS, _ALL.format(""))
    assert _ask(_caller("alice"), _ALL.format(""))
    assert not _ask(_caller("alice"), of_project=_ALL.format(""))


def test_a_token_of_a_project_is_worth_nothing_in_another() -> None:
    caller = Caller({"iss": "argocd", "sub": "proj:other:ci"})
    text = _ALL.format("proj:other:ci")
    assert not _ask(caller, text)
    assert _ask(caller, text, project="other", obj="other/app")
    assert _ask(caller, text, project=None, obj="gone/app")
    assert _ask(caller, text + "\n" + _ALL.format("role:x"), default_role="role:x")
    assert not _ask(caller, text, default_role="role:x", of_project=_ALL.format("role:x"))


@pytest.mark.parametrize(
    ("claims", "scopes", "groups"),
    [
        ({"groups": ["a", 1, "b"]}, ["groups"], ["a", "b"]),
        ({"groups": "a"}, ["groups"], ["a"]),
        ({"groups": 1}, ["groups"], []),
        ({"groups": ["a"], "email": "m@x"}, ["email", "groups", "none"], ["m@x", "a"]),
        ({"groups": ["a"]}, [], []),
    ],
)
def test_groups(claims: dict[str, Any], scopes: list[str], groups: list[str]) -> None:
    assert groups_of(claims, scopes) == groups


@pytest.mark.parametrize(
    ("resource", "obj", "project"),
    [
        ("applications", "team/app", "team"),
        ("applications", "team/ns/app", "team"),
        ("applications", "app", None),
        ("clusters", "https://x", "https:"),
        ("projects", "team", "team"),
        ("extensions", "team/x", None),
        ("write-repositories", "team/x", None),
        ("accounts", "alice", None),
    ],
)
def test_the_project_of_an_object(resource: str, obj: str, project: str | None) -> None:
    assert project_of(resource, obj) == project


def test_the_project_of_a_subject() -> None:
    assert project_of_subject("proj:team:ci") == "team"
    assert project_of_subject("proj:team") is None
    assert project_of_subject("user:team:ci") is None


def test_what_roles_of_a_project_give() -> None:
    line = "p, proj:team:ci, applications, sync, team/*, allow"
    roles = (
        ProjectRole(name="ci", policies=(line,), groups=("ops", '"a,b"')),
        ProjectRole(name="none"),
    )
    found = project_policies("team", roles)
    assert found.rules == (
        Rule("proj:team:ci", "projects", "get", "team", "allow"),
        Rule("proj:team:ci", "applications", "sync", "team/*", "allow"),
        Rule("proj:team:none", "projects", "get", "team", "allow"),
    )
    assert found.grants == (Grant("ops", "proj:team:ci"), Grant("a,b", "proj:team:ci"))


@pytest.mark.parametrize(
    "role",
    [
        ProjectRole(name="ci", policies=("nonsense",)),
        ProjectRole(name="ci", groups=("a,b",)),
        ProjectRole(name="ci", groups=("a, proj:x:y\ng, b",)),
    ],
)
def test_roles_that_cannot_be_read(role: ProjectRole) -> None:
    with pytest.raises(PolicyError):
        project_policies("team", (role,))
