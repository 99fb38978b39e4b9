"""The closed sets that statuses are written in. Values are the contract's spelling."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class SyncCode(StrEnum):
    """Whether the desired state is what is live."""

    UNKNOWN = "Unknown"
    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"


class HealthCode(StrEnum):
    """How an object or an application is doing; see core.health for what is worse than what."""

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class HealthStatus:
    """A judgement with its reason; the message may be empty."""

    status: HealthCode
    message: str = ""


class OperationPhase(StrEnum):
    """Where an operation, or a hook of it, stands."""

    RUNNING = "Running"
    TERMINATING = "Terminating"
    FAILED = "Failed"
    ERROR = "Error"
    SUCCEEDED = "Succeeded"

    @property
    def completed(self) -> bool:
        return self in (OperationPhase.FAILED, OperationPhase.ERROR, OperationPhase.SUCCEEDED)


class SyncPhase(StrEnum):
    """The phases of a sync, in the order in which they run (SyncFail only after a failure)."""

    PRE_SYNC = "PreSync"
    SYNC = "Sync"
    POST_SYNC = "PostSync"
    SYNC_FAIL = "SyncFail"


class ResultCode(StrEnum):
    """What became of one object in a sync: status.operationState.syncResult.resources[].status."""

    SYNCED = "Synced"
    SYNC_FAILED = "SyncFailed"
    PRUNED = "Pruned"
    PRUNE_SKIPPED = "PruneSkipped"


class HookType(StrEnum):
    """Values of the hook annotation that mean something."""

    PRE_SYNC = "PreSync"
    SYNC = "Sync"
    POST_SYNC = "PostSync"
    SYNC_FAIL = "SyncFail"
    PRE_DELETE = "PreDelete"
    POST_DELETE = "PostDelete"
    SKIP = "Skip"


class HookDeletePolicy(StrEnum):
    """When a hook's object is deleted."""

    HOOK_SUCCEEDED = "HookSucceeded"
    HOOK_FAILED = "HookFailed"
    BEFORE_HOOK_CREATION = "BeforeHookCreation"


class ConditionType(StrEnum):
    """Types of status.conditions[]."""

    DELETION_ERROR = "DeletionError"
    INVALID_SPEC_ERROR = "InvalidSpecError"
    COMPARISON_ERROR = "ComparisonError"
    SYNC_ERROR = "SyncError"
    UNKNOWN_ERROR = "UnknownError"
    SHARED_RESOURCE_WARNING = "SharedResourceWarning"
    REPEATED_RESOURCE_WARNING = "RepeatedResourceWarning"
    ORPHANED_RESOURCE_WARNING = "OrphanedResourceWarning"
    EXCLUDED_RESOURCE_WARNING = "ExcludedResourceWarning"


class CompareLevel(IntEnum):
    """How much a refresh asks anew. The numbers are the contract's `comparison-level`."""

    TREE_ONLY = 0
    """No comparison: the tree and the summary only."""
    RECENT = 1
    """Against the revision that the status names; nothing is asked of Git."""
    LATEST = 2
    """Against the target revision; a remembered ref may answer."""
    FORCE_RESOLVE = 3
    """As LATEST, and the ref is asked of Git."""
