"""`repo list`."""

from __future__ import annotations

from tiphys.cli.app.session import write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.ports import RepositoryApi
from tiphys.cli.repo.session import run_repositories, shown, wants_fresh

_FLAGS = (
    text("output", "json, yaml, wide or url", "o", "wide"),
    text("refresh", "hard: try the connections now"),
)


@command("list", _FLAGS, usage="[flags]", summary="List repositories.")
def list_command(call: Call) -> None:
    fresh = wants_fresh(call)

    async def verb(api: RepositoryApi) -> None:
        trying = call.text("output") != "url"
        write(shown(call, await api.list(fresh=fresh, trying=trying)))

    run_repositories(call, verb)
