"""Shows the differences between live and desired objects."""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.cli.app.session import write
from tiphys.cli.diffing import show_difference
from tiphys.services.applications.managed import Managed


def changed(objects: Sequence[Managed]) -> list[Managed]:
    """Those that differ; hooks, and what asks to be left alone, never do."""
    return [one for one in objects if one.modified and not one.hook and not one.skipped]


def show(objects: Sequence[Managed]) -> None:
    """A section for each object that differs."""
    for one in objects:
        key = one.key
        write(f"\n===== {key.group}/{key.kind} {key.namespace}/{key.name} ======\n")
        both = one.compared is not None and one.predicted is not None
        live, desired = (one.compared, one.predicted) if both else (one.live, one.target)
        show_difference(key.name, live, desired)
