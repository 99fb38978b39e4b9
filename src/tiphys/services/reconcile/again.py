"""What a piece of work on an application answers, and which applications get none."""

from __future__ import annotations

from dataclasses import dataclass

from tiphys.model.application import Application
from tiphys.model.names import ANNOTATION_SKIP_RECONCILE

_GARBAGE_COLLECTORS = frozenset({"foregroundDeletion", "orphan"})
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})


@dataclass(frozen=True, slots=True)
class Again:
    """Come back after so many seconds."""

    seconds: float


def skips(app: Application) -> bool:
    """Whether the application asks to be left alone."""
    return app.metadata.annotations.get(ANNOTATION_SKIP_RECONCILE, "") in _TRUE


def is_done_with(app: Application) -> bool:
    """Whether only Kubernetes' garbage collector has still to do with a deleted application."""
    meta = app.metadata
    return bool(meta.deletion_timestamp) and _GARBAGE_COLLECTORS.issuperset(meta.finalizers)
