"""What the flags of `app sync` ask of the controller."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tiphys.cli.app.resources import Pattern, selected
from tiphys.cli.app.revisions import revisions_of
from tiphys.cli.app.specapply import pairs
from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
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
from tiphys.model.resource import Manifest
from tiphys.services.applications import SyncCommand

_OPTIONS = (
    ("replace", "Replace=true"),
    ("server-side", "ServerSideApply=true"),
    ("apply-out-of-sync-only", "ApplyOutOfSyncOnly=true"),
)


def request(
    call: Call,
    application: Application,
    patterns: Sequence[Pattern],
    manifests: Sequence[Manifest],
) -> SyncCommand:
    """`patterns` choose objects, all where there are none; `manifests` are those of a folder."""
    return SyncCommand(
        revisions=revisions_of(call, application),
        manifests=tuple(json.dumps(manifest) for manifest in manifests),
        prune=call.yes("prune"),
        dry_run=call.yes("dry-run"),
        strategy=_strategy(call),
        resources=_resources(application, patterns),
        sync_options=_options(call),
        retry=_retry(call),
        info=tuple(
            Info(name=name, value=value)
            for name, value in pairs(call.texts("info"), "info").items()
        ),
    )


def _resources(
    application: Application, patterns: Sequence[Pattern]
) -> tuple[SyncOperationResource, ...]:
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
        asked = ",".join(map(str, patterns))
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
