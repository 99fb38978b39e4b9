"""What another controller says of an application, and what this one would say and do.

Fields are named, never their values: there may be secrets among them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """What a sync would do with an object."""

    CREATE = "create"
    UPDATE = "update"
    PRUNE = "prune"
    KEEP = "keep"
    """It is no longer wanted, and stays, for a sync would not prune."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an application stands, in somebody's eyes."""

    sync: str
    health: str
    revision: str


@dataclass(frozen=True, slots=True)
class ObjectAction:
    """One object that is OutOfSync. `fields` are those that differ, of an update."""

    group: str
    kind: str
    namespace: str
    name: str
    action: Action
    fields: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        kind = f"{self.group}/{self.kind}" if self.group else self.kind
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.action} {kind} {place}"


@dataclass(frozen=True, slots=True)
class Observation:
    """`would_sync`: a sync would begin by itself; `reason` why, or why not. `conditions` are
    types with messages. `waits`: the live state is still being read, so that nothing is certain.
    """

    namespace: str
    name: str
    project: str
    theirs: Standing
    ours: Standing
    would_sync: bool = False
    reason: str = ""
    objects: tuple[ObjectAction, ...] = ()
    conditions: tuple[tuple[str, str], ...] = ()
    waits: bool = False

    @property
    def agrees(self) -> bool:
        """Whether both say the same of whether it is in sync."""
        return self.theirs.sync == self.ours.sync

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "application": self.name,
            "namespace": self.namespace,
            "project": self.project,
            "agrees": self.agrees,
            "theirs": asdict(self.theirs),
            "ours": asdict(self.ours),
            "wouldSync": self.would_sync,
            "reason": self.reason,
            "objects": [_object(one) for one in self.objects],
            "conditions": [{"type": kind, "message": text} for kind, text in self.conditions],
        }


def _object(one: ObjectAction) -> dict[str, Any]:
    return {
        "group": one.group,
        "kind": one.kind,
        "namespace": one.namespace,
        "name": one.name,
        "action": one.action.value,
        "fields": list(one.fields),
    }
