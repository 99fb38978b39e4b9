"""`proj create`: from flags, from a file, or from both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tiphys.cli.command import Call, command
from tiphys.cli.documents import documents_of
from tiphys.cli.globals import text, yes
from tiphys.cli.ports import ProjectApi
from tiphys.cli.proj.session import run_projects, with_spec, wrong
from tiphys.cli.proj.specflags import SPEC_FLAGS, apply_flags
from tiphys.model.appproject import AppProject, AppProjectSpec
from tiphys.model.metadata import Metadata

FILE_FLAG = text("file", "Read the project from a file, a URL or, for -, standard input", "f")
_FLAGS = (
    *SPEC_FLAGS,
    FILE_FLAG,
    yes("upsert", "Change the project if it is there already"),
)


@command("create", _FLAGS, usage="PROJECT [flags]", summary="Create a project.")
def create(call: Call) -> None:
    if len(call.words) > 1 or (not call.words and not call.text("file")):
        call.help_and_fail()

    async def verb(api: ProjectApi) -> None:
        project = await asked_project(call)
        await api.create(project, upsert=call.yes("upsert"))

    run_projects(call, verb)


async def asked_project(call: Call) -> AppProject:
    """The project that the command line and perhaps a file describe."""
    if not call.text("file"):
        empty = AppProject.build(Metadata(name=call.words[0]), AppProjectSpec())
        return with_spec(empty, apply_flags(call, empty.spec))
    found = await documents_of(call, call.text("file"))
    project = AppProject(_only(found))
    if call.words and call.words[0] != project.name:
        raise wrong(
            f"project name '{call.words[0]}' does not match project spec metadata.name "
            f"'{project.name}'"
        )
    return with_spec(project, apply_flags(call, project.spec))


def _only(documents: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    if len(documents) != 1:
        raise wrong(f"one project is expected, but the file holds {len(documents)} documents")
    return documents[0]
