"""What commits, charts and artefacts say of themselves, to who may see an application of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tiphys.api.calls import Answer, Call, Handlers, Message, Unary
from tiphys.api.handlers.contents import asked, refused
from tiphys.api.handlers.live import SERVICE, seen
from tiphys.api.handlers.shapes import text
from tiphys.core.app.chosen import chosen_source
from tiphys.core.app.spec import project_name
from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError, RepositoryError
from tiphys.model.repository import CommitInfo, Repository
from tiphys.model.source import ApplicationSource
from tiphys.services.applications.access import AppAccess
from tiphys.services.repositories.ports import Repositories
from tiphys.services.sources.contents import RepositoryContents

_REFERENCE = {"repourl": "repoURL"}
"""The one name of a trailer that is spelled otherwise in answers."""


class RevisionHandlers:
    def __init__(
        self,
        apps: AppAccess,
        contents: RepositoryContents,
        repositories: Callable[[], Repositories],
    ) -> None:
        self._apps = apps
        self._contents = contents
        self._repositories = repositories

    def methods(self) -> Handlers:
        return {
            f"{SERVICE}/RevisionMetadata": Unary(self._metadata),
            f"{SERVICE}/RevisionChartDetails": Unary(self._chart),
            f"{SERVICE}/GetOCIMetadata": Unary(self._artifact),
        }

    async def _metadata(self, call: Call, message: Message) -> Answer:
        application = await self._apps.live(
            call.caller,
            "get",
            text(message, "appNamespace"),
            text(message, "name"),
            text(message, "project"),
        )
        source = _chosen(application, message)
        repository = self._opened(application, source)
        return _shown(await asked(self._contents.commit(repository, text(message, "revision"))))

    async def _chart(self, call: Call, message: Message) -> Answer:
        application = await seen(self._apps, call, message, "name")
        source = _chosen(application, message)
        if not source.chart:
            what = f"no chart found for application: {application.name}"
            raise ApiError(ApiCode.UNKNOWN, what)
        repository = self._opened(application, source)
        revision = text(message, "revision")
        return await asked(self._contents.chart(repository, source.chart, revision))

    async def _artifact(self, call: Call, message: Message) -> Answer:
        application = await seen(self._apps, call, message, "name")
        repository = self._opened(application, _chosen(application, message))
        return await asked(self._contents.artifact(repository, text(message, "revision")))

    def _opened(self, application: Application, source: ApplicationSource) -> Repository:
        try:
            return self._repositories().find(source.repo_url, project_name(application.spec))
        except RepositoryError as error:
            raise refused(error) from None


def _chosen(application: Application, message: Message) -> ApplicationSource:
    version = message.get("versionId")
    return chosen_source(
        application,
        int(message.get("sourceIndex") or 0),
        None if version is None else int(version),
    )


def _shown(found: CommitInfo) -> Mapping[str, Any]:
    answer: dict[str, Any] = {
        "author": found.author,
        "date": found.date,
        "tags": list(found.tags),
        "message": found.message,
        "references": [
            {"commit": {_REFERENCE.get(name, name): value for name, value in one.items()}}
            for one in found.references
        ],
    }
    return {key: value for key, value in answer.items() if value}
