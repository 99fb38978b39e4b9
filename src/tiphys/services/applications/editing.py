"""Changes of what users own of an application: its spec, labels, annotations and finalizers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError, ConflictError, ObjectExistsError
from tiphys.model.live import PatchKind
from tiphys.model.names import ANNOTATION_DELETION_APPROVED
from tiphys.model.resource import Manifest
from tiphys.services.access.auditing import Reason
from tiphys.services.applications.store import APPLICATIONS, MANAGER, AppStore
from tiphys.services.applications.validation import project_of
from tiphys.services.applications.values import LOCAL, Actor, AppName
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
        self, application: Application, *, upsert: bool, validate: bool, by: Actor = LOCAL
    ) -> Application:
        """Answers the stored application, which may have been there before."""
        namespace = application.namespace or self._store.home
        manifest = for_creation(application, namespace)
        with _named("error while validating and normalizing app: "):
            await self._check(Application(manifest), None, validate)
        if not await self._store.may_hold(namespace):
            raise ApiError(ApiCode.UNKNOWN, f"namespace '{namespace}' is not permitted")
        try:
            created = await self._store.create(manifest)
        except ObjectExistsError:
            return await self._onto(manifest, upsert=upsert, by=by)
        by.tell(Reason.CREATED, created, "created application")
        return created

    async def _onto(self, manifest: Manifest, *, upsert: bool, by: Actor) -> Application:
        """The application is there already."""
        wanted = Application(manifest)
        name = AppName(wanted.namespace, wanted.name)
        stored = await self._store.read(name)
        _permit_move(wanted, stored, by)
        if same(manifest, stored.to_manifest()):
            return stored
        if not upsert:
            raise ApiError(
                ApiCode.INVALID_ARGUMENT,
                "existing application spec is different, use upsert flag to force update",
            )
        by.permit("update", wanted)

        def onto(live: Application) -> Manifest:
            _permit_move(wanted, live, by)
            return upserted(manifest, live.to_manifest())

        updated = await self._store.update(name, onto)
        by.tell(Reason.UPDATED, updated, "updated application spec")
        return updated

    async def update(
        self, application: Application, *, validate: bool, by: Actor = LOCAL
    ) -> Application:
        """Replaces all that users own."""
        name = AppName(application.namespace, application.name)
        wanted = application.to_manifest()
        return await self._update(
            name, lambda stored: _owned(wanted, stored), validate=validate, by=by
        )

    async def update_spec(
        self, name: AppName, spec: Mapping[str, Any], *, validate: bool, by: Actor = LOCAL
    ) -> Application:
        def changed(stored: Manifest) -> Manifest:
            return {**stored, "spec": normal_spec(spec)}

        return await self._update(name, changed, validate=validate, by=by)

    async def patch(
        self, name: AppName, kind: str, patch: Any, *, by: Actor = LOCAL
    ) -> Application:
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
        return await self._update(name, lambda stored: _owned(tried, stored), validate=True, by=by)

    async def approve_deletion(self, name: AppName, now: datetime) -> None:
        stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        await self._store.read(name)
        await self._store.merge(name, {"annotations": {ANNOTATION_DELETION_APPROVED: stamp}})

    async def _update(
        self, name: AppName, change: Callable[[Manifest], Manifest], *, validate: bool, by: Actor
    ) -> Application:
        for _ in range(_TRIES):
            before = await self._store.read(name)
            wanted = Application(change(before.to_manifest()))
            # Each time anew: whoever wrote in between may have moved it to another project.
            by.permit("update", before)
            _permit_move(wanted, before, by)
            with _named("error validating and normalizing app: "):
                await self._check(wanted, before, validate)
            try:
                updated = await self._store.replace(wanted.to_manifest())
            except ConflictError:
                continue
            by.tell(Reason.UPDATED, updated, "updated application spec")
            return updated
        raise ApiError(ApiCode.INTERNAL, "Failed to update application. Too many conflicts")


def _permit_move(wanted: Application, before: Application, by: Actor) -> None:
    """To another project: as creating it there, and changing it where it was."""
    if project_of(wanted.raw) != project_of(before.raw):
        by.permit("create", wanted)
        by.permit("update", before)


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Errors without a code of their own say what was being done."""
    try:
        yield
    except ApiError as error:
        if error.code is not ApiCode.UNKNOWN:
            raise
        raise ApiError(error.code, f"{what}{error}") from None


def _owned(wanted: Manifest, stored: Manifest) -> Manifest:
    """The stored object with what users own of the wanted one."""
    metadata = {key: value for key, value in stored["metadata"].items() if key not in _OWNED}
    given: Mapping[str, Any] = wanted.get("metadata") or {}
    owned: Sequence[str] = [key for key in _OWNED if given.get(key)]
    metadata |= {key: given[key] for key in owned}
    return {**stored, "metadata": metadata, "spec": normal_spec(wanted.get("spec") or {})}
