"""In which order it is asked whether a caller may. The first yes is the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tiphys.core.rbac.policies import Policies
from tiphys.core.rbac.projects import project_of_subject
from tiphys.model.access import Caller

NOBODY = ""
"""The subject of policies that count for everybody."""


@dataclass(frozen=True, slots=True)
class Question:
    resource: str
    action: str
    obj: str


@dataclass(frozen=True, slots=True)
class Grounds:
    """What answers follow from. `everywhere` are the policies that belong to no project."""

    everywhere: Policies
    default_role: str = ""
    scopes: tuple[str, ...] = ("groups",)


def allowed(
    question: Question, caller: Caller, grounds: Grounds, project: tuple[str, Policies] | None
) -> bool:
    """`project` is the one that the object belongs to, with its policies on top of the others."""
    asked = (question.resource, question.action, question.obj)
    everywhere = grounds.everywhere
    if grounds.default_role and everywhere.allows(grounds.default_role, *asked):
        return True
    if not caller.is_anonymous and _by_claims(asked, caller, grounds, project):
        return True
    return everywhere.allows(NOBODY, *asked)


def _by_claims(
    asked: tuple[str, str, str],
    caller: Caller,
    grounds: Grounds,
    project: tuple[str, Policies] | None,
) -> bool:
    subject = caller.subject
    policies = grounds.everywhere if project is None else project[1]
    role_of = project_of_subject(subject)
    if project is not None and role_of is not None and role_of != project[0]:
        return False
    if grounds.default_role and policies.allows(grounds.default_role, *asked):
        return True
    if policies.allows(subject, *asked):
        return True
    # A rule for a group alone does not count: some grant has to name the group.
    groups = groups_of(caller.claims, grounds.scopes)
    return any(policies.grants_to(group) and policies.allows(group, *asked) for group in groups)


def groups_of(claims: Mapping[str, Any], scopes: Sequence[str]) -> list[str]:
    """The groups that the claims of these names hold: a text or a list of texts each."""
    found: list[str] = []
    for scope in scopes:
        value = claims.get(scope)
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += [item for item in value if isinstance(item, str)]
    return found
