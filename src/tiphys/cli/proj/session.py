"""What the verbs on projects share: the calls, and changes of one project's spec."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable

from tiphys.cli.app.session import run_on, wiring
from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
from tiphys.cli.ports import ProjectApi
from tiphys.model.appproject import AppProject, AppProjectSpec
from tiphys.model.errors import ConflictError
from tiphys.model.structs import encode

_TRIES = 5

Change = Callable[[AppProject], AppProjectSpec | None]
"""The new spec; None where there is nothing to change."""


def run_projects(call: Call, verb: Callable[[ProjectApi], Awaitable[None]]) -> None:
    """Runs a verb on the projects of a server, or of the cluster of the kube context."""
    run_on(call, verb, lambda server: server.projects, wiring(call).projects)


def change(call: Call, make: Change) -> None:
    """Reads the project that the first word names, changes its spec, and stores it."""

    async def verb(api: ProjectApi) -> None:
        await change_spec(api, call.words[0], make)

    run_projects(call, verb)


async def change_spec(api: ProjectApi, name: str, make: Change) -> None:
    """Anew where somebody else wrote meanwhile."""
    for left in reversed(range(_TRIES)):
        project = await api.get(name)
        spec = make(project)
        if spec is None:
            return
        try:
            await api.update(with_spec(project, spec))
        except ConflictError:
            if not left:
                raise
        else:
            return


def with_spec(project: AppProject, spec: AppProjectSpec) -> AppProject:
    return AppProject({**project.to_manifest(), "spec": encode(spec)})


def require_words(call: Call, count: int, most: int | None = None) -> None:
    if not count <= len(call.words) <= (most or count):
        call.help_and_fail()


def tell(text: str) -> None:
    """A line on standard error, which is no log line."""
    print(text, file=sys.stderr)


def wrong(text: str) -> FatalError:
    """For what was asked for and cannot be."""
    return FatalError(text, code=1)
