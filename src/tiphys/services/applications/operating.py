"""What is asked of the controller: to sync, to go back, and to stop doing so.

An operation is written for the controller to take up; nothing is applied from here.
"""

from __future__ import annotations

from dataclasses import replace

from tiphys.core.app.asking import Asking, asked_by_spec
from tiphys.core.app.spec import automation
from tiphys.model.application import Application, Operation
from tiphys.model.errors import ApiCode, ApiError, ConflictError, RenderError, RepositoryError
from tiphys.model.resource import Manifest
from tiphys.model.status import OperationPhase
from tiphys.services.applications.desired import Desired
from tiphys.services.applications.store import AppStore
from tiphys.services.applications.values import AppName, SyncCommand
from tiphys.services.applications.writing import operation_of, rollback_of, with_operation

_TRIES = 10


class Operating:
    def __init__(self, store: AppStore, desired: Desired) -> None:
        self._store = store
        self._desired = desired

    async def sync(
        self, name: AppName, application: Application, command: SyncCommand
    ) -> Application:
        """`application` as it was checked a moment ago."""
        if command.manifests and automation(application.spec) and not command.dry_run:
            raise _refused(
                "cannot use local sync when Automatic Sync Policy is enabled unless for dry run"
            )
        if application.metadata.deletion_timestamp:
            raise _refused("application is deleting")
        asking = await self._asking(application, command)

        def ask(live: Application) -> Manifest:
            return _asking(live, operation_of(live, command, asking))

        return await self._store.update(name, ask)

    async def rollback(self, name: AppName, entry: int, *, prune: bool) -> Application:
        """To what the history's entry of this id says."""

        def ask(live: Application) -> Manifest:
            if live.metadata.deletion_timestamp:
                raise _refused("application is deleting")
            if automation(live.spec) is not None:
                raise _refused("rollback cannot be initiated when auto-sync is enabled")
            return _asking(live, rollback_of(live, entry, prune=prune))

        return await self._store.update(name, ask)

    async def terminate(self, name: AppName) -> None:
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
            return
        raise ApiError(ApiCode.INTERNAL, "Failed to terminate app. Too many conflicts")

    async def _asking(self, application: Application, command: SyncCommand) -> Asking:
        """The sources with the revisions that are asked for, resolved."""
        asking = asked_by_spec(application.spec)
        asked = tuple(command.revisions.get(at) or one for at, one in enumerate(asking.revisions))
        if automation(application.spec) is not None and not command.dry_run:
            for revision, target in zip(asked, asking.revisions, strict=True):
                if revision not in (target, target or "HEAD"):
                    known = target or "HEAD"
                    raise _refused(f"Cannot sync to {revision}: auto-sync currently set to {known}")
        try:
            wanted = replace(asking, revisions=asked)
            return replace(wanted, revisions=await self._desired.revisions(application, wanted))
        except (RepositoryError, RenderError) as error:
            raise _refused(str(error)) from None


def _asking(live: Application, operation: Operation) -> Manifest:
    if live.operation is not None:
        raise _refused("another operation is already in progress")
    return with_operation(live.to_manifest(), operation)


def _refused(message: str) -> ApiError:
    return ApiError(ApiCode.FAILED_PRECONDITION, message)
