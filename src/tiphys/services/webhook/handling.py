"""What is done about an event: whom it concerns is found out, and they are refreshed.

Everyone whom it may concern is refreshed, as any client expects. Where those are many, only those
are whose folder it touches: for the others it is enough that the repository is asked, for what
their renders read tells whether they have to be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from tiphys.core.app.spec import project_name, sources_of
from tiphys.core.settings import Settings
from tiphys.core.source.url import without_user
from tiphys.core.webhook.events import BitbucketPush, Event, PushEvent, RegistryEvent
from tiphys.core.webhook.matching import pushed_sources, touched_sources
from tiphys.core.webhook.providers import WebhookSecrets
from tiphys.model.application import Application
from tiphys.model.errors import ManifestDecodeError, RepositoryError, TiphysError
from tiphys.model.names import ANNOTATION_GENERATE_PATHS
from tiphys.model.repository import Repository
from tiphys.model.source import ApplicationSource
from tiphys.services.reconcile.again import skips
from tiphys.services.repositories.ports import Repositories
from tiphys.services.webhook.index import PushIndex
from tiphys.services.webhook.ports import Applications, BitbucketApi, PushedPlaces
from tiphys.services.webhook.refreshing import Refreshes

log = structlog.get_logger()


class PushHandler:
    """Called with one event at a time, several of them side by side. Never raises TiphysError."""

    def __init__(
        self,
        apps: Applications,
        index: PushIndex,
        places: PushedPlaces,
        refreshes: Refreshes,
        repositories: Repositories,
        bitbucket: BitbucketApi,
        *,
        secrets: Callable[[], WebhookSecrets],
        settings: Callable[[], Settings],
    ) -> None:
        self._apps = apps
        self._index = index
        self._places = places
        self._refreshes = refreshes
        self._repositories = repositories
        self._bitbucket = bitbucket
        self._secrets = secrets
        self._settings = settings

    async def handle(self, event: Event) -> None:
        if isinstance(event, BitbucketPush):
            event = await self._told_by_bitbucket(event)
        _say(event)
        names = self._index.at(event)
        concerned: dict[str, Sequence[int]] = {}
        apps: dict[str, Application] = {}
        urls: set[str] = set()
        for name in names:
            app = self._apps.get(name)
            if app is None or skips(app):
                continue
            sources = _sources(app)
            urls |= {sources[at].repo_url for at in pushed_sources(event, sources)}
            if touched := touched_sources(event, sources, _annotation(app)):
                apps[name], concerned[name] = app, touched
        await self._places.ask(urls)
        if len(apps) > self._settings().webhook_jitter_threshold:
            # Who says where it looks has been judged by that.
            sure = {name for name, app in apps.items() if _annotation(app)}
            others = {name: app for name, app in apps.items() if name not in sure}
            chosen = sure | await self._places.touched(others, concerned)
            apps = {name: app for name, app in apps.items() if name in chosen}
        await self._refreshes.ask(list(apps.values()))

    async def _told_by_bitbucket(self, event: BitbucketPush) -> PushEvent:
        """With what its API knows, where a configured UUID proves that the push is Bitbucket's."""
        push = event.push
        if not self._secrets().bitbucket_uuid or not (push.before and push.after):
            return push
        repository = self._opened(push)
        if repository is None:
            return push
        try:
            told = await self._bitbucket.pushed(repository, event.full_name, push)
        except TiphysError as error:
            log.warning("Bitbucket does not say what changed", error=str(error))
            return push
        default = told.default_branch
        return replace(push, files=told.files, default=not default or default == push.revision)

    def _opened(self, push: PushEvent) -> Repository | None:
        """The repository as the first of its applications opens it that can."""
        for name in self._index.at(push):
            app = self._apps.get(name)
            sources = _sources(app) if app is not None else ()
            for at in pushed_sources(push, sources):
                try:
                    return self._repositories.find(sources[at].repo_url, _project(app))
                except RepositoryError:
                    continue
        return None


def _project(app: Application | None) -> str:
    return project_name(app.spec) if app is not None else ""


def _sources(app: Application) -> Sequence[ApplicationSource]:
    try:
        return sources_of(app.spec)
    except ManifestDecodeError:
        return ()


def _annotation(app: Application) -> str:
    return app.metadata.annotations.get(ANNOTATION_GENERATE_PATHS, "")


def _say(event: PushEvent | RegistryEvent) -> None:
    if isinstance(event, RegistryEvent):
        log.info("Received registry event", repository=event.repository[:300], tag=event.tag[:200])
        return
    urls = [without_user(url)[:300] for url in event.urls[:4]]
    log.info("Received push event", repositories=urls, revision=event.revision[:200])
