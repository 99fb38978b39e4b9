"""Changes of what users own of an application: its spec, labels, annotations and finalizers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError, ConflictError, ObjectExistsError
from tiphys.model.live import PatchKind
from tiphys.model.names import ANNOTATION_DELETION_APPROVED
from tiphys.model.resource import Manifest
from tiphys.services.applications.store import APPLICATIONS, MANAGER, AppStore
from tiphys.services.applications.values import AppName
from tiphys.services.applications.writing import for_creation, normal_spec, same, upserted
from tiphys.services.live.ports import KubeWriter

Check = Callable[[Application, Application | None, bool], Awaitable[None]]
"""Whether an application may be stored in place of another, None for a new one; the last says
whether the repository is asked as well. Raises ApiError.
"""

_TRIES = 10
_OWNED = ("labels", "annotations", "finalizers")


class Editing:
    def __init__(self, store: AppStore, writer: KubeWriter, check: Check) -> None:
        self._store = store
        self._writer = writer
        self._check = check

    async def create(
        self, application: Application, *, upsert: bool, validate: bool
    ) -> Application:
        """Answers the stored application, which may have been there before."""
        namespace = application.namespace
        if not await self._store.may_hold(namespace):
            raise ApiError(ApiCode.UNKNOWN, f"namespace '{namespace}' is not permitted")
        name = await self._store.place(AppName(namespace, application.name))
        manifest = for_creation(application, name.namespace)
        await self._check(Application(manifest), None, validate)
        try:
            return await self._store.create(manifest)
        except ObjectExistsError:
            pass
        stored = await self._store.read(name)
        if same(manifest, stored.to_manifest()):
            return stored
        if not upsert:
            raise ApiError(
                ApiCode.INVALID_ARGUMENT,
                "existing application spec is different, use upsert flag to force update",
            )
        return await self._store.update(name, lambda live: upserted(manifest, live.to_manifest()))

    async def update_spec(
        self, name: AppName, spec: Mapping[str, Any], *, validate: bool
    ) -> Application:
        def changed(stored: Manifest) -> Manifest:
            return {**stored, "spec": normal_spec(spec)}

        return await self._update(name, changed, validate=validate)

    async def patch(self, name: AppName, kind: str, patch: Any) -> Application:
        """`kind` is `json` or `merge`; of the result only what users own is stored."""
        kinds = {"": PatchKind.JSON, "json": PatchKind.JSON, "merge": PatchKind.MERGE}
        if kind not in kinds:
            raise ApiError(ApiCode.INVALID_ARGUMENT, f"Patch type '{kind}' is not supported")
        place = await self._store.place(name)
        # The server tells what would come of it; only then it is looked at what may be stored.
        tried = await self._writer.patch(
            APPLICATIONS,
            place.namespace,
            place.name,
            kinds[kind],
            patch,
            manager=MANAGER,
            dry_run=True,
        )
        return await self._update(name, lambda stored: _owned(tried, stored), validate=True)

    async def approve_deletion(self, name: AppName, now: datetime) -> None:
        stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        await self._store.read(name)
        await self._store.merge(name, {"annotations": {ANNOTATION_DELETION_APPROVED: stamp}})

    async def _update(
        self, name: AppName, change: Callable[[Manifest], Manifest], *, validate: bool
    ) -> Application:
        for _ in range(_TRIES):
            before = await self._store.read(name)
            wanted = Application(change(before.to_manifest()))
            await self._check(wanted, before, validate)
            try:
                return await self._store.replace(wanted.to_manifest())
            except ConflictError:
                continue
        raise ApiError(ApiCode.INTERNAL, "Failed to update application. Too many conflicts")


def _owned(wanted: Manifest, stored: Manifest) -> Manifest:
    """The stored object with what users own of the wanted one."""
    metadata = {key: value for key, value in stored["metadata"].items() if key not in _OWNED}
    given: Mapping[str, Any] = wanted.get("metadata") or {}
    owned: Sequence[str] = [key for key in _OWNED if given.get(key)]
    metadata |= {key: given[key] for key in owned}
    return {**stored, "metadata": metadata, "spec": normal_spec(wanted.get("spec") or {})}
