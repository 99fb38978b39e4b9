"""`app sync`."""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.cli.app import differ
from tiphys.cli.app.diff import COMPARING_FLAGS, compared
from tiphys.cli.app.local import LOCAL, local_files, root_flag
from tiphys.cli.app.resources import Pattern, parse_patterns
from tiphys.cli.app.revisions import FLAGS as REVISIONS
from tiphys.cli.app.revisions import SEVERAL, check_usage, revisions_of
from tiphys.cli.app.session import app_name, check_output, run_core, write
from tiphys.cli.app.specapply import pairs
from tiphys.cli.app.syncrequest import request
from tiphys.cli.app.views import choose_view
from tiphys.cli.app.wait import OUTPUTS
from tiphys.cli.app.waiting import Waiter, WaitOptions, Watched
from tiphys.cli.command import Call, command
from tiphys.cli.errors import Ended, FatalError
from tiphys.cli.globals import Flag, FlagKind, text, texts, yes
from tiphys.cli.ports import CoreApi
from tiphys.cli.progress import RENDERING, busy
from tiphys.cli.prompts import confirmed
from tiphys.core.app.spec import automation
from tiphys.model.application import Application
from tiphys.model.resource import Manifest, key_of
from tiphys.model.status import OperationPhase, ResultCode, SyncCode
from tiphys.services.applications import AppName
from tiphys.services.applications.values import Asked, AtRevision

_FLAGS = (
    *REVISIONS,
    *COMPARING_FLAGS,
    LOCAL,
    root_flag("/"),
    yes("assumeYes", "Sync what --preview-changes shows without asking"),
    texts("label", "Only objects with this label, as name=value; may be repeated"),
    yes("preview-changes", "Show what would change, and ask, before the sync"),
    text("app-namespace", "The namespace of the applications", "N"),
    yes("apply-out-of-sync-only", "Apply only what is out of sync"),
    yes("async", "Do not wait for the end"),
    yes("dry-run", "Change nothing"),
    yes("force", "Delete and create anew what cannot be changed"),
    texts("info", "A note on the operation, as name=value; may be repeated"),
    text("output", "wide, tree, tree=detailed, json or yaml", "o", "wide"),
    texts("project", "Sync all applications of this project; may be repeated"),
    yes("prune", "Delete what is no longer in the source"),
    yes("replace", "Replace objects in place of applying them"),
    texts("resource", "Only these objects: [!]GROUP:KIND:[NAMESPACE/]NAME, * for all"),
    Flag("retry-backoff-duration", FlagKind.DURATION, "Wait before a retry", default="5s"),
    Flag("retry-backoff-factor", FlagKind.INTEGER, "How the wait grows", default=2),
    Flag("retry-backoff-max-duration", FlagKind.DURATION, "Longest wait", default="3m0s"),
    Flag("retry-limit", FlagKind.INTEGER, "How often a failed sync is tried again"),
    yes("retry-refresh", "Retry with the latest revision"),
    text("revision", "The branch, tag or commit to sync to"),
    text("selector", "Sync all applications with these labels", "l"),
    yes("server-side", "Let the API server apply"),
    text("strategy", "hook, or apply to leave hooks out"),
    Flag("timeout", FlagKind.NATURAL, "Seconds to wait, 0 for no limit"),
)


@command(
    "sync",
    _FLAGS,
    usage="[APPNAME... | -l selector | --project project-name] [flags]",
    summary="Bring applications to their target state.",
)
def sync(call: Call) -> None:
    chosen = call.given("selector") or call.given("project")
    if not call.words and not chosen:
        call.help_and_fail()
    if len(call.words) > 1 and call.given("selector"):
        raise FatalError(
            "Cannot use selector option when application name(s) passed as argument(s)", code=1
        )
    check_usage(call, code=1, several=len(call.words) != 1)
    check_output(call.text("output"), OUTPUTS)

    async def verb(api: CoreApi) -> None:
        for name in await _names(call, api):
            await _sync(call, api, name)

    run_core(call, verb)


