"""The Applications: read by one watch, written by patches, known by their instance names.

One writer per field. Users and the API own spec, metadata and `operation`; Tiphys owns status,
and otherwise only removes. The Application has no status subresource, so a careless writer can
wipe the status: what is kept here is the status as Tiphys wrote it, and that is put back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog

from tiphys.core.app.limits import fitting
from tiphys.core.app.ownership import after_write, of_others, parts_written, rightful_status
from tiphys.core.app.spec import DEFAULT_PROJECT
from tiphys.core.app.status import merge_patch, revisions_named
from tiphys.core.manifest.tracking import instance_name
from tiphys.model.application import Application
from tiphys.model.errors import (
    ConflictError,
    ForbiddenError,
    InvalidObjectError,
    ObjectNotFoundError,
    TiphysError,
)
from tiphys.model.live import PatchKind, WatchEvent, WatchVerb
from tiphys.model.names import MANAGER_APPLICATION_CONTROLLER
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.live.ports import KubeWriter
from tiphys.services.reconcile.logs import app_fields

log = structlog.get_logger()

Status = Mapping[str, Any]

_REFUSALS = (ConflictError, ForbiddenError, InvalidObjectError, ObjectNotFoundError)
"""Answers that say for certain that nothing was written."""
_TRIES = 5
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_QUIET = 120.0


@dataclass(frozen=True, slots=True)
class AppChange:
    """An Application appeared (old None), changed, or is gone (new None), by its key."""

    name: str
    old: Application | None
    new: Application | None


@dataclass
class _Entry:
    """One Application by uid. `app` has the status that it should have, `stored` the one that
    the API server holds. `held`: the newest event that came while a write was on its way.
    `unsure`: statuses that writes without an answer may have left. `restored` counts how
    often it was put back in a row, until `calm_at`.
    """

    app: Application
    stored: Status
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    held: Manifest | None = None
    unsure: tuple[Status, ...] = ()
    newer: asyncio.Event = field(default_factory=asyncio.Event)
    restoring: asyncio.Task[None] | None = None
    restored: int = 0
    calm_at: float = 0.0


class ApplicationStore:
    """`listener` is called on the event loop for what others changed, and for what our own
    writes changed of what others own; never for our own writes of the status.

    Without `restores` the status is another controller's: it is taken as it comes, and told.
    """

    def __init__(
        self,
        writer: KubeWriter,
        resource: ApiResource,
        namespace: str,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        restores: bool = True,
    ) -> None:
        self._restores = restores
        self._now = now
        self._writer = writer
        self._resource = resource
        self._sleep = sleep
        self.namespace = namespace
        self._entries: dict[str, _Entry] = {}
        self.listener: Callable[[AppChange], None] = lambda _change: None

    def key(self, app: Application) -> str:
        """Its instance name: what it is known by here, and what its objects are tracked by."""
        return instance_name(app.namespace, app.name, self.namespace)

    def _key_of(self, meta: Mapping[str, Any]) -> str:
        return instance_name(meta.get("namespace") or "", meta["name"], self.namespace)

    def get(self, name: str) -> Application | None:
        entry = self._entries.get(name)
        return None if entry is None else entry.app

    def same(self, app: Application) -> Application | None:
        """As it is now; None when it is gone, even where another has its name."""
        known = self.get(self.key(app))
        return known if known is not None and known.uid == app.uid else None

    def names(self) -> Iterable[str]:
        return tuple(self._entries)

    def of_project(self, project: str) -> list[str]:
        """The applications that name a project; an empty name means `default`."""
        return [
            name
            for name, entry in self._entries.items()
            if ((entry.app.raw.get("spec") or {}).get("project") or DEFAULT_PROJECT) == project
        ]

    def commits_in_use(self) -> Mapping[str, set[str]]:
        """Per repository the commits that statuses name: compared, and synced last."""
        used: dict[str, set[str]] = {}
        for entry in self._entries.values():
            for url, revision in revisions_named(entry.app.raw.get("status") or {}):
                used.setdefault(url, set()).add(revision)
        return used

    # -- reading ------------------------------------------------------------------------------

    def replace_all(self, manifests: Iterable[Manifest]) -> None:
        """Takes in a whole list; what it lacks is gone."""
        seen = set()
        for manifest in manifests:
            seen.add(self._key_of(manifest["metadata"]))
            self.apply(WatchEvent(WatchVerb.MODIFIED, manifest))
        for name in [known for known in self._entries if known not in seen]:
            self._remove(name)

    def apply(self, event: WatchEvent) -> None:
        """Takes in one event. Our own writes come back here and change nothing."""
        meta = event.manifest.get("metadata") or {}
        if event.verb is WatchVerb.BOOKMARK or not meta.get("name"):
            return
        name = self._key_of(meta)
        entry = self._entries.get(name)
        if event.verb is WatchVerb.DELETED:
            if entry is not None and entry.app.uid == meta.get("uid", entry.app.uid):
                self._remove(name)
            return
        if entry is not None and entry.app.uid == meta.get("uid") and entry.lock.locked():
            # A write is on its way: its answer tells whether this event is older or newer.
            entry.held = event.manifest
            return
        self._take(event.manifest)

    def _take(self, manifest: Manifest) -> None:
        new = Application.from_manifest(manifest)
        key = self.key(new)
        entry = self._entries.get(key)
        if entry is None or entry.app.uid != new.uid:
            old = entry.app if entry else None
            if entry is not None and entry.restoring is not None:
                entry.restoring.cancel()
            self._entries[key] = _Entry(new, new.raw.get("status") or {})
            self.listener(AppChange(key, old, new))
            return
        if not _newer(new, entry.app):
            return
        stored = new.raw.get("status") or {}
        # A write that was never answered may have been done all the same.
        done = not self._restores or stored in entry.unsure
        entry.unsure = ()
        rightful = stored if done else rightful_status(entry.app.raw, new.raw)
        self._know(entry, new, stored, rightful)

    def _know(self, entry: _Entry, new: Application, stored: Status, rightful: Status) -> None:
        """Takes in a newer version whose status should be `rightful`, and puts that back."""
        old = entry.app
        if stored == rightful:
            # One of two equal ones is enough to remember.
            entry.app = new
        else:
            entry.app = Application.from_manifest({**new.raw, "status": rightful})
        entry.stored = stored
        entry.newer.set()
        entry.newer = asyncio.Event()
        if not self._restores or of_others(old.raw) != of_others(entry.app.raw):
            self.listener(AppChange(self.key(new), old, entry.app))
        if _astray(entry) and entry.restoring is None:
            log.warning("status was changed by another writer", **app_fields(new))
            entry.restoring = asyncio.create_task(self._restore(entry))

    async def _restore(self, entry: _Entry) -> None:
        """At once the first time; ever more slowly where another writer insists."""
        clock = asyncio.get_running_loop().time
        try:
            while self.same(entry.app) is not None and _astray(entry):
                if clock() > entry.calm_at:
                    entry.restored = 0
                if entry.restored:
                    pause = _FIRST_PAUSE * 2.0 ** min(entry.restored - 1, 10)
                    await self._sleep(min(pause, _LONGEST_PAUSE))
                entry.restored += 1
                entry.calm_at = clock() + _QUIET
                try:
                    await self.patch_status(entry.app, {})
                except TiphysError as error:
                    log.warning(
                        "status could not be put back", **app_fields(entry.app), error=str(error)
                    )
        finally:
            entry.restoring = None

    def _remove(self, name: str) -> None:
        entry = self._entries.pop(name, None)
        if entry is None:
            return
        if entry.restoring is not None:
            entry.restoring.cancel()
        entry.newer.set()
        self.listener(AppChange(name, entry.app, None))

    async def close(self) -> None:
        tasks = [entry.restoring for entry in self._entries.values() if entry.restoring]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def newer(self, app: Application, *, within: float) -> None:
        """Until a newer version of this Application is known, or it is gone; `within` seconds."""
        entry = self._entries.get(self.key(app))
        if entry is None or entry.app.uid != app.uid or _newer(entry.app, app):
            return
        try:
            async with asyncio.timeout(within):
                await entry.newer.wait()
        except TimeoutError:
            return

    # -- writing ------------------------------------------------------------------------------

    async def patch_status(self, app: Application, status: Status) -> Application | None:
        """Merges into the status; None when the Application is gone or is another one."""
        for attempt in range(_TRIES):
            try:
                return await self.merge(app, {"status": status})
            except ConflictError:
                # Without a precondition: the API server tried itself and others were faster.
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError("the last try returns or raises")

    async def merge(
        self, app: Application, body: Mapping[str, Any], *, unchanged: bool = False
    ) -> Application | None:
        """JSON merge patch of this very Application (by uid).

        With `unchanged` the write is refused when anyone has written meanwhile: ConflictError.
        """
        meta: dict[str, Any] = {"uid": app.uid}
        if unchanged:
            meta["resourceVersion"] = app.metadata.resource_version
        return await self._write(app, PatchKind.MERGE, {"metadata": meta} | dict(body))

    async def json_patch(
        self, app: Application, operations: list[dict[str, Any]]
    ) -> Application | None:
        """JSON patch of this very Application; InvalidObjectError when a `test` fails."""
        test = {"op": "test", "path": "/metadata/uid", "value": app.uid}
        return await self._write(app, PatchKind.JSON, [test, *operations])

    async def _write(self, app: Application, kind: PatchKind, body: Any) -> Application | None:
        entry = self._entries.get(self.key(app))
        if entry is None or entry.app.uid != app.uid:
            return None
        async with entry.lock:
            rightful = entry.app.raw.get("status") or {}
            wanted = after_write(kind, body, rightful, app.raw.get("status") or {})
            if parts_written(kind, body):
                short = fitting(wanted, entry.stored, self._now())
                if short is not wanted and kind is PatchKind.JSON:
                    body = _refitted(body, entry.stored, short)
                wanted = short
            if kind is PatchKind.MERGE and "status" in body:
                # What another writer left is mended by whatever is written.
                body = {**body, "status": merge_patch(entry.stored, wanted)}
                if not body["status"] and body.keys() <= {"metadata", "status"}:
                    return entry.app
            try:
                answer = await self._send(app, kind, body)
            except _REFUSALS as error:
                self._take_held(entry)
                if isinstance(error, ObjectNotFoundError) or _is_another(error):
                    return None
                raise
            except BaseException:
                entry.unsure = (*entry.unsure, wanted)[-_TRIES:]
                self._take_held(entry)
                raise
            self._own(entry, Application.from_manifest(answer), parts_written(kind, body))
            self._take_held(entry)
        return self.same(app)

    async def _send(self, app: Application, kind: PatchKind, body: Any) -> Manifest:
        return await self._writer.patch(
            self._resource,
            app.namespace,
            app.name,
            kind,
            body,
            manager=MANAGER_APPLICATION_CONTROLLER,
        )

    def _own(self, entry: _Entry, written: Application, parts: Collection[str]) -> None:
        """Keeps an answer; what others changed before our write is still told and mended.

        `parts` are those of the status that we wrote: they are as the API server took them.
        """
        going = written.metadata.deletion_timestamp and not written.metadata.finalizers
        if going or self.same(entry.app) is None or not _newer(written, entry.app):
            return
        entry.unsure = ()
        stored = written.raw.get("status") or {}
        before = entry.app.raw.get("status") or {}
        ours = {key: value for key, value in before.items() if key not in parts}
        ours |= {key: value for key, value in stored.items() if key in parts}
        rightful = rightful_status({**entry.app.raw, "status": ours}, written.raw)
        self._know(entry, written, stored, rightful)

    def _take_held(self, entry: _Entry) -> None:
        held, entry.held = entry.held, None
        if held is not None and self.same(entry.app) is not None:
            self._take(held)


def _refitted(
    operations: Sequence[Mapping[str, Any]], stored: Status, short: Status
) -> list[Mapping[str, Any]]:
    """The operations that lead to a status that was shortened elsewhere, too."""
    others = [one for one in operations if not str(one["path"]).startswith("/status/")]
    added = [
        {"op": "add", "path": f"/status/{name}", "value": value}
        for name, value in short.items()
        if stored.get(name) != value
    ]
    gone = [{"op": "remove", "path": f"/status/{name}"} for name in stored if name not in short]
    return [*others, *added, *gone]


def _astray(entry: _Entry) -> bool:
    """Whether the API server holds another status than it should."""
    return bool(merge_patch(entry.stored, entry.app.raw.get("status") or {}))


def _newer(new: Application, old: Application) -> bool:
    """By resourceVersion, which is a number within one kind's storage."""
    try:
        return int(new.metadata.resource_version) > int(old.metadata.resource_version)
    except ValueError:
        return new.metadata.resource_version != old.metadata.resource_version


def _is_another(error: TiphysError) -> bool:
    """Whether an object of that name exists that is not the one which was meant."""
    return "metadata.uid" in str(error) or "UID in precondition" in str(error)
