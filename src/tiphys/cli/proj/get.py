"""`proj get`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiphys.cli.app.session import check_output, write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.output import to_json, to_yaml
from tiphys.cli.ports import ProjectApi
from tiphys.cli.proj.session import require_words, run_projects
from tiphys.cli.proj.views import destination, kind, lines, orphaned

if TYPE_CHECKING:
    from tiphys.services.projects.service import Detailed

_FLAGS = (text("output", "What is printed: json, yaml or wide", "o", "wide"),)
_WIDTH = 29


@command("get", _FLAGS, usage="PROJECT [flags]", summary="Show a project.")
def get(call: Call) -> None:
    require_words(call, 1)

    async def verb(api: ProjectApi) -> None:
        found = await api.detailed(call.words[0])
        output = call.text("output")
        check_output(output, ("json", "yaml", "wide", ""))
        if output == "json":
            write(to_json(found.project.to_json()) + "\n")
        elif output == "yaml":
            write(to_yaml(found.project.to_json()))
        else:
            write(_shown(found))

    run_projects(call, verb)


def _shown(found: Detailed) -> str:
    spec = found.project.spec
    rows: tuple[tuple[str, list[str]], ...] = (
        ("Destinations:", [destination(one) for one in spec.destinations]),
        ("Repositories:", list(spec.source_repos)),
        ("Source Namespaces:", list(spec.source_namespaces)),
        ("Scoped Repositories:", list(found.repositories)),
        ("Allowed Cluster Resources:", [kind(one) for one in spec.cluster_resource_whitelist]),
        ("Scoped Clusters:", list(found.clusters)),
        (
            "Denied Namespaced Resources:",
            [kind(one) for one in spec.namespace_resource_blacklist],
        ),
        ("Signature keys:", [one.key_id for one in spec.signature_keys]),
    )
    shown = f"{'Name:':<{_WIDTH}}{found.project.name}\n"
    shown += f"{'Description:':<{_WIDTH}}{spec.description}\n"
    shown += "".join(lines(label, values, _WIDTH) for label, values in rows)
    return shown + f"{'Orphaned Resources:':<{_WIDTH}}{orphaned(spec)}\n"