async def _names(call: Call, api: CoreApi) -> Sequence[AppName]:
    names = [app_name(call, word) for word in call.words]
    if not call.given("selector") and not call.given("project"):
        return names
    projects = call.texts("project")
    found = [
        AppName(application.namespace, application.name)
        for application in await api.list(
            selector=call.text("selector"), namespace=call.text("app-namespace")
        )
        if not projects or application.spec.project in projects
    ]
    if not found:
        asked = f" selector {call.text('selector')}" if call.text("selector") else ""
        asked += f" projects [{' '.join(projects)}]" if projects else ""
        raise FatalError(f"No matching apps found for filter:{asked}", code=1)
    return [*names, *found]


async def _sync(call: Call, api: CoreApi, name: AppName) -> None:
    application = await api.get(name)
    patterns = (*parse_patterns(call.texts("resource")), *await _labelled(call, api, application))
    _check_source(call, application)
    local = await _local(call, api, application)
    asked = request(call, application, patterns, local)
    if call.yes("preview-changes"):
        await _preview(call, api, application)
    await api.sync(name, asked)
    if call.yes("async"):
        return
    options = WaitOptions(
        watched=Watched(operation=True),
        patterns=patterns,
        timeout=call.number("timeout"),
        output=call.text("output"),
    )
    view = choose_view(options.output)
    try:
        ended = await Waiter(api, view, options).wait(name)
    finally:
        view.close()
    if ended is not None and not asked.dry_run:
        _judge(ended, partial=bool(asked.resources))


async def _labelled(call: Call, api: CoreApi, application: Application) -> Sequence[Pattern]:
    """The objects of the source that have one of the labels."""
    if not call.given("label"):
        return ()
    labels = pairs(call.texts("label"), "label").items()
    write(f"The name of the app is  {application.name}\n")
    async with busy(RENDERING):
        manifests = await api.manifests(application, _asked(call, application))
    found = []
    for manifest in manifests:
        own = (manifest.get("metadata") or {}).get("labels") or {}
        if any(own.get(name) == value for name, value in labels):
            key = key_of(manifest)
            found.append(Pattern(key.group, key.kind, "", key.name))
    if not found:
        asked = " ".join(call.texts("label"))
        raise FatalError(f"No matching resources found for labels: [{asked}]", code=1)
    return found


def _check_source(call: Call, application: Application) -> None:
    if not application.spec.sources:
        return
    if call.given("revision"):
        raise FatalError(SEVERAL, code=1)
    if call.given("local"):
        raise FatalError("argocd cli does not work on multi-source app with --local flag", code=1)


async def _local(call: Call, api: CoreApi, application: Application) -> Sequence[Manifest]:
    if not call.given("local"):
        return ()
    if automation(application.spec) is not None and not call.yes("dry-run"):
        raise FatalError(
            "Cannot use local sync when Automatic Sync Policy is enabled except with --dry-run",
            code=1,
        )
    async with busy(RENDERING):
        return await api.manifests(application, local_files(call))


async def _preview(call: Call, api: CoreApi, application: Application) -> None:
    """Ends the command where there is nothing to be done, or the user does not want it."""
    name = application.name
    write(
        "====== Previewing differences between live and desired state of application "
        f"{name} ======\n"
    )
    found = differ.changed(await compared(call, api, application, _asked(call, application)))
    if not found:
        write("====== No Differences found ======\n")
        raise Ended(0)
    differ.show(found)
    question = (
        f"Please review changes to application {name} shown above. Do you want to continue the "
        "sync process? (y/n): "
    )
    if not call.yes("assumeYes") and not confirmed(call, question, always=True):
        raise Ended(0)


def _asked(call: Call, application: Application) -> Asked:
    if call.given("local"):
        return local_files(call)
    return AtRevision(revisions_of(call, application))


def _judge(application: Application, *, partial: bool) -> None:
    state = application.status.operation_state
    if state is None:
        return
    if state.phase != OperationPhase.SUCCEEDED:
        raise FatalError(f"Operation has completed with phase: {state.phase}", code=1)
    if partial or application.status.sync.status == SyncCode.SYNCED or not state.sync_result:
        return
    left = [r for r in state.sync_result.resources if r.status == ResultCode.PRUNE_SKIPPED]
    if left:
        raise FatalError(f"{len(left)} resources require pruning", code=1)
