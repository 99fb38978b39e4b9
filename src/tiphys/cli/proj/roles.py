"""`proj role`: roles, their policies and groups."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from tiphys.cli.app.session import check_output, write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.output import table, to_json, to_yaml
from tiphys.cli.ports import ProjectApi
from tiphys.cli.proj.session import change, require_words, run_projects, wrong
from tiphys.cli.proj.views import NONE
from tiphys.core.project.policies import RESOURCES, policy_text, role_subject
from tiphys.model.appproject import AppProject, AppProjectSpec, ProjectRole
from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.structs import encode

_WIDTH = 15
_POLICY_FLAGS = (
    text("action", "What may be done, such as get, sync or *", "a"),
    text("object", "With which objects of the project; a glob", "o"),
    text("permission", "allow or deny", "p", "allow"),
    text("resource", "With which kind of objects", "r", "applications"),
)
_ROLE = "PROJECT ROLE-NAME [flags]"
_GROUP = "PROJECT ROLE-NAME GROUP-CLAIM [flags]"


@command(
    "list",
    (text("output", "What is printed: json, yaml, wide or name", "o", "wide"),),
    usage="PROJECT [flags]",
    summary="List the roles of a project.",
)
def list_command(call: Call) -> None:
    require_words(call, 1)

    async def verb(api: ProjectApi) -> None:
        roles = (await api.get(call.words[0])).spec.roles
        output = call.text("output")
        check_output(output, ("json", "yaml", "wide", "name", ""))
        match output:
            case "json":
                write(to_json([encode(role) for role in roles]) + "\n")
            case "yaml":
                write(to_yaml([encode(role) for role in roles]))
            case "name":
                write("".join(f"{role.name}\n" for role in roles))
            case _:
                rows = [(role.name, role.description) for role in roles]
                write(table([("ROLE-NAME", "DESCRIPTION"), *rows]))

    run_projects(call, verb)


@command("get", (), usage=_ROLE, summary="Show a role.")
def get(call: Call) -> None:
    require_words(call, 2)

    async def verb(api: ProjectApi) -> None:
        project = await api.get(call.words[0])
        write(_shown(project.name, find_role(project, call.words[1])))

    run_projects(call, verb)


@command(
    "create",
    (text("description", "What the role is for"),),
    usage=_ROLE,
    summary="Create a role.",
)
def create(call: Call) -> None:
    require_words(call, 2)
    name = call.words[1]

    def make(project: AppProject) -> AppProjectSpec | None:
        if any(role.name == name for role in project.spec.roles):
            write(f"Role '{name}' already exists\n")
            return None
        role = ProjectRole(name=name, description=call.text("description"))
        return replace(project.spec, roles=(*project.spec.roles, role))

    _change_and_tell(call, make, f"Role '{name}' created\n")


@command("delete", (), usage=_ROLE, summary="Delete a role.")
def delete(call: Call) -> None:
    require_words(call, 2)
    name = call.words[1]

    def make(project: AppProject) -> AppProjectSpec | None:
        left = tuple(role for role in project.spec.roles if role.name != name)
        if left == project.spec.roles:
            write(f"Role '{name}' does not exist in project\n")
            return None
        return replace(project.spec, roles=left)

    _change_and_tell(call, make, f"Role '{name}' deleted\n")


@command("add-policy", _POLICY_FLAGS, usage=_ROLE, summary="Add a policy to a role.")
def add_policy(call: Call) -> None:
    policy = _policy(call)

    def make(role: ProjectRole) -> ProjectRole:
        return replace(role, policies=(*role.policies, policy))

    _change_role(call, make)


@command("remove-policy", _POLICY_FLAGS, usage=_ROLE, summary="Remove a policy from a role.")
def remove_policy(call: Call) -> None:
    policy = _policy(call)

    def make(role: ProjectRole) -> ProjectRole | None:
        left = tuple(one for one in role.policies if one != policy)
        return None if left == role.policies else replace(role, policies=left)

    _change_role(call, make)


@command("add-group", (), usage=_GROUP, summary="Give a role to a group.")
def add_group(call: Call) -> None:
    require_words(call, 3)
    name, group = call.words[1:]

    def make(role: ProjectRole) -> ProjectRole | None:
        if group in role.groups:
            write(f"Group '{group}' already present in role '{name}'\n")
            return None
        return replace(role, groups=(*role.groups, group))

    _change_role(call, make, f"Group '{group}' added to role '{name}'\n")


@command("remove-group", (), usage=_GROUP, summary="Take a role from a group.")
def remove_group(call: Call) -> None:
    require_words(call, 3)
    name, group = call.words[1:]

    def make(role: ProjectRole) -> ProjectRole | None:
        if group not in role.groups:
            write(f"Group '{group}' not present in role '{name}'\n")
            return None
        return replace(role, groups=tuple(one for one in role.groups if one != group))

    _change_role(call, make, f"Group '{group}' removed from role '{name}'\n")


def find_role(project: AppProject, name: str) -> ProjectRole:
    """Raises ApiError."""
    found = next((role for role in project.spec.roles if role.name == name), None)
    if found is None:
        raise ApiError(ApiCode.UNKNOWN, f"role '{name}' does not exist in project '{project.name}'")
    return found


def _policy(call: Call) -> str:
    require_words(call, 2)
    if call.text("resource") not in RESOURCES:
        call.help_and_fail()
    for flag in ("action", "object"):
        if not call.text(flag):
            raise wrong(f"--{flag} must not be empty")
    return policy_text(
        call.words[0],
        call.words[1],
        resource=call.text("resource"),
        action=call.text("action"),
        obj=call.text("object"),
        effect=call.text("permission"),
    )


def _change_role(
    call: Call, make: Callable[[ProjectRole], ProjectRole | None], told: str = ""
) -> None:
    def of_project(project: AppProject) -> AppProjectSpec | None:
        before = find_role(project, call.words[1])
        after = make(before)
        if after is None:
            return None
        roles = tuple(after if role is before else role for role in project.spec.roles)
        return replace(project.spec, roles=roles)

    _change_and_tell(call, of_project, told)


def _change_and_tell(
    call: Call, make: Callable[[AppProject], AppProjectSpec | None], told: str
) -> None:
    """Says what was done only when it is."""
    changed = False

    def watched(project: AppProject) -> AppProjectSpec | None:
        nonlocal changed
        spec = make(project)
        changed = spec is not None
        return spec

    change(call, watched)
    if changed:
        write(told)


def _shown(project: str, role: ProjectRole) -> str:
    shown = f"{'Role Name:':<{_WIDTH}}{role.name}\n"
    shown += f"{'Description:':<{_WIDTH}}{role.description}\n"
    # Whoever has a role may look at its project.
    own = f"p, {role_subject(project, role.name)}, projects, get, {project}, allow"
    shown += "Policies:\n" + "".join(f"{policy}\n" for policy in (own, *role.policies))
    shown += "Groups:\n" + ("".join(f"  - {group}\n" for group in role.groups) or f"{NONE}\n")
    rows = [
        (str(token.iat), moment(token.iat), moment(token.exp) if token.exp else NONE)
        for token in role.jwt_tokens
    ]
    return shown + "JWT Tokens:\n" + table([("ID", "ISSUED-AT", "EXPIRES-AT"), *rows])


def moment(seconds: int) -> str:
    """A time by the user's clock."""
    text = datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
    return text.replace("+00:00", "Z")
