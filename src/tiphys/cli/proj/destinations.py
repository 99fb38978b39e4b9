"""`proj add-destination` and `remove-destination`."""

from __future__ import annotations

from msgspec.structs import replace

from tiphys.cli.command import Call, command
from tiphys.cli.globals import yes
from tiphys.cli.proj.session import change, require_words, wrong
from tiphys.model.appproject import AppProject, AppProjectSpec
from tiphys.model.appspec import ApplicationDestination


@command(
    "add-destination",
    (yes("name", "The cluster is given by its name, not by its server"),),
    usage="PROJECT SERVER/NAME NAMESPACE [flags]",
    summary="Allow a destination.",
)
def add(call: Call) -> None:
    require_words(call, 3)
    _, cluster, namespace = call.words
    by_name = call.yes("name")
    entry = ApplicationDestination(
        server="" if by_name else cluster, name=cluster if by_name else "", namespace=namespace
    )

    def make(project: AppProject) -> AppProjectSpec:
        known = project.spec.destinations
        if any(_same(one, entry, by_name=by_name) for one in known):
            raise wrong("Specified destination is already defined in project")
        return replace(project.spec, destinations=(*known, entry))

    change(call, make)


@command(
    "remove-destination",
    (),
    usage="PROJECT SERVER NAMESPACE [flags]",
    summary="Allow a destination no more.",
)
def remove(call: Call) -> None:
    require_words(call, 3)
    _, server, namespace = call.words
    entry = ApplicationDestination(server=server, namespace=namespace)

    def make(project: AppProject) -> AppProjectSpec:
        known = project.spec.destinations
        found = next((one for one in known if _same(one, entry, by_name=False)), None)
        if found is None:
            raise wrong("Specified destination does not exist in project")
        left = list(known)
        left.remove(found)
        return replace(project.spec, destinations=tuple(left))

    change(call, make)


def _same(one: ApplicationDestination, other: ApplicationDestination, *, by_name: bool) -> bool:
    cluster = one.name == other.name if by_name else one.server == other.server
    return cluster and one.namespace == other.namespace
