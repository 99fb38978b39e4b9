"""Whether an application may be stored: its project, destination and sources.

What the controller would refuse is refused here already, before anything is stored.
"""

from __future__ import annotations

from tiphys.core.app.spec import effective_source, project_name
from tiphys.core.app.validate import Place, invalid, unsupported
from tiphys.core.project import EffectiveProject
from tiphys.core.settings.repositories import refusals, repository_secret
from tiphys.model.application import Application
from tiphys.model.cluster import Cluster
from tiphys.model.errors import ApiCode, ApiError, ForbiddenError, RenderError, RepositoryError
from tiphys.model.names import LABEL_SECRET_TYPE
from tiphys.model.resource import ApiResource
from tiphys.services.applications.ports import SourceCheck
from tiphys.services.live.ports import Discovery, KubeReader

_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
_SECRETS = ApiResource("", "v1", "Secret", "secrets", True, _VERBS)


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
    if found:
        raise _refused(
            application, ";".join(f"{condition.type}: {condition.message}" for condition in found)
        )


def no_project(application: Application) -> ApiError:
    project = application.spec.project
    return ApiError(
        ApiCode.INVALID_ARGUMENT,
        f'app is not allowed in project "{project}", or the project does not exist',
    )


def no_destination(application: Application, problem: str) -> ApiError:
    return ApiError(
        ApiCode.INVALID_ARGUMENT,
        f"application destination spec for {application.name} is invalid: {problem}",
    )


async def check_repository(application: Application, reader: KubeReader, namespace: str) -> None:
    """Whether the Secrets of its repository ask for what this version does not do."""
    spec = application.spec
    try:
        listed = await reader.list(_SECRETS, namespace=namespace, label_selector=LABEL_SECRET_TYPE)
    except ForbiddenError:
        # Whoever creates applications may not be allowed to read Secrets; the controller is.
        return
    secrets = [one for item in listed.items if (one := repository_secret(item)) is not None]
    found = refusals(secrets, effective_source(spec).repo_url, project_name(spec))
    if found:
        raise _refused(application, ";".join(f"InvalidSpecError: {text}" for text in found))


async def check_sources(
    application: Application, sources: SourceCheck, discovery: Discovery
) -> None:
    """Asks the repository, then renders."""
    source = application.spec.source
    if source is None:
        return
    try:
        await sources.reachable(source)
    except RepositoryError as error:
        raise _refused(
            application, f"InvalidSpecError: repository not accessible: {error}"
        ) from None
    try:
        await sources.render(application, source, source.target_revision, discovery)
    except (RepositoryError, RenderError) as error:
        raise _refused(
            application, f"InvalidSpecError: Unable to generate manifests in {source.path}: {error}"
        ) from None


def _refused(application: Application, faults: str) -> ApiError:
    return ApiError(
        ApiCode.INVALID_ARGUMENT, f"application spec for {application.name} is invalid: {faults}"
    )
