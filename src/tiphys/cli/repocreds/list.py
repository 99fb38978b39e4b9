"""`repocreds list`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tiphys.cli.app.session import check_output, write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.output import table, to_json, to_yaml
from tiphys.cli.ports import RepositoryApi
from tiphys.cli.repo.session import OUTPUTS, run_repositories

_FLAGS = (text("output", "json, yaml, wide or url", "o", "wide"),)
_HEADER = ("URL PATTERN", "USERNAME", "SSH_CREDS", "TLS_CREDS")


@command("list", _FLAGS, usage="[flags]", summary="List credentials for repositories.")
def list_command(call: Call) -> None:
    async def verb(api: RepositoryApi) -> None:
        from tiphys.core.repositories.writing import shown_template

        found = [shown_template(record) for record in await api.templates()]
        check_output(call.text("output"), OUTPUTS)
        write(_shown(found, call.text("output")))

    run_repositories(call, verb)


def _shown(found: Sequence[Mapping[str, Any]], output: str) -> str:
    match output:
        case "json":
            return to_json(found) + "\n"
        case "yaml":
            return to_yaml(found)
        case "url":
            return "".join(f"{one['url']}\n" for one in found)
        case _:
            # The API hides keys and certificates, so that the last columns never say more.
            rows = [
                (str(one["url"]), one.get("username") or "-", "false", "false") for one in found
            ]
            return table([_HEADER, *rows])
