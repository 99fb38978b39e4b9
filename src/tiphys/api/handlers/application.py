"""The methods that change one application, or ask the controller for something."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tiphys.api.calls import Answer, Call, Handlers, Message, Unary
from tiphys.api.handlers.shapes import part, text
from tiphys.model.application import (
    Application,
    Info,
    RetryStrategy,
    SyncOperationResource,
    SyncStrategy,
    decode,
    encode,
)
from tiphys.model.appproject import SyncWindow
from tiphys.model.errors import ApiCode, ApiError, ManifestDecodeError
from tiphys.model.structs import S
from tiphys.services.applications.calls import ApplicationCalls
from tiphys.services.applications.shown import Shown
from tiphys.services.applications.values import AppName, SyncCommand, WindowState

SERVICE = "application.ApplicationService"


class ApplicationHandlers:
    def __init__(self, calls: ApplicationCalls) -> None:
        self._calls = calls

    def methods(self) -> Handlers:
        return {
            f"{SERVICE}/Get": Unary(self._get),
            f"{SERVICE}/Create": Unary(self._create),
            f"{SERVICE}/Update": Unary(self._update),
            f"{SERVICE}/UpdateSpec": Unary(self._update_spec),
            f"{SERVICE}/Patch": Unary(self._patch),
            f"{SERVICE}/Delete": Unary(self._delete),
            f"{SERVICE}/Sync": Unary(self._sync),
            f"{SERVICE}/Rollback": Unary(self._rollback),
            f"{SERVICE}/TerminateOperation": Unary(self._terminate),
            f"{SERVICE}/GetApplicationSyncWindows": Unary(self._windows),
        }

    async def _get(self, call: Call, asked: Message) -> Answer:
        # The older name of the parameter still counts for more.
        projects = list(asked.get("project") or asked.get("projects") or ())
        if len(projects) > 1:
            raise ApiError(
                ApiCode.INVALID_ARGUMENT,
                "multiple projects specified - the get endpoint accepts either zero or one project",
            )
        project = str(projects[0]) if projects else ""
        name, refresh = named(asked), asked.get("refresh")
        if refresh is not None:
            hard = refresh == "hard"
            return Shown(await self._calls.refresh(call.caller, name, project, hard=hard))
        found = await self._calls.get(
            call.caller, name, project, version=text(asked, "resourceVersion")
        )
        call.etag = etag_of(found)
        return Shown(found)

    async def _create(self, call: Call, asked: Message) -> Answer:
        if asked.get("application") is None:
            raise ApiError(
                ApiCode.UNKNOWN, "error creating application: application is nil in request"
            )
        stored = await self._calls.create(
            call.caller,
            _application(asked),
            upsert=bool(asked.get("upsert")),
            validate=_validates(asked),
        )
        return Shown(stored.raw)

    async def _update(self, call: Call, asked: Message) -> Answer:
        stored = await self._calls.update(
            call.caller, _application(asked), text(asked, "project"), validate=_validates(asked)
        )
        return Shown(stored.raw)

    async def _update_spec(self, call: Call, asked: Message) -> Answer:
        spec = part(asked, "spec")
        _readable(Application({"metadata": {}, "spec": spec}))
        stored = await self._calls.update_spec(
            call.caller, named(asked), text(asked, "project"), spec, validate=_validates(asked)
        )
        return encode(stored.spec)

    async def _patch(self, call: Call, asked: Message) -> Answer:
        kind = text(asked, "patchType")
        if kind not in ("", "json", "merge"):
            raise ApiError(ApiCode.INVALID_ARGUMENT, f"Patch type '{kind}' is not supported")
        try:
            patch = json.loads(text(asked, "patch"))
        except (ValueError, RecursionError):
            raise ApiError(ApiCode.UNKNOWN, "the patch is not JSON") from None
        stored = await self._calls.patch(
            call.caller, named(asked), text(asked, "project"), kind, patch
        )
        return Shown(stored.raw)

    async def _delete(self, call: Call, asked: Message) -> Answer:
        await self._calls.delete(
            call.caller,
            named(asked),
            text(asked, "project"),
            cascade=bool(asked.get("cascade", True)),
            propagation=asked.get("propagationPolicy"),
        )
        return {}

    async def _sync(self, call: Call, asked: Message) -> Answer:
        stored = await self._calls.sync(
            call.caller,
            named(asked),
            text(asked, "project"),
            lambda application: command_of(asked, application),
        )
        return Shown(stored.raw)

    async def _rollback(self, call: Call, asked: Message) -> Answer:
        stored = await self._calls.rollback(
            call.caller,
            named(asked),
            text(asked, "project"),
            int(asked.get("id") or 0),
            prune=bool(asked.get("prune")),
            dry_run=bool(asked.get("dryRun")),
        )
        return Shown(stored.raw)

    async def _terminate(self, call: Call, asked: Message) -> Answer:
        await self._calls.terminate(call.caller, named(asked), text(asked, "project"))
        return {}

    async def _windows(self, call: Call, asked: Message) -> Answer:
        found = await self._calls.windows(call.caller, named(asked), text(asked, "project"))
        answer: dict[str, Any] = {"canSync": found.state is not WindowState.DENIED}
        if found.active:
            answer["activeWindows"] = _windows(found.active)
        if found.assigned:
            answer["assignedWindows"] = _windows(found.assigned)
        return answer


def named(asked: Message) -> AppName:
    return AppName(text(asked, "appNamespace"), text(asked, "name"))


def etag_of(manifest: Mapping[str, Any]) -> str:
    """Of what is answered, health and all: that changes without the application."""
    from hashlib import blake2b

    metadata = manifest["metadata"]
    healths = [one.get("health") for one in (manifest.get("status") or {}).get("resources") or ()]
    told = json.dumps(healths).encode()
    mark = blake2b(told, digest_size=6).hexdigest()
    return f'"{metadata.get("uid", "")}-{metadata.get("resourceVersion", "")}-{mark}"'


def command_of(asked: Message, application: Application) -> SyncCommand:
    """Raises ApiError."""
    options, retry = asked.get("syncOptions"), asked.get("retryStrategy")
    strategy = asked.get("strategy")
    return SyncCommand(
        revisions=_revisions(asked, application),
        prune=bool(asked.get("prune")),
        dry_run=bool(asked.get("dryRun")),
        strategy=None if strategy is None else _decoded(strategy, SyncStrategy, "strategy"),
        resources=_all(asked, "resources", SyncOperationResource),
        manifests=tuple(asked.get("manifests") or ()),
        info=_all(asked, "infos", Info),
        sync_options=None if options is None else tuple(options.get("items") or ()),
        retry=None if retry is None else _decoded(retry, RetryStrategy, "retryStrategy"),
    )


def _revisions(asked: Message, application: Application) -> Mapping[int, str]:
    """By the index of the source; positions begin at 1."""
    if not application.spec.sources:
        revision = text(asked, "revision")
        return {0: revision} if revision else {}
    positions = [int(at) for at in asked.get("sourcePositions") or ()]
    revisions = [str(one) for one in asked.get("revisions") or ()]
    if len(positions) != len(revisions):
        raise ApiError(
            ApiCode.INVALID_ARGUMENT, "sourcePositions and revisions have to be equally many"
        )
    return {at - 1: revision for at, revision in zip(positions, revisions, strict=True)}


def _application(asked: Message) -> Application:
    found = Application(dict(part(asked, "application")))
    _readable(found)
    return found


def _readable(application: Application) -> None:
    """Raises ApiError for what has the wrong type somewhere."""
    try:
        _ = application.metadata, application.spec
    except ManifestDecodeError as error:
        raise ApiError(ApiCode.INVALID_ARGUMENT, str(error)) from None


def _validates(asked: Message) -> bool:
    return bool(asked.get("validate", True))


def _all(asked: Message, name: str, kind: type[S]) -> tuple[S, ...]:
    return tuple(_decoded(one, kind, name) for one in asked.get(name) or ())


def _decoded(value: Any, kind: type[S], at: str) -> S:
    try:
        return decode(value, kind, at=at)
    except ManifestDecodeError as error:
        raise ApiError(ApiCode.INVALID_ARGUMENT, str(error)) from None


def _windows(windows: Sequence[SyncWindow]) -> list[dict[str, Any]]:
    return [
        {
            "kind": window.kind,
            "schedule": window.schedule,
            "duration": window.duration,
            "manualSync": bool(window.manual_sync),
        }
        for window in windows
    ]
