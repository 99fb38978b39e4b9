"""`app sync`."""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.cli.app.resources import parse_patterns, selected
from tiphys.cli.app.session import app_name, check_output, run_core
from tiphys.cli.app.specapply import pairs
from tiphys.cli.app.views import choose_view
from tiphys.cli.app.wait import OUTPUTS
from tiphys.cli.app.waiting import Waiter, WaitOptions, Watched
from tiphys.cli.command import LATER, Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import Flag, FlagKind, later, text, texts, yes
from tiphys.cli.ports import CoreApi
from tiphys.model.application import (
    Application,
    Backoff,
    Info,
    RetryStrategy,
    SyncOperationResource,
    SyncStrategy,
    SyncStrategyApply,
    SyncStrategyHook,
)
from tiphys.model.status import OperationPhase, ResultCode, SyncCode
from tiphys.services.applications import AppName, SyncCommand

_LATER = (
    *(later(name, FlagKind.BOOL) for name in ("assumeYes", "preview-changes")),
    later("ignore-normalizer-jq-execution-timeout", FlagKind.DURATION),
    later("label", FlagKind.STRINGS),
    later("local"),
    later("local-repo-root"),
    later("revisions", FlagKind.STRINGS),
    later("server-side-diff-concurrency", FlagKind.INTEGER),
    later("server-side-diff-max-batch-kb", FlagKind.INTEGER),
    later("source-names", FlagKind.STRINGS),
    later("source-positions", FlagKind.STRINGS),
)
_FLAGS = (
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
    *_LATER,
)


_OPTIONS = (
    ("replace", "Replace=true"),
    ("server-side", "ServerSideApply=true"),
    ("apply-out-of-sync-only", "ApplyOutOfSyncOnly=true"),
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
        for application in await api.list(selector=call.text("selector"))
        if not projects or application.spec.project in projects
    ]
    if not found:
        asked = f" selector {call.text('selector')}" if call.text("selector") else ""
        asked += f" projects [{' '.join(projects)}]" if projects else ""
        raise FatalError(f"No matching apps found for filter:{asked}", code=1)
    return [*names, *found]


async def _sync(call: Call, api: CoreApi, name: AppName) -> None:
    application = await api.get(name)
    if application.spec.sources:
        raise FatalError(f"spec.sources of application {name} {LATER}", code=1)
    request = _request(call, application)
    await api.sync(name, request)
    if call.yes("async"):
        return
    options = WaitOptions(
        watched=Watched(operation=True),
        patterns=parse_patterns(call.texts("resource")),
        timeout=call.number("timeout"),
        output=call.text("output"),
    )
    view = choose_view(options.output)
    try:
        ended = await Waiter(api, view, options).wait(name)
    finally:
        view.close()
    if ended is not None and not request.dry_run:
        _judge(ended, partial=bool(request.resources))


def _request(call: Call, application: Application) -> SyncCommand:
    return SyncCommand(
        revision=call.text("revision"),
        prune=call.yes("prune"),
        dry_run=call.yes("dry-run"),
        strategy=_strategy(call),
        resources=_resources(call, application),
        sync_options=_options(call),
        retry=_retry(call),
        info=tuple(
            Info(name=name, value=value)
            for name, value in pairs(call.texts("info"), "info").items()
        ),
    )


def _resources(call: Call, application: Application) -> tuple[SyncOperationResource, ...]:
    patterns = parse_patterns(call.texts("resource"))
    if not patterns:
        return ()
    found = tuple(
        SyncOperationResource(
            group=item.group, kind=item.kind, name=item.name, namespace=item.namespace
        )
        for item in application.status.resources
        if selected(patterns, item.group, item.kind, item.namespace, item.name)
    )
    if not found:
        asked = ",".join(call.texts("resource"))
        raise FatalError(f"No matching app resources found for resource filter: {asked}", code=1)
    return found


def _options(call: Call) -> tuple[str, ...] | None:
    """None leaves the application its own."""
    asked = tuple(option for flag, option in _OPTIONS if call.yes(flag))
    return asked or None


def _strategy(call: Call) -> SyncStrategy:
    force = call.yes("force")
    match call.text("strategy"):
        case "apply":
            return SyncStrategy(apply=SyncStrategyApply(force=force))
        case "" | "hook":
            return SyncStrategy(hook=SyncStrategyHook(force=force))
        case other:
            raise FatalError(f"Unknown sync strategy: '{other}'", code=1)


def _retry(call: Call) -> RetryStrategy | None:
    limit = call.number("retry-limit")
    if limit == 0:
        return None
    return RetryStrategy(
        limit=limit,
        backoff=Backoff(
            duration=call.text("retry-backoff-duration"),
            factor=call.number("retry-backoff-factor"),
            max_duration=call.text("retry-backoff-max-duration"),
        ),
        refresh=call.yes("retry-refresh"),
    )


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
