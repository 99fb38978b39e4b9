"""`admin proj`: specs of projects from flags and ClusterRoles, and policies of many roles."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tiphys.cli.admin.generated import OUTPUT_FLAGS, put_out
from tiphys.cli.admin.given import admin_wiring, one_object
from tiphys.cli.app.session import cluster_choice, write
from tiphys.cli.command import Call, command, group
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import ADMIN_KUBE_FLAGS, text, yes
from tiphys.cli.output import to_yaml
from tiphys.cli.proj.create import FILE_FLAG, asked_project
from tiphys.cli.proj.session import change_spec, require_words, wrong
from tiphys.cli.proj.specflags import SPEC_FLAGS
from tiphys.core.project.policies import policy_text
from tiphys.core.settings.glob import matches
from tiphys.model.appproject import AppProject, AppProjectSpec, ProjectRole
from tiphys.model.names import API_VERSION
from tiphys.model.structs import encode

if TYPE_CHECKING:
    from tiphys.cli.ports import ProjectApi
    from tiphys.model.resource import ApiResource

_HERE = "tiphys.cli.admin.proj"

proj = group(
    "proj",
    {
        "generate-allow-list": (
            f"{_HERE}:generate_allow_list",
            "Allow what a ClusterRole lets one create",
        ),
        "generate-spec": (f"{_HERE}:generate_spec", "Print a project's manifest"),
        "update-role-policy": (f"{_HERE}:update_role_policy", "Change a policy in many roles"),
    },
    "Work on projects",
)


@command(
    "generate-spec",
    (*SPEC_FLAGS, FILE_FLAG, *OUTPUT_FLAGS),
    usage="PROJECT [flags]",
    summary="Print the manifest of a project that flags and perhaps a file describe.",
)
def generate_spec(call: Call) -> None:
    if len(call.words) > 1 or (not call.words and not call.text("file")):
        call.help_and_fail()

    async def main() -> None:
        project = await asked_project(call)
        put_out(
            call,
            {
                "apiVersion": API_VERSION,
                "kind": "AppProject",
                "metadata": project.to_manifest()["metadata"],
                "spec": encode(project.spec),
            },
        )

    asyncio.run(main())


@command(
    "generate-allow-list",
    (text("out", "The file to write, - for standard output", "o", "-"), *ADMIN_KUBE_FLAGS),
    usage="CLUSTERROLE_PATH PROJ_NAME [flags]",
    summary="Print a project that allows the kinds that a ClusterRole lets one create.",
)
def generate_allow_list(call: Call) -> None:
    require_words(call, 2)
    path, name = call.words

    async def main() -> None:
        role = await one_object(call, path, kind="ClusterRole")
        kinds = await admin_wiring(call).served_kinds(cluster_choice(call))
        printed = to_yaml(_allowing(name, _allowed(role.get("rules") or (), kinds)))
        _put(call.text("out"), printed)

    asyncio.run(main())


def _allowed(rules: Sequence[Mapping[str, Any]], kinds: Sequence[ApiResource]) -> list[ApiResource]:
    found = [kind for kind in kinds if any(_lets_create(rule, kind) for rule in rules)]
    return sorted(found, key=lambda kind: kind.group_kind)


def _lets_create(rule: Mapping[str, Any], kind: ApiResource) -> bool:
    return all(
        "*" in (rule.get(field) or ()) or wanted in (rule.get(field) or ())
        for field, wanted in (
            ("verbs", "create"),
            ("apiGroups", kind.group),
            ("resources", kind.plural),
        )
    )


def _allowing(name: str, kinds: Sequence[ApiResource]) -> dict[str, Any]:
    listed = {
        field: [
            {"group": kind.group, "kind": kind.kind}
            for kind in kinds
            if kind.namespaced is namespaced
        ]
        for field, namespaced in (
            ("namespaceResourceWhitelist", True),
            ("clusterResourceWhitelist", False),
        )
    }
    # An empty list of namespaced kinds allows none; without it all would be allowed.
    if not listed["clusterResourceWhitelist"]:
        del listed["clusterResourceWhitelist"]
    return {
        "apiVersion": API_VERSION,
        "kind": "AppProject",
        "metadata": {"name": name},
        "spec": listed,
    }


def _put(place: str, printed: str) -> None:
    if place == "-":
        write(printed)
        return
    try:
        Path(place).write_text(printed)
    except OSError as error:
        raise FatalError(f"open {place}: {error.strerror}") from None


@command(
    "update-role-policy",
    (
        yes("dry-run", "Only show what would change", default=True),
        text("permission", "allow or deny"),
        text("resource", "With which kind of objects, such as applications"),
        text("role", "The roles to change; a glob", default="*"),
        text("scope", "With which objects of the project; a glob"),
        *ADMIN_KUBE_FLAGS,
    ),
    usage="PROJECT_GLOB MODIFICATION ACTION [flags]",
    summary="Set or remove a policy in the roles of many projects.",
)
def update_role_policy(call: Call) -> None:
    require_words(call, 3)
    pattern, modification, _ = call.words
    if modification not in ("set", "remove"):
        raise wrong(f"MODIFICATION is set or remove, not {modification}")
    if modification == "set":
        for flag in ("resource", "scope", "permission"):
            if not call.text(flag):
                raise wrong(f"--{flag} is needed to set a policy")

    async def verb(api: ProjectApi) -> None:
        for project in await api.list():
            if matches(pattern, project.name) and _changed(call, project) is not None:
                await _update(call, api, project)

    async def main() -> None:
        async with admin_wiring(call).projects(cluster_choice(call)) as api:
            await verb(api)

    asyncio.run(main())


async def _update(call: Call, api: ProjectApi, project: AppProject) -> None:
    changed = _changed(call, project)
    before = to_yaml(encode(project.spec)).splitlines(keepends=True)
    after = to_yaml(encode(changed or project.spec)).splitlines(keepends=True)
    write(f"===== {project.name} ======\n")
    write("".join(difflib.unified_diff(before, after, "live", "changed")))
    if not call.yes("dry-run"):
        await change_spec(api, project.name, lambda latest: _changed(call, latest))


def _changed(call: Call, project: AppProject) -> AppProjectSpec | None:
    """None where no role of the project has to change."""
    roles = tuple(
        _role(call, project.name, role) if matches(call.text("role"), role.name) else role
        for role in project.spec.roles
    )
    return None if roles == project.spec.roles else replace(project.spec, roles=roles)


def _role(call: Call, project: str, role: ProjectRole) -> ProjectRole:
    _, modification, action = call.words
    left = tuple(policy for policy in role.policies if not _meant(call, project, policy))
    if modification == "remove":
        return replace(role, policies=left)
    wanted = policy_text(
        project,
        role.name,
        resource=call.text("resource"),
        action=action,
        obj=call.text("scope"),
        effect=call.text("permission"),
    )
    # One that says the same already keeps its place.
    if wanted in role.policies and len(left) == len(role.policies) - 1:
        return role
    return replace(role, policies=(*left, wanted))


def _meant(call: Call, project: str, policy: str) -> bool:
    """Whether a policy is of the action, and of the resource, scope and effect if given."""
    parts = [part.strip() for part in policy.split(",")]
    if len(parts) != 6:
        return False
    _, _, resource, action, obj, effect = parts
    scope = call.text("scope")
    # What is set replaces its opposite.
    permission = call.text("permission") if call.words[1] == "remove" else ""
    return (
        action == call.words[2]
        and call.text("resource") in ("", resource)
        and (not scope or obj == f"{project}/{scope}")
        and permission in ("", effect)
    )
