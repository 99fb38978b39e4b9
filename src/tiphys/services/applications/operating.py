"""What is asked of the controller: to sync, to go back, and to stop doing so.

An operation is written for the controller to take up; nothing is applied from here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tiphys.core.app.asking import Asking, asked_by_spec
from tiphys.core.app.spec import automation
from tiphys.core.source.url import without_user
from tiphys.core.sync.options import REPLACE
from tiphys.model.application import Application, Operation
from tiphys.model.errors import ApiCode, ApiError, ConflictError, RenderError, RepositoryError
from tiphys.model.resource import Manifest
from tiphys.model.status import OperationPhase
from tiphys.services.access.auditing import Reason
from tiphys.services.applications.desired import Desired
from tiphys.services.applications.store import AppStore
from tiphys.services.applications.values import LOCAL, Actor, AppName, SyncCommand, SyncRules
from tiphys.services.applications.writing import (
    operation_of,
    rollback_of,
    sync_options_of,
    with_operation,
)

_TRIES = 10


class Operating:
    """`signed` says of an application whether its project asks for signatures of its sources."""

    def __init__(
        self,
        store: AppStore,
        desired: Desired,
        rules: Callable[[], Awaitable[SyncRules]],
        signed: Callable[[Application], Awaitable[bool]],
    ) -> None:
        self._store = store
        self._desired = desired
        self._rules = rules
        self._signed = signed

    async def sync(
        self, name: AppName, application: Application, command: SyncCommand, by: Actor = LOCAL
    ) -> Application:
        """`application` as it was checked a moment ago."""
        by.permit("sync", application)
        if command.manifests:
            by.permit("override", application)
            if automation(application.spec) and not command.dry_run:
                raise _refused(
                    "cannot use local sync when Automatic Sync Policy is enabled unless for dry run"
                )
        if application.metadata.deletion_timestamp:
            raise _refused("application is deleting")
        rules = await self._rules()
        asking = await self._asking(application, command, rules, by)
        await self._check_options(application, command, rules)

        def ask(live: Application) -> Manifest:
            # It may be in another project by now.
            by.permit("sync", live)
            return _asking(live, operation_of(live, command, asking.found, by.username))

        asked = await self._store.update(name, ask)
        by.tell(Reason.OPERATION_STARTED, asked, _initiated(command, asking))
        return asked

    async def _check_options(
        self, application: Application, command: SyncCommand, rules: SyncRules
    ) -> None:
        options = sync_options_of(application, command)
        if not rules.replace_allowed and REPLACE in options:
            raise _refused(
                "sync with replace was disabled on the API Server level via the server "
                "configuration"
            )
        if command.manifests and await self._signed(application):
            raise _refused("Cannot use local manifests when source integrity is enforced")

    async def rollback(
        self, name: AppName, entry: int, *, prune: bool, dry_run: bool = False, by: Actor = LOCAL
    ) -> Application:
        """To what the history's entry of this id says."""

        def ask(live: Application) -> Manifest:
            if live.metadata.deletion_timestamp:
                raise _refused("application is deleting")
            if automation(live.spec) is not None:
                raise _refused("rollback cannot be initiated when auto-sync is enabled")
            operation = rollback_of(live, entry, prune=prune, dry_run=dry_run, by=by.username)
            return _asking(live, operation)

        asked = await self._store.update(name, ask)
        by.tell(Reason.OPERATION_STARTED, asked, f"initiated rollback to {entry}")
        return asked

    async def terminate(self, name: AppName, by: Actor = LOCAL) -> None:
        for _ in range(_TRIES):
            live = await self._store.read(name)
            if live.operation is None or live.status.operation_state is None:
                raise ApiError(
                    ApiCode.INVALID_ARGUMENT,
                    "Unable to terminate operation. No operation is in progress",
                )
            stored = live.to_manifest()
            state = {**stored["status"]["operationState"], "phase": OperationPhase.TERMINATING}
            status = {**stored["status"], "operationState": state}
            try:
                await self._store.replace({**stored, "status": status})
            except ConflictError:
                continue
            by.tell(Reason.UPDATED, live, "terminated running operation")
            return
        raise ApiError(ApiCode.INTERNAL, "Failed to terminate app. Too many conflicts")

    async def _asking(
        self, application: Application, command: SyncCommand, rules: SyncRules, by: Actor
    ) -> _Asked:
        """The sources with the revisions that are asked for, resolved."""
        asking = asked_by_spec(application.spec)
        if any(not 0 <= at < len(asking.sources) for at in command.revisions):
            raise ApiError(ApiCode.UNKNOWN, "source position is out of range")
        asked = tuple(command.revisions.get(at) or one for at, one in enumerate(asking.revisions))
        others = [at for at in command.revisions if _differs(asked[at], asking.revisions[at])]
        if others and rules.override_for_revision:
            by.permit("override", application)
        if others and automation(application.spec) is not None and not command.dry_run:
            at = others[0]
            where = f" source {without_user(asking.sources[at].repo_url)}" if asking.several else ""
            known = asking.revisions[at] or "HEAD"
            raise _refused(f"Cannot sync{where} to {asked[at]}: auto-sync currently set to {known}")
        wanted = replace(asking, revisions=asked)
        try:
            found = await self._desired.revisions(application, wanted)
        except (RepositoryError, RenderError) as error:
            raise _refused(str(error)) from None
        return _Asked(asked, replace(wanted, revisions=found))


@dataclass(frozen=True, slots=True)
class _Asked:
    """`named` are the revisions as people say them, `found` what they lead to."""

    named: tuple[str, ...]
    found: Asking

    @property
    def shown(self) -> str:
        pairs = zip(self.named, self.found.revisions, strict=True)
        return ",".join(found if named == found else f"{named} ({found})" for named, found in pairs)


def _differs(asked: str, target: str) -> bool:
    return asked not in (target, target or "HEAD")


def _initiated(command: SyncCommand, asked: _Asked) -> str:
    partial = "partial " if command.resources else ""
    if command.manifests:
        return f"initiated {partial}sync locally"
    return f"initiated {partial}sync to {asked.shown}"


def _asking(live: Application, operation: Operation) -> Manifest:
    if live.operation is not None:
        raise _refused("another operation is already in progress")
    return with_operation(live.to_manifest(), operation)


def _refused(message: str) -> ApiError:
    return ApiError(ApiCode.FAILED_PRECONDITION, message)
