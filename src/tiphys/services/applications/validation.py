"""Whether an application may be stored: its project, destination and sources.

What the controller would refuse is refused here already, before anything is stored.
"""

from __future__ import annotations

from tiphys.core.app.validate import destination_problem, invalid
from tiphys.model.application import Application
from tiphys.model.appproject import AppProject
from tiphys.model.errors import ApiCode, ApiError, RenderError, RepositoryError
from tiphys.services.applications.ports import SourceCheck


def check_spec(application: Application, project: AppProject | None) -> None:
    """Raises ApiError for what can be seen without asking a repository."""
    spec = application.spec
    if project is None:
        raise ApiError(
            ApiCode.INVALID_ARGUMENT,
            f'app is not allowed in project "{spec.project}", or the project does not exist',
        )
    problem = destination_problem(spec.destination)
    if problem:
        raise ApiError(
            ApiCode.INVALID_ARGUMENT,
            f"application destination spec for {application.name} is invalid: {problem}",
        )
    found = invalid(spec, project)
    if found:
        raise _refused(
            application, ";".join(f"{condition.type}: {condition.message}" for condition in found)
        )


async def check_sources(application: Application, sources: SourceCheck) -> None:
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
        await sources.render(application, source, source.target_revision)
    except (RepositoryError, RenderError) as error:
        raise _refused(
            application, f"InvalidSpecError: Unable to generate manifests in {source.path}: {error}"
        ) from None


def _refused(application: Application, faults: str) -> ApiError:
    return ApiError(
        ApiCode.INVALID_ARGUMENT, f"application spec for {application.name} is invalid: {faults}"
    )
