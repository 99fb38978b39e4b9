"""`repo add`."""

from __future__ import annotations

from tiphys.cli.app.session import write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import yes
from tiphys.cli.ports import RepositoryApi
from tiphys.cli.repo.flags import REPOSITORY_FLAGS, repository_record, with_password
from tiphys.cli.repo.session import run_repositories
from tiphys.core.repositories.record import without_password

_FLAGS = (*REPOSITORY_FLAGS, yes("upsert", "Change the repository where it is known already"))


@command("add", _FLAGS, usage="REPOURL [flags]", summary="Add a repository, after a test of it.")
def add(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()
    record = repository_record(call)

    async def verb(api: RepositoryApi) -> None:
        wanted = with_password(record)
        await api.validate(wanted)
        added = await api.create(wanted, upsert=call.yes("upsert"))
        write(f"Repository '{without_password(added.url)}' added\n")

    run_repositories(call, verb)
