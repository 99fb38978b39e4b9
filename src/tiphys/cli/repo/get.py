"""`repo get`."""

from __future__ import annotations

from tiphys.cli.app.session import write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.ports import RepositoryApi
from tiphys.cli.repo.session import run_repositories, shown, wants_fresh

_FLAGS = (
    text("output", "json, yaml, wide or url", "o", "wide"),
    text("project", "The project that the repository belongs to"),
    text("refresh", "hard: try the connection now"),
)


@command("get", _FLAGS, usage="REPO [flags]", summary="Show a repository.")
def get(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()
    fresh = wants_fresh(call)

    async def verb(api: RepositoryApi) -> None:
        found = await api.get(call.words[0], call.text("project"), fresh=fresh)
        write(shown(call, [found], single=True))

    run_repositories(call, verb)
