"""`app diff`: live against desired, wherever the desired state comes from."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from tiphys.cli.app import differ
from tiphys.cli.app.get import read_application
from tiphys.cli.app.local import INCLUDE, LOCAL, local_files, root_flag
from tiphys.cli.app.reasons import hidden, reasons
from tiphys.cli.app.revisions import FLAGS, check_usage, revisions_of
from tiphys.cli.app.session import CONTRACT_NAME, app_name, run_core, write
from tiphys.cli.command import Call, command
from tiphys.cli.errors import Ended, FatalError
from tiphys.cli.globals import Flag, FlagKind, text, yes
from tiphys.cli.ports import CoreApi
from tiphys.cli.progress import RENDERING, busy
from tiphys.core.manifest.annotations import compare_options
from tiphys.core.settings.duration import parse_duration
from tiphys.model.application import Application
from tiphys.model.resource import GroupKind
from tiphys.services.applications.explain import explained
from tiphys.services.applications.managed import Managed
from tiphys.services.applications.values import (
    Asked,
    AtRevision,
    Batches,
    LocalFiles,
    Looking,
)

SERVER_SIDE = "ServerSideDiff=true"
COMPARING_FLAGS = (
    Flag(
        "ignore-normalizer-jq-execution-timeout",
        FlagKind.DURATION,
        "How long one jq expression of the ignore rules may take",
        default="1s",
    ),
    Flag(
        "server-side-diff-concurrency",
        FlagKind.INTEGER,
        "How many batches the API server is asked at once; -1 for all, 0 for 20",
        default=-1,
    ),
    Flag(
        "server-side-diff-max-batch-kb",
        FlagKind.INTEGER,
        "How large a batch may be, in kB",
        default=250,
    ),
)
_FLAGS = (
    *FLAGS,
    *COMPARING_FLAGS,
    INCLUDE,
    LOCAL,
    root_flag("/"),
    text("app-namespace", "The namespace of the application", "N"),
    Flag("diff-exit-code", FlagKind.INTEGER, "The exit code where there are differences", "", 1),
    yes("exit-code", "Tell of differences by the exit code", default=True),
    yes("hard-refresh", "Compare first, without what is remembered of renders"),
    yes("refresh", "Compare first"),
    text("revision", "Compare with this branch, tag or commit"),
    yes("server-side-diff", "Ask the API server what applying would give"),
    yes("server-side-generate", "With --local: the folder is the repository's root"),
)
_SECRET = GroupKind("", "Secret")
_AT_ONCE = 20
_WRONG_USE = 2


@command("diff", _FLAGS, usage="APPNAME [flags]", summary="Show what a sync would change.")
def diff(call: Call) -> None:
    if len(call.words) != 1:
        write(call.help)
        raise Ended(_WRONG_USE)
    check_usage(call, code=20)
    local, generate = call.given("local"), call.yes("server-side-generate")
    if call.yes("server-side-diff") and local and not generate:
        raise FatalError("--server-side-diff with --local requires --server-side-generate.", code=1)

    async def verb(api: CoreApi) -> None:
        application = await read_application(call, api, app_name(call, call.words[0]))
        asked = _asked(call, application)
        objects = await compared(call, api, application, asked)
        found = differ.changed(objects)
        differ.show(found)
        if call.program != CONTRACT_NAME:
            told = [one for each in found if (one := explained(each)) is not None]
            write(reasons(told, time.time()) + hidden(objects))
        if found and call.yes("exit-code"):
            raise Ended(call.number("diff-exit-code"))

    run_core(call, verb)


async def compared(
    call: Call, api: CoreApi, application: Application, asked: Asked
) -> Sequence[Managed]:
    """The application's objects; without the Secrets of a folder that was rendered here."""
    async with busy(RENDERING):
        found = await api.managed(application, asked, _looking(call, application))
    if not isinstance(asked, LocalFiles) or asked.include is not None:
        return found
    warn("local diff without --server-side-generate is deprecated and does not work with plugins.")
    kept = []
    for one in found:
        if one.key.group_kind == _SECRET:
            name = f"{one.key.namespace}/{one.key.name}"
            warn(f"Secret {name} is not supported in local diff and will be ignored")
            continue
        kept.append(one)
    return kept


def warn(text: str) -> None:
    print(f"Warning: {text}", file=sys.stderr)


def _asked(call: Call, application: Application) -> Asked:
    revisions = revisions_of(call, application)
    if revisions:
        return AtRevision(revisions)
    if call.given("local"):
        return local_files(call, whole=call.yes("server-side-generate"))
    return AtRevision()


def _looking(call: Call, application: Application) -> Looking:
    at_once = call.number("server-side-diff-concurrency")
    annotated = SERVER_SIDE in compare_options(application.to_manifest())
    server_side = None
    if call.owns("server-side-diff") and call.given("server-side-diff"):
        server_side = call.yes("server-side-diff")
        if server_side and not annotated:
            warn(f"Application does not have {SERVER_SIDE} annotation.")
    return Looking(
        server_side=server_side,
        jq_timeout=parse_duration(call.text("ignore-normalizer-jq-execution-timeout")),
        batches=Batches(
            size=call.number("server-side-diff-max-batch-kb") * 1000,
            at_once=_AT_ONCE if at_once == 0 else max(at_once, 0),
        ),
    )
