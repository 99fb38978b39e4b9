"""`proj list`."""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.cli.app.session import check_output, write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.output import table, to_json, to_yaml
from tiphys.cli.ports import ProjectApi
from tiphys.cli.proj.session import require_words, run_projects
from tiphys.cli.proj.views import NONE, destination, kind, orphaned
from tiphys.model.appproject import AppProject

_FLAGS = (text("output", "What is printed: json, yaml, wide or name", "o", "wide"),)
_HEADER = (
    "NAME",
    "DESCRIPTION",
    "DESTINATIONS",
    "SOURCES",
    "CLUSTER-RESOURCE-WHITELIST",
    "NAMESPACE-RESOURCE-BLACKLIST",
    "SIGNATURE-KEYS",
    "ORPHANED-RESOURCES",
    "DESTINATION-SERVICE-ACCOUNTS",
)


@command("list", _FLAGS, usage="[flags]", summary="List projects.")
def list_command(call: Call) -> None:
    require_words(call, 0)

    async def verb(api: ProjectApi) -> None:
        found = await api.list()
        output = call.text("output")
        check_output(output, ("json", "yaml", "wide", "name", ""))
        match output:
            case "json":
                write(to_json([one.to_json() for one in found]) + "\n")
            case "yaml":
                write(to_yaml([one.to_json() for one in found]))
            case "name":
                write("".join(f"{one.name}\n" for one in found))
            case _:
                write(table([_HEADER, *map(_row, found)]))

    run_projects(call, verb)


def _row(project: AppProject) -> tuple[str, ...]:
    spec = project.spec
    accounts = [
        f"{one.server},{one.namespace},{one.default_service_account}"
        for one in spec.destination_service_accounts
    ]
    return (
        project.name,
        spec.description,
        _value_or_count([destination(one) for one in spec.destinations], "destinations"),
        _value_or_count(spec.source_repos, "repos"),
        _value_or_count([kind(one) for one in spec.cluster_resource_whitelist], "resources"),
        _count(len(spec.namespace_resource_blacklist), "resources"),
        _count(len(spec.signature_keys), "key(s)"),
        orphaned(spec),
        _value_or_count(accounts, "destinationServiceAccounts"),
    )


def _value_or_count(values: Sequence[str], noun: str) -> str:
    return values[0] if len(values) == 1 else _count(len(values), noun)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number else NONE
