"""The Applications of the control plane's namespace: read by one watch, written by patches.

One writer per field. Users and the API own spec, metadata and `operation`; Tiphys owns status,
and otherwise only removes. The Application has no status subresource, so a careless writer can
wipe the status: what Tiphys wrote last is remembered and written again when it is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from tiphys.core.app.spec import DEFAULT_PROJECT
from tiphys.core.app.status import merge_patch
from tiphys.model.application import Application
from tiphys.model.errors import ConflictError, ObjectNotFoundError
from tiphys.model.live import PatchKind, WatchEvent, WatchVerb
from tiphys.model.names import MANAGER_APPLICATION_CONTROLLER
from tiphys.model.resource import ApiResource, Manifest
from tiphys.model.status import OperationPhase
from tiphys.services.live.ports import KubeWriter

log = structlog.get_logger()

Status = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AppChange:
    """An Application appeared (old None), changed, or is gone (new None)."""

    name: str
    old: Application | None
    new: Application | None


class ApplicationStore:
    """`listener` is called on the event loop for what others changed, never for our own writes."""

    def __init__(self, writer: KubeWriter, resource: ApiResource, namespace: str) -> None:
        self._writer = writer
        self._resource = resource
        self.namespace = namespace
        self._apps: dict[str, Application] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._held: dict[str, WatchEvent] = {}
        self.listener: Callable[[AppChange], None] = lambda _change: None

    def get(self, name: str) -> Application | None:
        return self._apps.get(name)

    def names(self) -> Iterable[str]:
        return tuple(self._apps)

    def of_project(self, project: str) -> list[str]:
        """The applications that name a project; an empty name means `default`."""
        return [
            name
            for name, app in self._apps.items()
            if ((app.raw.get("spec") or {}).get("project") or DEFAULT_PROJECT) == project
        ]

    def commits_in_use(self) -> Mapping[str, set[str]]:
        """Per repository the commits that statuses name: compared, and synced last."""
        used: dict[str, set[str]] = {}
        for app in self._apps.values():
            url = ((app.raw.get("spec") or {}).get("source") or {}).get("repoURL")
            status = app.raw.get("status") or {}
            result = (status.get("operationState") or {}).get("syncResult") or {}
            named = {(status.get("sync") or {}).get("revision"), result.get("revision")}
            if url:
                used.setdefault(url, set()).update(one for one in named if one)
        return used

    # -- reading ------------------------------------------------------------------------------

    def replace_all(self, manifests: Iterable[Manifest]) -> None:
        """Takes in a whole list; what it lacks is gone."""
        seen = set()
        for manifest in manifests:
            seen.add(manifest["metadata"]["name"])
            self.apply(WatchEvent(WatchVerb.MODIFIED, manifest))
        for name in [known for known in self._apps if known not in seen]:
            self._remove(name)

    def apply(self, event: WatchEvent) -> None:
        """Takes in one event. Our own writes come back here and change nothing."""
        meta = event.manifest.get("metadata") or {}
        name = meta.get("name", "")
        if event.verb is WatchVerb.BOOKMARK or not name:
            return
        if event.verb is WatchVerb.DELETED:
            self._held.pop(name, None)
            self._remove(name)
            return
        lock = self._locks.get(name)
        if lock is not None and lock.locked():
            # A write is on its way: its answer tells whether this event is older or newer.
            self._held[name] = event
            return
        self._take(event.manifest)

    def _take(self, manifest: Manifest) -> None:
        new = Application.from_manifest(manifest)
        old = self._apps.get(new.name)
        if old is not None and old.uid == new.uid and not _newer(new, old):
            return
        self._apps[new.name] = new
        if old is None or old.uid != new.uid or _of_others(old.raw) != _of_others(new.raw):
            self.listener(AppChange(new.name, old, new))
        if old is not None and old.uid == new.uid:
            self._guard_status(old, new)

    def _guard_status(self, old: Application, new: Application) -> None:
        """Puts back what another hand changed in the status or wiped from it."""
        rightful = _rightful_status(old, new)
        patch = merge_patch(new.raw.get("status") or {}, rightful)
        if not patch:
            return
        log.warning("status was changed by another writer", application=new.name)
        task = asyncio.ensure_future(self.patch_status(new, patch))
        task.add_done_callback(_log_failure)

    def _remove(self, name: str) -> None:
        old = self._apps.pop(name, None)
        self._locks.pop(name, None)
        if old is not None:
            self.listener(AppChange(name, old, None))

    # -- writing ------------------------------------------------------------------------------

    async def patch_status(self, app: Application, status: Status) -> Application | None:
        """Merges into the status; None when the Application is gone or is another one."""
        return await self.merge(app, {"status": status})

    async def merge(
        self, app: Application, body: Mapping[str, Any], *, unchanged: bool = False
    ) -> Application | None:
        """JSON merge patch of this very Application (by uid).

        With `unchanged` the write is refused when anyone has written meanwhile: ConflictError.
        """
        meta: dict[str, Any] = {"uid": app.uid}
        if unchanged:
            meta["resourceVersion"] = app.metadata.resource_version
        return await self._write(app, PatchKind.MERGE, {"metadata": meta} | dict(body), unchanged)

    async def json_patch(
        self, app: Application, operations: list[dict[str, Any]]
    ) -> Application | None:
        """JSON patch of this very Application; InvalidObjectError when a `test` fails."""
        test = {"op": "test", "path": "/metadata/uid", "value": app.uid}
        return await self._write(app, PatchKind.JSON, [test, *operations], True)

    async def _write(
        self, app: Application, kind: PatchKind, body: Any, raise_conflict: bool
    ) -> Application | None:
        async with self._locks.setdefault(app.name, asyncio.Lock()):
            try:
                answer = await self._writer.patch(
                    self._resource,
                    self.namespace,
                    app.name,
                    kind,
                    body,
                    manager=MANAGER_APPLICATION_CONTROLLER,
                )
            except ObjectNotFoundError:
                return None
            except ConflictError:
                if raise_conflict:
                    raise
                return None
            written = Application.from_manifest(answer)
            known = self._apps.get(app.name)
            if known is None or known.uid != written.uid or _newer(written, known):
                self._own(known, written)
        held = self._held.pop(app.name, None)
        if held is not None:
            self._take(held.manifest)
        return self._apps.get(app.name)

    def _own(self, known: Application | None, written: Application) -> None:
        """Keeps an answer; what others changed before our write is still told."""
        if written.metadata.deletion_timestamp and not written.metadata.finalizers:
            return
        self._apps[written.name] = written
        if known is not None and _of_others(known.raw) != _of_others(written.raw):
            self.listener(AppChange(written.name, known, written))


def _newer(new: Application, old: Application) -> bool:
    """By resourceVersion, which is a number within one kind's storage."""
    try:
        return int(new.metadata.resource_version) > int(old.metadata.resource_version)
    except ValueError:
        return new.metadata.resource_version != old.metadata.resource_version


def _of_others(manifest: Manifest) -> tuple[Any, ...]:
    """What users and the API own, and a request to terminate, which stands in the status."""
    meta = manifest.get("metadata") or {}
    state = (manifest.get("status") or {}).get("operationState") or {}
    return (
        meta.get("labels"),
        meta.get("annotations"),
        meta.get("finalizers"),
        meta.get("deletionTimestamp"),
        manifest.get("spec"),
        manifest.get("operation"),
        state.get("phase") == OperationPhase.TERMINATING,
    )


def _rightful_status(old: Application, new: Application) -> Status:
    """What the status should say after another's write.

    Others may change two things of it: a new operation drops the state of the last one, and a
    running operation may be told to terminate.
    """
    status = dict(old.raw.get("status") or {})
    state = (new.raw.get("status") or {}).get("operationState")
    if state is None:
        if new.raw.get("operation") is not None:
            status.pop("operationState", None)
    elif state.get("phase") == OperationPhase.TERMINATING:
        known = status.get("operationState")
        if known is not None and known.get("startedAt") == state.get("startedAt"):
            status["operationState"] = state
    return status


def _log_failure(task: asyncio.Future[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.warning("status could not be put back", error=str(task.exception()))
