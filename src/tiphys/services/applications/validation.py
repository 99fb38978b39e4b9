"""Whether an application may be stored: its project, destination and sources."""

from __future__ import annotations

from tiphys.model.application import Application, ApplicationSource, ApplicationSpec
from tiphys.model.errors import ApiCode, ApiError, RenderError, RepositoryError
from tiphys.model.names import IN_CLUSTER_NAME, IN_CLUSTER_SERVER
from tiphys.services.applications.ports import SourceCheck


def no_project(name: str) -> ApiError:
    return ApiError(
        ApiCode.INVALID_ARGUMENT,
        f'app is not allowed in project "{name}", or the project does not exist',
    )


def check_destination(application: Application) -> None:
    """Only the cluster that Tiphys runs in is known in this version."""
    reason = _destination_fault(application.spec)
    if reason:
        raise ApiError(
            ApiCode.INVALID_ARGUMENT,
            f"application destination spec for {application.name} is invalid: {reason}",
        )


def check_shape(application: Application) -> None:
    """The fields that a source cannot do without, and those that this version does not do."""
    fault = _source_fault(application.spec)
    if fault:
        raise invalid_spec(application.name, fault)


async def check_sources(application: Application, sources: SourceCheck) -> None:
    """Asks the repository, then renders."""
    source = application.spec.source
    if source is None:
        return
    try:
        await sources.reachable(source)
    except RepositoryError as error:
        raise invalid_spec(application.name, f"repository not accessible: {error}") from None
    try:
        await sources.generate(application.name, application.spec, source)
    except (RepositoryError, RenderError) as error:
        raise invalid_spec(
            application.name, f"Unable to generate manifests in {source.path}: {error}"
        ) from None


def invalid_spec(name: str, fault: str) -> ApiError:
    return ApiError(
        ApiCode.INVALID_ARGUMENT,
        f"application spec for {name} is invalid: InvalidSpecError: {fault}",
    )


def _destination_fault(spec: ApplicationSpec) -> str:
    server, name = spec.destination.server, spec.destination.name
    if server and name:
        return f"application destination can't have both name and server defined: {name} {server}"
    if not server and not name:
        return "Destination server missing from app spec"
    if name and name != IN_CLUSTER_NAME:
        return f"there are no clusters with this name: {name}"
    if server and server != IN_CLUSTER_SERVER:
        return (
            f'error getting cluster by server "{server}": rpc error: code = NotFound desc = '
            f'cluster "{server}" not found'
        )
    return ""


def _source_fault(spec: ApplicationSpec) -> str:
    for present, field in [
        (spec.sources, "spec.sources"),
        (spec.source_hydrator, "spec.sourceHydrator"),
        (spec.source and spec.source.chart, "spec.source.chart"),
        (spec.source and spec.source.plugin, "spec.source.plugin"),
        (spec.ignore_differences, "spec.ignoreDifferences"),
    ]:
        if present:
            return f"{field} is not supported by this version of Tiphys"
    if spec.source is None or not _complete(spec.source):
        return "spec.source.repoURL and either spec.source.path or spec.source.chart are required"
    return ""


def _complete(source: ApplicationSource) -> bool:
    return bool(source.repo_url and source.path)
