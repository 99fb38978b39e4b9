"""Which live objects of an application a command means."""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text, yes
from tiphys.cli.ports import CoreApi
from tiphys.model.application import Application
from tiphys.model.resource import ResourceKey

FLAGS = (
    yes("all", "All that match, where there are several"),
    text("app-namespace", "The namespace of the application", "N"),
    text("group", "The group of the object"),
    text("kind", "The kind of the object"),
    text("namespace", "The namespace of the object"),
    text("project", "The project that the application has to be in"),
    text("resource-name", "The name of the object"),
)


async def chosen(call: Call, api: CoreApi, application: Application) -> Sequence[ResourceKey]:
    """Raises FatalError where none matches, or several do and not all are meant."""
    live = await api.live_keys(application)
    found = [key for key in live if _means(call, key)]
    if not found:
        raise FatalError("no matching resource found")
    if len(found) > 1 and not call.yes("all"):
        raise FatalError(
            "multiple resources match inputs, use the --all flag to patch multiple resources"
        )
    return found


def _means(call: Call, key: ResourceKey) -> bool:
    """A group counts only where it was given: the core one is the empty text."""
    return (
        (not call.given("group") or call.text("group") == key.group)
        and call.text("kind") in ("", key.kind)
        and call.text("namespace") in ("", key.namespace)
        and call.text("resource-name") in ("", key.name)
    )
