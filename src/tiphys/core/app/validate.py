"""What is wrong with an application's spec, and what of it this version cannot do.

Both are conditions of the type InvalidSpecError: an application that has one is neither
compared nor synced.
"""

from __future__ import annotations

from tiphys.core.app.conditions import Condition
from tiphys.core.app.spec import project_name, sync_policy
from tiphys.core.project.restrictions import restrictions
from tiphys.model.appproject import AppProject
from tiphys.model.appspec import ApplicationDestination, ApplicationSpec
from tiphys.model.names import IN_CLUSTER_NAME, IN_CLUSTER_SERVER
from tiphys.model.status import ConditionType

_OPTIONS = frozenset(
    {
        "CreateNamespace=true",
        "Validate=false",
        "Prune=false",
        "PruneLast=true",
        "Delete=false",
        "ApplyOutOfSyncOnly=true",
        "SkipDryRunOnMissingResource=true",
    }
)
_PROPAGATION = "PrunePropagationPolicy="
# What these options ask for is what happens anyway.
_IDLE_OPTIONS = frozenset(
    {
        "CreateNamespace=false",
        "Validate=true",
        "Prune=true",
        "PruneLast=false",
        "Delete=true",
        "ApplyOutOfSyncOnly=false",
        "SkipDryRunOnMissingResource=false",
        "Replace=false",
        "Force=false",
        "ServerSideApply=false",
        "FailOnSharedResource=false",
        "RespectIgnoreDifferences=false",
    }
)


def invalid(spec: ApplicationSpec, project: AppProject | None) -> list[Condition]:
    """All that keeps the application from being compared, in the order of the checks.

    `project` is the one that the spec names, None where there is none.
    """
    if project is None:
        name = project_name(spec)
        return [_error(f"Application referencing project {name} which does not exist")]
    if refused := unsupported(spec):
        return refused
    if shape := _source_shape(spec):
        return [_error(shape)]
    found = [_error(text) for text in (destination_problem(spec.destination),) if text]
    return found + project_conditions(project)


def unsupported(spec: ApplicationSpec) -> list[Condition]:
    """One condition for each field whose meaning this version does not implement."""
    return [_unsupported(f"spec.{field}") for field in _unsupported_fields(spec)]


def project_conditions(project: AppProject) -> list[Condition]:
    """One condition for each field by which the project restricts its applications."""
    return [
        _error(f"project '{project.name}': spec.{field} is not supported by this version of Tiphys")
        for field in restrictions(project.spec)
    ]


def destination_problem(destination: ApplicationDestination) -> str:
    """Why the destination is not the cluster that Tiphys runs in; empty where it is."""
    if destination.server and destination.name:
        both = f"{destination.name} {destination.server}"
        return f"application destination can't have both name and server defined: {both}"
    if destination.name and destination.name != IN_CLUSTER_NAME:
        return f"there are no clusters with this name: {destination.name}"
    if destination.server and destination.server != IN_CLUSTER_SERVER:
        return (
            f'error getting cluster by server "{destination.server}": '
            "this version of Tiphys knows only the cluster that it runs in"
        )
    if not destination.server and not destination.name:
        return "Destination server missing from app spec"
    return ""


def _source_shape(spec: ApplicationSpec) -> str:
    source = spec.source
    if source is None or not source.repo_url or not source.path:
        return "spec.source.repoURL and either spec.source.path or spec.source.chart are required"
    return ""


def _unsupported_fields(spec: ApplicationSpec) -> list[str]:
    source, policy = spec.source, sync_policy(spec)
    metadata = policy.managed_namespace_metadata
    asked = {
        "sources": bool(spec.sources),
        "sourceHydrator": spec.source_hydrator is not None,
        "source.plugin": source is not None and source.plugin is not None,
        "source.chart": source is not None and bool(source.chart),
        "ignoreDifferences": bool(spec.ignore_differences),
        "syncPolicy.managedNamespaceMetadata": metadata is not None,
    }
    fields = [field for field, is_asked in asked.items() if is_asked]
    for option in policy.sync_options:
        if not _is_supported(option):
            fields.append(f"syncPolicy.syncOptions: {option}")
    return fields


def _is_supported(option: str) -> bool:
    if option.startswith(_PROPAGATION):
        return option.removeprefix(_PROPAGATION) in ("foreground", "background", "orphan")
    return option in _OPTIONS or option in _IDLE_OPTIONS


def _unsupported(field: str) -> Condition:
    return _error(f"{field} is not supported by this version of Tiphys")


def _error(message: str) -> Condition:
    return Condition(ConditionType.INVALID_SPEC_ERROR, message)
