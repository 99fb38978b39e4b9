"""`app manifests`: what Git says, or what is live, as YAML."""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.cli.app.local import LOCAL, local_files, root_flag
from tiphys.cli.app.revisions import FLAGS, check_usage, revisions_of
from tiphys.cli.app.session import app_name, run_core, write
from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text
from tiphys.cli.output import to_yaml
from tiphys.cli.ports import CoreApi
from tiphys.cli.progress import RENDERING, busy
from tiphys.core.manifest.hooks import is_hook
from tiphys.model.application import Application
from tiphys.model.resource import Manifest
from tiphys.services.applications.values import Asked, AtRevision

_FLAGS = (
    *FLAGS,
    LOCAL,
    root_flag("."),
    text("app-namespace", "The namespace of the application", "N"),
    text("revision", "Of this branch, tag or commit"),
    text("source", "git or live", default="git"),
)


@command("manifests", _FLAGS, usage="APPNAME [flags]", summary="Show the manifests.")
def manifests(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()
    check_usage(call, code=20)

    async def verb(api: CoreApi) -> None:
        application = await api.get(app_name(call, call.words[0]))
        for manifest in await _manifests(call, api, application):
            write(f"---\n{to_yaml(manifest)}\n")

    run_core(call, verb)


async def _manifests(call: Call, api: CoreApi, application: Application) -> Sequence[Manifest]:
    match call.text("source"):
        case "git":
            return await _desired(call, api, application)
        case "live":
            async with busy(RENDERING):
                found = await api.managed(application, AtRevision())
            return [one.live for one in found if one.live is not None and not one.hook]
        case other:
            raise FatalError(f"Unknown source type '{other}'", code=1)


async def _desired(call: Call, api: CoreApi, application: Application) -> Sequence[Manifest]:
    """Of what was compared last hooks are no part, as the contract has it."""
    asked: Asked = AtRevision(revisions_of(call, application))
    if call.given("local"):
        asked = local_files(call)
    async with busy(RENDERING):
        found = await api.desired(application, asked)
    return [one for one in found if asked != AtRevision() or not is_hook(one)]
