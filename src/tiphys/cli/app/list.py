"""`app list`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tiphys.cli.app.session import check_output, run_core, write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text, texts
from tiphys.cli.output import table, to_json, to_yaml
from tiphys.cli.ports import CoreApi
from tiphys.model.application import Application, ApplicationSource, ApplicationSpec

_HEADER = (
    "NAME",
    "CLUSTER",
    "NAMESPACE",
    "PROJECT",
    "STATUS",
    "HEALTH",
    "SYNCPOLICY",
    "CONDITIONS",
)
_WIDE_HEADER = (*_HEADER, "REPO", "PATH", "TARGET")
_FLAGS = (
    text("app-namespace", "Only applications of this namespace", "N"),
    text("cluster", "Only applications on this cluster, by name or server", "c"),
    text("output", "wide, name, json or yaml", "o", "wide"),
    text("path", "Only applications whose source has this path", "P"),
    texts("project", "Only applications of this project; may be repeated", "p"),
    text("repo", "Only applications whose source has this repository URL", "r"),
    text("selector", "Only applications with these labels", "l"),
)


@command("list", _FLAGS, usage="[flags]", summary="List applications.")
def list_command(call: Call) -> None:
    async def verb(api: CoreApi) -> None:
        found = await api.list(selector=call.text("selector"), namespace=call.text("app-namespace"))
        write(_shown([app for app in found if _wanted(call, app)], call.text("output")))

    run_core(call, verb)


def _wanted(call: Call, application: Application) -> bool:
    spec = application.spec
    source = _first_source(spec)
    return (
        (not call.texts("project") or spec.project in call.texts("project"))
        and call.text("repo") in ("", source.repo_url)
        and call.text("path") in ("", source.path)
        and call.text("cluster") in ("", spec.destination.server, spec.destination.name)
    )


def _shown(applications: Sequence[Application], output: str) -> str:
    match output:
        case "json":
            return to_json([application.to_json() for application in applications]) + "\n"
        case "yaml":
            return to_yaml([application.to_json() for application in applications])
        case "name":
            return "".join(f"{application.qualified_name}\n" for application in applications)
        case "wide":
            return table([_WIDE_HEADER, *map(_wide_row, applications)])
        case _:
            check_output(output, ("",))
            return table([_HEADER, *map(_row, applications)])


def _row(application: Application) -> tuple[str, ...]:
    spec, status = application.spec, application.status
    return (
        application.qualified_name,
        spec.destination.server or spec.destination.name,
        spec.destination.namespace,
        spec.project,
        status.sync.status,
        status.health.status,
        _policy(spec),
        _conditions(application),
    )


def _wide_row(application: Application) -> tuple[str, ...]:
    source = _first_source(application.spec)
    return (*_row(application), source.repo_url, source.path, source.target_revision)


def _first_source(spec: ApplicationSpec) -> ApplicationSource:
    sources = spec.sources or (spec.source or ApplicationSource(repo_url=""),)
    return sources[0]


def _policy(spec: ApplicationSpec) -> str:
    automated = spec.sync_policy.automated if spec.sync_policy else None
    if automated is None or automated.enabled is False:
        return "Manual"
    return "Auto-Prune" if automated.prune else "Auto"


def _conditions(application: Application) -> str:
    counted = Counter(condition.type for condition in application.status.conditions)
    named = [kind if n == 1 else f"{kind}({n})" for kind, n in sorted(counted.items())]
    return ",".join(named) or "<none>"
