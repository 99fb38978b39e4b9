"""What users do with applications: create, look, sync, wait, delete; straight on the cluster."""

from tiphys.services.applications.ports import SourceCheck
from tiphys.services.applications.service import Applications
from tiphys.services.applications.values import (
    AppEvent,
    AppName,
    EventKind,
    SyncCommand,
    TreeNode,
)

__all__ = [
    "AppEvent",
    "AppName",
    "Applications",
    "EventKind",
    "SourceCheck",
    "SyncCommand",
    "TreeNode",
]
