"""What a backup of a control plane holds, and what becomes of its objects when it is restored."""

from tiphys.core.backup.objects import (
    CONFIG_MAPS,
    exported,
    is_ours,
    is_restored,
    labelled,
    restored,
    with_tracking_of,
    without_operation,
)

__all__ = [
    "CONFIG_MAPS",
    "exported",
    "is_ours",
    "is_restored",
    "labelled",
    "restored",
    "with_tracking_of",
    "without_operation",
]
