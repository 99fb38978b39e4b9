"""Whether an application may be stored: its project, destination and sources.

What the controller would refuse is refused here already, before anything is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tiphys.core.app.asking import asked_by_spec
from tiphys.core.app.conditions import Condition
from tiphys.core.app.spec import DEFAULT_PROJECT, project_name, sources_of
from tiphys.core.app.validate import Place, invalid, unsupported
from tiphys.core.project import EffectiveProject
from tiphys.model.application import Application
from tiphys.model.cluster import Cluster
from tiphys.model.errors import ApiCode, ApiError, RenderError, RepositoryError
from tiphys.model.resource import Manifest
from tiphys.model.status import ConditionType
from tiphys.services.applications.ports import SourceCheck
from tiphys.services.render.around import Around, SourceError

ANNOTATION_MANAGED_BY_URL = "argocd.argoproj.io/managed-by-url"


def check_spec(
    application: Application,
    project: EffectiveProject,
    cluster: Cluster,
    namespace: str,
    before: Application | None = None,
) -> None:
    """Raises ApiError for what can be seen without asking a repository.

    `namespace` is that of Tiphys itself. What this version does not do is refused where it is
    new; an application that asked for it `before` may still be edited.
    """
    names = [source.name for source in application.spec.sources if source.name]
    for source in names:
        if names.count(source) > 1:
            raise ApiError(
                ApiCode.INVALID_ARGUMENT,
                f"application {application.name} has more than one source named {source}",
            )
    place = Place(application.name, application.namespace, namespace)
    found = invalid(application.spec, project, place, cluster)
    if before is not None:
        known = unsupported(before.spec)
        found = [condition for condition in found if condition not in known]
    if problem := _managed_by(application):
        found.append(Condition(ConditionType.INVALID_SPEC_ERROR, problem))
    if found:
        raise _refused(
            application, ";".join(f"{condition.type}: {condition.message}" for condition in found)
        )


def _managed_by(application: Application) -> str:
    """What is wrong with the address of the UI that an application says it is managed by."""
    url = application.metadata.annotations.get(ANNOTATION_MANAGED_BY_URL)
    if not url:
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"{ANNOTATION_MANAGED_BY_URL} is no URL"
    if parts.scheme in ("http", "https") and parts.netloc:
        return ""
    return f"{ANNOTATION_MANAGED_BY_URL} has to be a URL with http or https"


def project_of(manifest: Manifest) -> str:
    """The project's name, read without decoding the rest: lists ask it of thousands."""
    spec: Mapping[str, Any] = manifest.get("spec") or {}
    return str(spec.get("project") or DEFAULT_PROJECT)


def no_project(application: Application) -> ApiError:
    return ApiError(
        ApiCode.INVALID_ARGUMENT,
        f'app is not allowed in project "{project_of(application.raw)}", '
        "or the project does not exist",
    )


def no_destination(application: Application, problem: str) -> ApiError:
    return ApiError(
        ApiCode.INVALID_ARGUMENT,
        f"application destination spec for {application.name} is invalid: {problem}",
    )


async def check_sources(application: Application, sources: SourceCheck, around: Around) -> None:
    """Asks the repositories, then renders."""
    project = project_name(application.spec)
    for source in sources_of(application.spec):
        try:
            await sources.reachable(source, project)
        except RepositoryError as error:
            raise _refused(
                application, f"InvalidSpecError: repository not accessible: {error}"
            ) from None
    asking = asked_by_spec(application.spec)
    try:
        await sources.render(asking, around)
    except SourceError as error:
        path = asking.sources[error.number - 1].path
        raise _refused(
            application, f"InvalidSpecError: Unable to generate manifests in {path}: {error}"
        ) from None
    except RenderError as error:
        raise _refused(application, f"InvalidSpecError: {error}") from None


def _refused(application: Application, faults: str) -> ApiError:
    return ApiError(
        ApiCode.INVALID_ARGUMENT, f"application spec for {application.name} is invalid: {faults}"
    )
