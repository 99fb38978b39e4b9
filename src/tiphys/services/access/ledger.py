"""Keeps what has to be remembered of logins in a Secret, so that it outlives us and any cache."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from datetime import datetime

import structlog

from tiphys.core.session.ledger import Change, Ledger, Limits, after, applied
from tiphys.core.session.stored import read, write
from tiphys.model.errors import (
    ConflictError,
    KubeError,
    ObjectExistsError,
    ObjectNotFoundError,
)
from tiphys.model.names import LABEL_PART_OF
from tiphys.model.resource import Manifest
from tiphys.services.access.book import MANAGER, SECRETS, Newest
from tiphys.services.live.ports import KubeReader, KubeWriter
from tiphys.services.reconcile.named import NamedObjects

log = structlog.get_logger()

SESSIONS = "tiphys-sessions"
_KEY = "ledger"
_TRIES = 8
_UNSAVED = 10_000


class SharedLedger:
    """Changes count at once; they are written together, and by several of us side by side."""

    def __init__(
        self,
        reader: KubeReader,
        writer: KubeWriter,
        secrets: NamedObjects,
        *,
        namespace: str,
        now: Callable[[], datetime],
        limits: Limits | None = None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._object = Newest(secrets, SESSIONS)
        self._namespace = namespace
        self._now = now
        self.limits = limits or Limits()
        self._unsaved: list[Change] = []
        self._writing = asyncio.Lock()
        self._read_from: Manifest | None = None
        self._stored = Ledger()
        self._present = Ledger()

    def present(self) -> Ledger:
        found = self._object.present()
        if found is not self._read_from:
            self._read_from = found
            self._stored = _read(found)
            self._present = self._with(self._stored, self._unsaved)
        return self._present

    async def record(self, change: Change) -> None:
        """Answers when it is kept. What cannot be kept still counts here, for as long as we run."""
        self.present()
        self._unsaved = [*self._unsaved[-_UNSAVED:], change]
        self._present = applied(self._present, [change], self.limits)
        async with self._writing:
            # The one before us may have taken ours with it.
            if any(one is change for one in self._unsaved):
                await self._save()

    async def _save(self) -> None:
        taken = list(self._unsaved)
        try:
            saved = await self._write(taken)
        except KubeError as error:
            log.error("failed logins and ended sessions could not be kept", error=str(error))
            self._present = self._with(self._present, [])
            return
        kept = {id(change) for change in taken}
        self._unsaved = [change for change in self._unsaved if id(change) not in kept]
        self._object.wrote(saved)

    async def _write(self, changes: list[Change]) -> Manifest:
        for _ in range(_TRIES):
            try:
                return await self._try(changes)
            except (ConflictError, ObjectExistsError, ObjectNotFoundError):
                continue
        raise ConflictError(f"{SESSIONS} was changed meanwhile, again and again")

    async def _try(self, changes: list[Change]) -> Manifest:
        try:
            before = await self._reader.get(SECRETS, self._namespace, SESSIONS)
        except ObjectNotFoundError:
            text = write(self._with(Ledger(), changes))
            return await self._writer.create(SECRETS, self._manifest(text), manager=MANAGER)
        text = write(self._with(_read(before), changes))
        changed = {**before, "data": {**(before.get("data") or {}), _KEY: _encoded(text)}}
        return await self._writer.replace(SECRETS, changed, manager=MANAGER)

    def _manifest(self, text: str) -> Manifest:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": SESSIONS,
                "namespace": self._namespace,
                "labels": {LABEL_PART_OF: "argocd"},
            },
            "type": "Opaque",
            "data": {_KEY: _encoded(text)},
        }

    def _with(self, ledger: Ledger, changes: list[Change]) -> Ledger:
        return after(ledger, changes, self.limits, int(self._now().timestamp()))


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _read(manifest: Manifest | None) -> Ledger:
    if manifest is None:
        return Ledger()
    try:
        text = base64.b64decode((manifest.get("data") or {}).get(_KEY) or "", validate=True)
        found = read(text.decode())
    except ValueError:
        found = None
    if found is None:
        log.error("what was kept of logins cannot be read", secret=SESSIONS)
    return found or Ledger()
