"""What a project adds to the policies, and which project a question is about."""

from __future__ import annotations

from tiphys.core.project.policies import role_subject
from tiphys.core.rbac.errors import PolicyError
from tiphys.core.rbac.lines import Grant, PolicyText, Rule, parse
from tiphys.core.rbac.names import OF_PROJECTS
from tiphys.model.appproject import ProjectRole

_SUBJECT_PARTS = 3


def project_of(resource: str, obj: str) -> str | None:
    """The project that an object belongs to, None where the resource knows no projects."""
    if resource == "projects":
        return obj
    if resource not in OF_PROJECTS:
        return None
    project, slash, _ = obj.partition("/")
    return project if slash else None


def project_of_subject(subject: str) -> str | None:
    """Whose token it is, where `subject` is `proj:<project>:<role>`."""
    parts = subject.split(":")
    return parts[1] if len(parts) == _SUBJECT_PARTS and parts[0] == "proj" else None


def project_policies(project: str, roles: tuple[ProjectRole, ...]) -> PolicyText:
    """Raises PolicyError where a role's policy is none."""
    rules: list[Rule] = []
    grants: list[Grant] = []
    for role in roles:
        subject = role_subject(project, role.name)
        rules.append(Rule(subject, "projects", "get", project, "allow"))
        for line in role.policies:
            found = parse(line)
            rules += found.rules
            grants += found.grants
        grants += [Grant(_one_field(group), subject) for group in role.groups]
    return PolicyText(tuple(rules), tuple(grants))


def _one_field(group: str) -> str:
    """Groups are written as a field of a line: in quotes where they hold a comma."""
    match parse(f"g, {group}, role").grants:
        case (Grant(member=member),):
            return member
        case _:
            raise PolicyError(group)
