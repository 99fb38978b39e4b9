"""`proj edit`: the spec in the user's editor."""

from __future__ import annotations

from tiphys.cli.command import Call, command
from tiphys.cli.documents import decoded
from tiphys.cli.editing import edit
from tiphys.cli.output import to_yaml
from tiphys.cli.ports import ProjectApi
from tiphys.cli.proj.session import require_words, run_projects
from tiphys.model.appproject import AppProject
from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.structs import encode


@command("edit", (), usage="PROJECT [flags]", summary="Edit a project's spec.")
def edit_command(call: Call) -> None:
    require_words(call, 1)

    async def verb(api: ProjectApi) -> None:
        project = await api.get(call.words[0])

        async def save(data: bytes) -> None:
            found = await decoded(call, data)
            if len(found) != 1:
                raise ApiError(ApiCode.INVALID_ARGUMENT, "one YAML document is expected")
            await api.update(AppProject({**project.to_manifest(), "spec": found[0]}))

        await edit(project.name, to_yaml(encode(project.spec)), save)

    run_projects(call, verb)
