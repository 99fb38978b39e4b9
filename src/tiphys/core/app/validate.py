"""What is wrong with an application's spec, and what of it this version cannot do.

An application that has such a condition is neither compared nor synced.
"""

from __future__ import annotations

from dataclasses import dataclass

from tiphys.core.app.conditions import Condition
from tiphys.core.app.spec import project_name, sources_of
from tiphys.core.project import (
    EffectiveProject,
    destination_permitted,
    namespace_permitted,
    source_permitted,
)
from tiphys.core.source.url import without_user
from tiphys.model.appspec import ApplicationSpec
from tiphys.model.cluster import Cluster
from tiphys.model.source import ApplicationSource, no_source
from tiphys.model.status import ConditionType


@dataclass(frozen=True, slots=True)
class Place:
    """Where an application stands; `control_plane` is the namespace of Tiphys itself."""

    name: str
    namespace: str
    control_plane: str


def invalid(
    spec: ApplicationSpec,
    project: EffectiveProject | None,
    place: Place,
    resolved: Cluster | str,
) -> list[Condition]:
    """All that keeps the application from being compared, in the order of the checks.

    `project` is the one that the spec names, None where there is none. `resolved` is the cluster
    that the destination means, or why there is none.
    """
    if project is None:
        return [missing_project(spec)]
    if foreign := foreign_namespace(project, place):
        return [foreign]
    if refused := unsupported(spec):
        return refused
    if shape := _source_shape(spec):
        return [_error(shape)]
    problems = [*_source_problems(spec, project), _destination_problem(spec, project, resolved)]
    return [_error(text) for text in problems if text]


def missing_project(spec: ApplicationSpec) -> Condition:
    return _error(f"Application referencing project {project_name(spec)} which does not exist")


def foreign_namespace(project: EffectiveProject, place: Place) -> Condition | None:
    """Why an Application of this namespace may not use the project; None where it may."""
    if namespace_permitted(project, place.namespace, place.control_plane):
        return None
    text = (
        f"application '{place.name}' in namespace '{place.namespace}' "
        f"is not permitted to use project '{project.name}'"
    )
    return Condition(ConditionType.UNKNOWN_ERROR, text)


def _source_problems(spec: ApplicationSpec, project: EffectiveProject) -> list[str]:
    """Those that only lend their files to others count like all."""
    urls = dict.fromkeys(source.repo_url for source in sources_of(spec))
    return [
        f"application repo {without_user(url)} is not permitted in project '{project.name}'"
        for url in urls
        if not source_permitted(project, url)
    ]


def _destination_problem(
    spec: ApplicationSpec, project: EffectiveProject, resolved: Cluster | str
) -> str:
    if isinstance(resolved, str):
        return resolved
    namespace = spec.destination.namespace
    if destination_permitted(project, resolved.server, resolved.name, namespace):
        return ""
    shown = resolved.name if spec.destination.name else resolved.server
    return (
        f"application destination server '{shown}' and namespace '{namespace}' "
        f"do not match any of the allowed destinations in project '{project.name}'"
    )


def unsupported(spec: ApplicationSpec) -> list[Condition]:
    """One condition for each field whose meaning this version does not implement."""
    return [_unsupported(f"spec.{field}") for field in _unsupported_fields(spec)]


def _source_shape(spec: ApplicationSpec) -> str:
    """What the first source lacks that lacks something; empty where none does."""
    count = len(spec.sources)
    for number, source in enumerate(spec.sources, 1):
        if not source.repo_url or not (source.path or source.chart or source.ref):
            return (
                "spec.source.repoURL and either source.path, source.chart, or source.ref are "
                f"required for source {number} of {count}"
            )
        if unversioned := _unversioned(source):
            return unversioned
    if spec.sources:
        return ""
    source = spec.source or no_source()
    if not source.repo_url or not (source.path or source.chart):
        return "spec.source.repoURL and either spec.source.path or spec.source.chart are required"
    return _unversioned(source)


def _unversioned(source: ApplicationSource) -> str:
    if source.chart and not source.target_revision:
        return "spec.source.targetRevision is required if the manifest source is a helm chart"
    return ""


def _unsupported_fields(spec: ApplicationSpec) -> list[str]:
    return ["sourceHydrator"] if spec.source_hydrator is not None else []


def _unsupported(field: str) -> Condition:
    return _error(f"{field} is not supported by this version of Tiphys")


def _error(message: str) -> Condition:
    return Condition(ConditionType.INVALID_SPEC_ERROR, message)
