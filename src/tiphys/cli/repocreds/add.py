"""`repocreds add`."""

from __future__ import annotations

from tiphys.cli.app.session import write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import yes
from tiphys.cli.ports import RepositoryApi
from tiphys.cli.repo.flags import TEMPLATE_FLAGS, template_record, with_password
from tiphys.cli.repo.session import run_repositories
from tiphys.core.repositories.record import without_password

_FLAGS = (*TEMPLATE_FLAGS, yes("upsert", "Change the credentials where there are some already"))


@command("add", _FLAGS, usage="REPOURL [flags]", summary="Add credentials for repositories.")
def add(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()
    record = template_record(call)

    async def verb(api: RepositoryApi) -> None:
        added = await api.create_template(with_password(record), upsert=call.yes("upsert"))
        write(f"Repository credentials for '{without_password(added.url)}' added\n")

    run_repositories(call, verb)
