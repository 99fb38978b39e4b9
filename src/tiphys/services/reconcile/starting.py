"""When an operation begins: in a second of its own.

Hooks carry the start of their operation, whole seconds, as the mark of who made them. Two
operations of one application that began in the same second would take each other's hooks.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tiphys.core.app.times import parse_rfc3339, rfc3339
from tiphys.model.application import Application
from tiphys.model.status import OperationPhase
from tiphys.services.reconcile.memory import AppMemory

_COMPLETED = frozenset(phase.value for phase in OperationPhase if phase.completed)
_NEAR = timedelta(minutes=1)
"""A start that lies further ahead was written by another clock, and is nothing to queue behind."""


def in_progress(app: Application) -> bool:
    """Whether the status holds an operation that was begun and has not ended."""
    phase = ((app.raw.get("status") or {}).get("operationState") or {}).get("phase")
    return phase is not None and phase not in _COMPLETED


def start_time(app: Application, memory: AppMemory, now: datetime) -> datetime:
    """Now, or when it may begin: the second after the last start that is known.

    The state of the last operation goes when the next one is asked for, so the history and what
    is remembered are looked at too.
    """
    if in_progress(app):
        return now
    status = app.raw.get("status") or {}
    known = [
        memory.operation_began,
        (status.get("operationState") or {}).get("startedAt"),
        *(entry.get("deployStartedAt") for entry in (status.get("history") or ())[-1:]),
    ]
    starts = [start for text in known if (start := parse_rfc3339(text)) is not None]
    last = max(starts, default=None)
    if last is None or rfc3339(now) > rfc3339(last) or last - now > _NEAR:
        return now
    return last + timedelta(seconds=1)
