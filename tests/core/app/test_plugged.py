"""Which sources a plugin rendered last, so that no other tool takes its place unasked."""

import pytest
from msgspec.structs import replace

from tests.core.app.build import SOURCE, SPEC, STATUS
from tiphys.core.app.asking import Asking, asked_by_spec
from tiphys.core.app.plugged import kept_types, left_by_plugin
from tiphys.model.application import ApplicationSource, ApplicationStatus
from tiphys.model.appstatus import ComparedTo
from tiphys.model.source import (
    ApplicationSourceDirectory,
    ApplicationSourceHelm,
    ApplicationSourceKustomize,
    ApplicationSourcePlugin,
    no_source,
)

OTHER = replace(SOURCE, path="other")
ONE = asked_by_spec(replace(SPEC, source=SOURCE))
TWO = asked_by_spec(replace(SPEC, source=None, sources=(SOURCE, OTHER)))
ERROR = (
    "it was rendered by a plugin before, and no plugin that is here now is meant for it: "
    "start the plugin again, or set an option of the tool that is to render it instead"
)


def compared(
    source: ApplicationSource | None = None,
    source_type: str = "",
    sources: tuple[ApplicationSource, ...] = (),
    source_types: tuple[str, ...] = (),
) -> ApplicationStatus:
    to = ComparedTo(source=source or no_source(), sources=sources, destination=SPEC.destination)
    sync = replace(STATUS.sync, compared_to=to)
    return replace(STATUS, sync=sync, source_type=source_type, source_types=source_types)


def test_of_what_no_plugin_rendered_nothing_is_kept() -> None:
    assert kept_types(ONE, STATUS) == ()
    assert kept_types(ONE, compared(SOURCE, "Helm")) == ()
    assert kept_types(TWO, compared(sources=(SOURCE, OTHER), source_types=("Helm", ""))) == ()


def test_what_a_plugin_rendered_is_known_by_its_place() -> None:
    assert kept_types(ONE, compared(SOURCE, "Plugin")) == ("Plugin",)
    moved = replace(SOURCE, target_revision="elsewhere", name="named")
    assert kept_types(ONE, compared(moved, "Plugin")) == ("Plugin",)
    assert kept_types(ONE, compared(OTHER, "Plugin")) == ()
    swapped = compared(sources=(OTHER, SOURCE), source_types=("Directory", "Plugin"))
    assert kept_types(TWO, swapped) == ("Plugin", "")
    # One source became several.
    assert kept_types(TWO, compared(SOURCE, "Plugin")) == ("Plugin", "")
    assert kept_types(Asking((), (), several=True), compared(SOURCE, "Plugin")) == ()


@pytest.mark.parametrize(
    "block",
    [
        {"helm": ApplicationSourceHelm(release_name="web")},
        {"kustomize": ApplicationSourceKustomize(name_prefix="a-")},
        {"directory": ApplicationSourceDirectory(include="*")},
        {"plugin": ApplicationSourcePlugin()},
    ],
)
def test_who_names_a_tool_means_it(block: dict[str, object]) -> None:
    named = replace(SOURCE, **block)
    asking = asked_by_spec(replace(SPEC, source=named))
    assert kept_types(asking, compared(SOURCE, "Plugin")) == ()


def test_no_other_tool_takes_the_place_of_a_plugin() -> None:
    assert left_by_plugin(("Plugin",), 0, "Plugin") == ""
    assert left_by_plugin((), 0, "Directory") == ""
    assert left_by_plugin(("", "Plugin"), 0, "Directory") == ""
    assert left_by_plugin(("", "Plugin"), 1, "Directory") == ERROR
