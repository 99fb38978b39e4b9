"""What repositories hold: refs, charts, applications. It is told to who may have it deployed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from tiphys.api.calls import Answer, Call, Handlers, Message, Unary
from tiphys.api.handlers.repository import target
from tiphys.api.handlers.shapes import denied, part, text, unescaped
from tiphys.core.app.chosen import known_sources
from tiphys.core.project import EffectiveProject, source_permitted
from tiphys.core.repositories.known import Known
from tiphys.core.repositories.record import Record, without_password
from tiphys.core.settings import Settings
from tiphys.model.access import Caller
from tiphys.model.application import Application
from tiphys.model.errors import (
    ApiCode,
    ApiError,
    ManifestDecodeError,
    RenderError,
    RepositoryError,
)
from tiphys.model.render import ToolKind
from tiphys.model.repository import Repository
from tiphys.model.resource import Manifest
from tiphys.model.source import ApplicationSource
from tiphys.model.structs import decode
from tiphys.services.access.ports import Access
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.sources.contents import RepositoryContents

_SERVICE = "repository.RepositoryService"

Images = Callable[[ApplicationSource, EffectiveProject], Awaitable[Sequence[str]]]
"""The images that a source's manifests name, once it is rendered. Raises RenderError."""


class ContentHandlers:
    """`known` are the repositories of now, `find` knows Applications by namespace and name."""

    def __init__(
        self,
        contents: RepositoryContents,
        known: Callable[[], Known],
        access: Access,
        rules: ProjectRules,
        find: Callable[[str, str], Manifest | None],
        settings: Callable[[], Settings],
        images: Images,
    ) -> None:
        self._contents = contents
        self._known = known
        self._access = access
        self._rules = rules
        self._find = find
        self._settings = settings
        self._images = images

    def methods(self) -> Handlers:
        return {
            f"{_SERVICE}/ListRefs": Unary(self._refs),
            f"{_SERVICE}/ListOCITags": Unary(self._tags),
            f"{_SERVICE}/GetHelmCharts": Unary(self._charts),
            f"{_SERVICE}/ListApps": Unary(self._apps),
            f"{_SERVICE}/GetAppDetails": Unary(self._details),
        }

    async def _refs(self, call: Call, message: Message) -> Answer:
        repository = self._opened(call.caller, message)
        branches, tags = await asked(self._contents.refs(repository))
        return _given(branches=list(branches), tags=list(tags))

    async def _tags(self, call: Call, message: Message) -> Answer:
        repository = self._opened(call.caller, message)
        return _given(tags=list(await asked(self._contents.tags(repository))))

    async def _charts(self, call: Call, message: Message) -> Answer:
        repository = self._opened(call.caller, message)
        found = await asked(self._contents.charts(repository))
        return _given(items=[{"name": name, "versions": list(found[name])} for name in found])

    async def _apps(self, call: Call, message: Message) -> Answer:
        repository = self._opened(call.caller, message)
        project = text(message, "appProject")
        wanted = f"{project}/{text(message, 'appName')}"
        # Whoever may neither make nor change such an application has no business in there.
        if not any(
            self._access.allows(call.caller, "applications", action, wanted)
            for action in ("create", "update")
        ):
            raise denied()
        self._require_permitted(project, repository.url)
        found = await asked(
            self._contents.applications(
                repository, text(message, "revision"), self._settings().tools
            )
        )
        return _given(items=[{"type": found[path], "path": path} for path in sorted(found)])

    async def _details(self, call: Call, message: Message) -> Answer:
        source = _source(message)
        project = text(message, "appProject")
        record = self._seen(call.caller, source.repo_url, project)
        self._may_look(call.caller, message, source)
        effective = self._require_permitted(project, source.repo_url)
        repository = self._open(record)
        tool, helm = await asked(self._contents.details(repository, source, self._settings().tools))
        answer: dict[str, Any] = {"type": tool.value}
        match tool:
            case ToolKind.HELM:
                answer["helm"] = helm
            case ToolKind.KUSTOMIZE:
                answer["kustomize"] = _given(images=await asked(self._images(source, effective)))
            case ToolKind.DIRECTORY:
                answer["directory"] = {}
            case ToolKind.PLUGIN:
                answer["plugin"] = {}
        return answer

    # -- who may --------------------------------------------------------------------------------

    def _may_look(self, caller: Caller, message: Message, source: ApplicationSource) -> None:
        """At the sources of an application that is there, or is about to be made."""
        project, name = text(message, "appProject"), text(message, "appName")
        self._access.require(caller, "applications", "get", f"{project}/{name}")
        namespace, _, short = name.rpartition("/")
        found = self._find(namespace or self._rules.control_plane, short)
        if found is None:
            self._access.require(caller, "applications", "create", f"{project}/{name}")
            return
        application = Application(found)
        if (application.spec.project or "default") != project:
            raise denied()
        if source not in known_sources(application):
            raise denied()

    def _require_permitted(self, project: str, url: str) -> EffectiveProject:
        effective = self._rules.effective(project) if project else None
        if effective is None:
            said = f'error getting app project "{project}": appproject.argoproj.io "{project}"'
            raise ApiError(ApiCode.NOT_FOUND, f"{said} not found")
        if not source_permitted(effective, url):
            shown = without_password(url)
            raise ApiError(
                ApiCode.PERMISSION_DENIED,
                f"repository '{shown}' not permitted in project '{project}'",
            )
        return effective

    def _opened(self, caller: Caller, message: Message) -> Repository:
        url = unescaped(text(message, "repo"))
        return self._open(self._seen(caller, url, text(message, "appProject")))

    def _seen(self, caller: Caller, url: str, project: str) -> Record:
        """What is stored; a URL that no Secret knows is a repository of all."""
        secret = self._known().secret(url, project, fallback=True)
        record = Record(url=url) if secret is None else secret.record
        self._access.require(caller, "repositories", "get", target(record))
        return record

    def _open(self, record: Record) -> Repository:
        try:
            if self._known().secret(record.url, record.project) is not None:
                return self._known().find(record.url, record.project)
            return self._known().open(record)
        except RepositoryError as error:
            raise refused(error) from None


T = TypeVar("T")


async def asked(answer: Awaitable[T]) -> T:
    """What a repository answers, or its fault as callers are told it."""
    try:
        return await answer
    except (RepositoryError, RenderError) as error:
        raise refused(error) from None


def refused(error: RepositoryError | RenderError) -> ApiError:
    said = str(error)
    code = ApiCode.NOT_FOUND if "repository not found" in said.lower() else ApiCode.UNKNOWN
    return ApiError(code, said)


def _source(message: Message) -> ApplicationSource:
    body = dict(part(message, "source"))
    if not body:
        raise ApiError(ApiCode.INVALID_ARGUMENT, "missing payload in request")
    body["repoURL"] = unescaped(text(body, "repoURL"))
    try:
        return decode(body, ApplicationSource, at="source")
    except ManifestDecodeError as error:
        raise ApiError(ApiCode.INVALID_ARGUMENT, str(error)) from None


def _given(**fields: Any) -> dict[str, Any]:
    return {key: list(value) for key, value in fields.items() if value}
