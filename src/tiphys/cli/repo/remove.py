"""`repo rm`."""

from __future__ import annotations

from tiphys.cli.app.session import write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.ports import RepositoryApi
from tiphys.cli.prompts import confirmed
from tiphys.cli.repo.session import run_repositories
from tiphys.core.repositories.record import without_password

_FLAGS = (text("project", "The project that the repository belongs to"),)


@command("rm", _FLAGS, usage="REPO ... [flags]", summary="Forget repositories.")
def remove(call: Call) -> None:
    if not call.words:
        call.help_and_fail()

    async def verb(api: RepositoryApi) -> None:
        for url in call.words:
            shown = without_password(url)
            question = f"Are you sure you want to delete repository '{shown}'? [y/n]"
            if not confirmed(call, question):
                write(f"The command to delete '{shown}' was cancelled.\n")
                continue
            await api.delete(url, call.text("project"))
            write(f"Repository '{shown}' removed\n")

    run_repositories(call, verb)
