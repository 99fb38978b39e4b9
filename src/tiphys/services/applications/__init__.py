"""What users do with applications: create, look, sync, wait, delete; straight on the cluster.

The service itself is loaded when it is asked for: a command line that only shows its help
should not pay for the rules behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tiphys.services.applications.values import (
    AppEvent,
    AppName,
    EventKind,
    SyncCommand,
    TreeNode,
)

if TYPE_CHECKING:
    from tiphys.services.applications.ports import SourceCheck
    from tiphys.services.applications.service import Applications

__all__ = [
    "AppEvent",
    "AppName",
    "Applications",
    "EventKind",
    "SourceCheck",
    "SyncCommand",
    "TreeNode",
]


def __getattr__(name: str) -> Any:
    match name:
        case "Applications":
            from tiphys.services.applications.service import Applications

            return Applications
        case "SourceCheck":
            from tiphys.services.applications.ports import SourceCheck

            return SourceCheck
        case _:
            raise AttributeError(name)
