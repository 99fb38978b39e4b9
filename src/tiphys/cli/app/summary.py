"""The header that stands above an application's objects, and the block on its operation."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from tiphys.cli.output import labelled, table
from tiphys.model.application import (
    Application,
    ApplicationSource,
    ApplicationSpec,
    OperationState,
)
from tiphys.model.status import SyncCode
from tiphys.services.applications.values import Windows

_COMMIT = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{7,}")
_SHORT = 7
_VALUE_LIMIT = 80


def header(application: Application, *, url: str, windows: Windows, page: str = "") -> str:
    """What stands above the objects; `windows` are those of its project that concern it. `page` is
    the end of the application's address, its name where none is given.
    """
    spec, status = application.spec, application.status
    lines = [
        labelled("Name:", application.qualified_name),
        labelled("Project:", spec.project),
        labelled("Server:", spec.destination.server or spec.destination.name),
        labelled("Namespace:", spec.destination.namespace),
        labelled("URL:", url and f"{url}/applications/{page or application.name}"),
        "Sources:\n" if spec.sources else "Source:\n",
    ]
    lines += [_source(source) for source in spec.sources or (spec.source,) if source]
    lines += [
        labelled("SyncWindow:", windows.state.value),
    ]
    if windows.assigned:
        assigned = (f"{one.kind}:{one.schedule}:{one.duration}" for one in windows.assigned)
        lines.append(labelled("Assigned Windows:", ",".join(assigned)))
    lines += [
        labelled("Sync Policy:", _policy(spec)),
        labelled("Sync Status:", _sync_status(application)),
        labelled("Health Status:", status.health.status),
    ]
    return "".join(lines)


def conditions(application: Application) -> str:
    """The table of conditions between blank lines, or nothing."""
    found = application.status.conditions
    if not found:
        return ""
    rows = [(c.type, c.message, local_time(c.last_transition_time)) for c in found]
    return "\n" + table([("CONDITION", "MESSAGE", "LAST TRANSITION"), *rows]) + "\n"


def operation(state: OperationState | None, now: datetime) -> str:
    """The block on the last operation without its blank line, or nothing."""
    from tiphys.core.settings.duration import format_duration

    if state is None:
        return ""
    lines = []
    if state.sync_result is not None:
        result = state.sync_result
        revision = ", ".join(result.revisions) if result.sources else result.revision
        lines += [labelled("Operation:", "Sync"), labelled("Sync Revision:", revision)]
    started, finished = _moment(state.started_at), _moment(state.finished_at)
    seconds = int(((finished or now) - (started or now)).total_seconds())
    lines += [
        labelled("Phase:", state.phase),
        labelled("Start:", local_time(state.started_at)),
        labelled("Finished:", local_time(state.finished_at)),
        labelled("Duration:", format_duration(seconds)),
    ]
    if state.message:
        lines.append(labelled("Message:", state.message))
    return "".join(lines)


def parameters(source: ApplicationSource | None) -> str:
    """The Helm parameters that a source sets."""
    helm = source.helm if source else None
    if helm is None:
        return ""
    rows = [(parameter.name, _cut(parameter.value)) for parameter in helm.parameters]
    return "\n\n" + table([("NAME", "VALUE"), *rows])


def local_time(text: str | None) -> str:
    """A time in this machine's zone, as the contract's client writes it."""
    moment = _moment(text)
    if moment is None:
        return "<nil>"
    local = moment.astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S %z} {local.tzname()}"


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _source(source: ApplicationSource) -> str:
    lines = [
        labelled("- Repo:", source.repo_url),
        labelled("  Target:", source.target_revision),
    ]
    if source.path:
        lines.append(labelled("  Path:", source.path))
    if source.ref:
        lines.append(labelled("  Ref:", source.ref))
    if source.helm and source.helm.value_files:
        lines.append(labelled("  Helm Values:", ",".join(source.helm.value_files)))
    if source.kustomize and source.kustomize.name_prefix:
        lines.append(labelled("  Name Prefix:", source.kustomize.name_prefix))
    return "".join(lines)


def _policy(spec: ApplicationSpec) -> str:
    automated = spec.sync_policy.automated if spec.sync_policy else None
    if automated is None or automated.enabled is False:
        return "Manual"
    return "Automated (Prune)" if automated.prune else "Automated"


def _sync_status(application: Application) -> str:
    sync = application.status.sync
    sources = application.spec.sources or (application.spec.source,)
    target = sources[0].target_revision if sources[0] else ""
    text = sync.status
    if text == SyncCode.SYNCED:
        text += f" to {target}"
    elif text == SyncCode.OUT_OF_SYNC:
        text += f" from {target}"
    if not _COMMIT.fullmatch(target) and len(sync.revision) > _SHORT:
        text += f" ({sync.revision[:_SHORT]})"
    return text


def _cut(text: str) -> str:
    return text if len(text) <= _VALUE_LIMIT else text[: _VALUE_LIMIT - 3] + "..."
