"""The calls on applications as the API server does them: for a caller, who is asked what for.

What a call does stands in `service`; here stand who may, who is told, and when the server itself
knows of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tiphys.core.app.treehealth import wants_health, with_tree_health
from tiphys.model.access import Caller
from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError, RenderError, RepositoryError
from tiphys.model.names import ANNOTATION_REFRESH
from tiphys.model.resource import Manifest
from tiphys.services.access.auditing import Audit, Reason
from tiphys.services.applications.access import AppAccess
from tiphys.services.applications.catalogue import (
    ApplicationCatalogue,
    CatalogueEvent,
    version_number,
)
from tiphys.services.applications.planning import Planned
from tiphys.services.applications.service import Applications
from tiphys.services.applications.store import permission_denied
from tiphys.services.applications.values import Actor, AppName, SyncCommand, Windows
from tiphys.services.live.view import LiveView

_KNOWN_WITHIN = 2.0
_LOOK_AGAIN = 0.02


class ApplicationCalls:
    """`rollback_action` is what a caller of Rollback has to be allowed. All raise ApiError and
    KubeError.
    """

    def __init__(
        self,
        applications: Applications,
        access: AppAccess,
        catalogue: ApplicationCatalogue,
        audit: Audit,
        live: LiveView,
        *,
        rollback_action: Callable[[], str] = lambda: "sync",
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._applications = applications
        self._access = access
        self._catalogue = catalogue
        self._audit = audit
        self._live = live
        self._rollback_action = rollback_action
        self._sleep = sleep

    async def get(
        self, caller: Caller, name: AppName, project: str, *, version: str = ""
    ) -> Manifest:
        """As the watch has it, or at `version` where one is asked for, as the cluster has it."""
        look = self._access.live if version else self._access.current
        found = await look(caller, "get", *name, project)
        return await self.judged(found.raw)

    async def refresh(self, caller: Caller, name: AppName, project: str, *, hard: bool) -> Manifest:
        """Waits for the comparison, however long that takes."""
        found = await self._access.live(caller, "get", *name, project)
        where = AppName(found.namespace, found.name)
        news: asyncio.Queue[CatalogueEvent] = asyncio.Queue()

        def hear(event: CatalogueEvent) -> None:
            metadata = event.manifest["metadata"]
            if (metadata.get("namespace"), metadata["name"]) == where:
                news.put_nowait(event)

        unfollow = self._catalogue.follow(hear)
        try:
            asked = await self._applications.ask_refresh(where, hard=hard, hydrate=True)
            manifest = await self._refreshed(news, version_number(asked.raw))
            if not self._access.allows(caller, "get", manifest):
                # It went to another project meanwhile.
                raise permission_denied()
            return await self.judged(manifest)
        finally:
            unfollow()

    async def _refreshed(self, news: asyncio.Queue[CatalogueEvent], asked: int) -> Manifest:
        while True:
            event = await news.get()
            if event.gone:
                raise permission_denied()
            annotations = event.manifest["metadata"].get("annotations") or {}
            if version_number(event.manifest) > asked and ANNOTATION_REFRESH not in annotations:
                return event.manifest

    async def judged(self, manifest: Manifest) -> Manifest:
        """With the health of its objects; without where nobody knows it."""
        if not wants_health(manifest):
            return manifest
        metadata = manifest["metadata"]
        try:
            tree = await self._live.tree(metadata["namespace"], metadata["name"])
        except ApiError:
            return manifest
        return manifest if tree is None else with_tree_health(manifest, tree)

    async def create(
        self, caller: Caller, application: Application, *, upsert: bool, validate: bool
    ) -> Application:
        by = self._actor(caller)
        by.permit("create", application)
        self._access.project(application)
        stored = await self._applications.create(
            application, upsert=upsert, validate=validate, by=by
        )
        return await self._known(stored)

    async def update(
        self, caller: Caller, application: Application, project: str, *, validate: bool
    ) -> Application:
        by = self._actor(caller)
        by.permit("update", application)
        place = (application.namespace, application.name)
        await self._access.live(caller, "update", *place, project)
        stored = await self._applications.update(application, validate=validate, by=by)
        return await self._known(stored)

    async def update_spec(
        self,
        caller: Caller,
        name: AppName,
        project: str,
        spec: Mapping[str, Any],
        *,
        validate: bool,
    ) -> Application:
        await self._access.live(caller, "update", *name, project)
        by = self._actor(caller)
        return await self._known(
            await self._applications.update_spec(name, spec, validate=validate, by=by)
        )

    async def patch(
        self, caller: Caller, name: AppName, project: str, kind: str, patch: Any
    ) -> Application:
        by = self._actor(caller)
        found = await self._access.live(caller, "get", *name, project)
        by.permit("update", found)
        return await self._known(await self._applications.patch(name, kind, patch, by=by))

    async def delete(
        self, caller: Caller, name: AppName, project: str, *, cascade: bool, propagation: str | None
    ) -> None:
        by = self._actor(caller)
        found = await self._access.live(caller, "get", *name, project)
        by.permit("delete", found)
        await self._applications.delete(name, cascade=cascade, propagation=propagation, by=by)

    async def sync(
        self,
        caller: Caller,
        name: AppName,
        project: str,
        command: Callable[[Application], SyncCommand],
    ) -> Application:
        """`command` says what is asked for, of the application as it is."""
        found = await self._access.live(caller, "get", *name, project)
        by = self._actor(caller)
        return await self._known(await self._applications.sync(name, command(found), by))

    async def plan(
        self,
        caller: Caller,
        name: AppName,
        project: str,
        command: Callable[[Application], SyncCommand],
    ) -> Planned:
        """What a sync would do; whoever may see the application may ask."""
        found = await self._access.live(caller, "get", *name, project)
        try:
            return await self._applications.plan(found, command(found))
        except (RepositoryError, RenderError) as error:
            raise ApiError(ApiCode.FAILED_PRECONDITION, str(error)) from None

    async def rollback(
        self,
        caller: Caller,
        name: AppName,
        project: str,
        entry: int,
        *,
        prune: bool,
        dry_run: bool,
    ) -> Application:
        await self._access.live(caller, self._rollback_action(), *name, project)
        by = self._actor(caller)
        return await self._known(
            await self._applications.rollback(name, entry, prune=prune, dry_run=dry_run, by=by)
        )

    async def terminate(self, caller: Caller, name: AppName, project: str) -> None:
        await self._access.live(caller, "sync", *name, project)
        await self._applications.terminate(name, self._actor(caller))

    async def windows(self, caller: Caller, name: AppName, project: str) -> Windows:
        found = await self._access.live(caller, "get", *name, project)
        return await self._applications.windows(found)

    def _actor(self, caller: Caller) -> Actor:
        def permit(action: str, application: Application) -> None:
            self._access.require(caller, action, application)

        def tell(reason: Reason, application: Application, text: str) -> None:
            self._audit.tell(caller, application.raw, reason, text)

        return Actor(username=caller.username, permit=permit, tell=tell)

    async def _known(self, stored: Application) -> Application:
        """Whoever wrote and then reads from us finds what they wrote, in most cases."""
        wanted = version_number(stored.raw)
        for _ in range(int(_KNOWN_WITHIN / _LOOK_AGAIN)):
            found = self._catalogue.get(stored.namespace, stored.name)
            if found is not None and version_number(found) >= wanted:
                break
            await self._sleep(_LOOK_AGAIN)
        return stored
