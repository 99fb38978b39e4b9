"""The texts of a sync that clients and scripts match."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import re2

from tiphys.core.sync.task import SyncTask
from tiphys.model.operation import ResourceResult
from tiphys.model.resource import GroupVersionKind, ResourceKey

ALL_RUN = "successfully synced (all tasks run)"
NO_MORE = "successfully synced (no more tasks)"
SUCCESSES = frozenset({ALL_RUN, NO_MORE})

APPLY_FAILED = "one or more objects failed to apply"
TASKS_FAILED = "one or more synchronization tasks completed unsuccessfully"
FAILURES = frozenset({APPLY_FAILED, TASKS_FAILED})

DRY_RUN_FAILED = "one or more objects failed to apply (dry run)"
TERMINATED = "Operation terminated"
TERMINATED_WITH_ERRORS = "Operation termination had errors"
HOOK_TERMINATED = "Terminated"
PRUNED = "pruned"
PRUNED_DRY_RUN = "pruned (dry run)"
NOT_TRIED = "the dry run was skipped: the cluster does not serve the kind yet"
PRUNE_OFF = "ignored (requires pruning)"
PRUNE_NEVER = "ignored (no prune)"


_PREFIX = re.compile(r'^(error: )?(error validating|error when creating) "\S+": ')
_PATCHING = re.compile(r'(?s)^error when applying patch:.*\nfor: "\S+": ')
# An error quotes what users wrote, so what looks for a map in it must not go back and forth.
_PRINTED_MAP = re2.compile(r"map\[[^\]]*:.*\]")
_ADVICE = "; if you choose to ignore these errors, turn validation off with --validate=false"


def cleaned(error: str) -> str:
    """An error's text without what names files, quotes objects, or advises on flags."""
    text = _PATCHING.sub("", _PREFIX.sub("", error.strip()))
    return str(_PRINTED_MAP.sub("", text)).replace(_ADVICE, "")


def waiting_for_health(tasks: Sequence[SyncTask]) -> str:
    hooks = any(task.hook for task in tasks)
    return _waiting("completion of hook" if hooks else "healthy state of", tasks)


def waiting_for_deletion(tasks: Sequence[SyncTask]) -> str:
    hooks = any(task.hook for task in tasks)
    return _waiting("deletion of hook" if hooks else "deletion of", tasks)


def waiting_for_confirmation(tasks: Sequence[SyncTask]) -> str:
    return _waiting("pruning confirmation of", tasks)


def _waiting(reason: str, tasks: Sequence[SyncTask]) -> str:
    if not tasks:
        return ""
    first = next((task for task in tasks if task.hook), tasks[0])
    text = f"waiting for {reason} {first.key.group}/{first.key.kind}/{first.key.name}"
    if len(tasks) == 1:
        return text
    word = "hooks" if all(task.hook for task in tasks) else "resources"
    return f"{text} and {len(tasks) - 1} more {word}"


def invalid(texts: Iterable[str]) -> str:
    joined = "; ".join(sorted(set(texts)))
    return f"one or more synchronization tasks are not valid: {joined}"


def namespace_failed(reason: str) -> str:
    return f"the namespace failed to apply, reason: {reason}"


def namespace_unknown(reason: str) -> str:
    return f"namespace auto creation failed: {reason}"


def missing(key: ResourceKey) -> str:
    return f"Resource {key.group}/{key.kind}/{key.name} is missing, it might have been deleted"


def with_reasons(message: str, failed: Iterable[ResourceResult]) -> str:
    """The distinct texts of what failed, in order of appearance."""
    texts = list(dict.fromkeys(result.message for result in failed))
    return f"{message}, reason: {','.join(texts)}" if texts else message


def rescue_failed(message: str, failed: Sequence[ResourceResult]) -> str:
    if not failed:
        return message
    return with_reasons(f"{message}\none or more SyncFail hooks failed", failed)


def unknown_kind(gvk: GroupVersionKind, shown: ResourceKey, served: str) -> str:
    """`served` is the version in which the cluster has the kind, `` when it has none."""
    kind = gvk.group_kind
    where = f"for requested resource {shown.namespace}/{shown.name}."
    if served:
        return (
            f'The Kubernetes API could not find version "{gvk.version}" of {kind} {where} '
            f'Version "{served}" of {kind} is installed on the destination cluster.'
        )
    return (
        f"The Kubernetes API could not find {kind} {where} "
        f'Make sure the "{gvk.kind}" CRD is installed on the destination cluster.'
    )


def object_name(gvk: GroupVersionKind, name: str) -> str:
    """As kubectl prints an object: `deployment.apps/web`, `configmap/x`."""
    kind = gvk.kind.lower()
    return f"{kind}.{gvk.group}/{name}" if gvk.group else f"{kind}/{name}"
