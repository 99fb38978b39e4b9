"""`repocreds rm`."""

from __future__ import annotations

from tiphys.cli.app.session import write
from tiphys.cli.command import Call, command
from tiphys.cli.ports import RepositoryApi
from tiphys.cli.prompts import confirmed
from tiphys.cli.repo.session import run_repositories
from tiphys.core.repositories.record import without_password


@command("rm", (), usage="CREDSURL [flags]", summary="Forget credentials for repositories.")
def remove(call: Call) -> None:
    if not call.words:
        call.help_and_fail()

    async def verb(api: RepositoryApi) -> None:
        for url in call.words:
            shown = without_password(url)
            if not confirmed(call, f"Are you sure you want to remove '{shown}'? [y/n] "):
                write(f"The command to remove '{shown}' was cancelled.\n")
                continue
            await api.delete_template(url)
            write(f"Repository credentials for '{shown}' removed\n")

    run_repositories(call, verb)
