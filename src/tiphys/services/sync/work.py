"""One object that is to be written, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from tiphys.core.diff.applied import with_last_applied
from tiphys.core.sync import rbac, wording
from tiphys.core.sync.manner import Manner, Write, fits
from tiphys.core.sync.task import SyncTask
from tiphys.model.errors import InvalidObjectError
from tiphys.model.resource import Manifest
from tiphys.services.sync.address import Address


class Change(StrEnum):
    """kubectl's words for what a write did."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    APPLIED = "serverside-applied"
    REPLACED = "replaced"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`manifest` is the object as the server answered it, `warnings` what it warned of;
    `reconciled` is what is told of a role or binding before.
    """

    change: Change
    manifest: Manifest
    reconciled: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Work:
    """`warnings` is what the server warned of, filled in by the writes."""

    task: SyncTask
    where: Address
    warnings: list[str] = field(default_factory=list)

    @cached_property
    def desired(self) -> Manifest:
        """In the namespace in which its kind lives. Raises InvalidObjectError without a name."""
        manifest = self.task.target or {}
        prefix = (manifest.get("metadata") or {}).get("generateName")
        if not self.task.key.name:
            generated = f"from {prefix}: cannot use generate name with apply"
            raise InvalidObjectError(generated if prefix else "has no name")
        return self.where.placed(manifest)

    @cached_property
    def marked(self) -> Manifest:
        """With the annotation that remembers what was applied."""
        return with_last_applied(self.desired)

    @cached_property
    def manner(self) -> Manner:
        """As asked for; what does not fit into its own annotation is applied by the server."""
        asked = self.task.manner
        if asked.write is Write.PATCH and not fits(self.marked):
            return Manner(write=Write.APPLY, force=asked.force)
        return asked

    @property
    def validation(self) -> str:
        return "Strict" if self.task.validate else "Ignore"

    def at_version(self, live: Manifest) -> Mapping[str, Any]:
        """The desired object as the successor of this live one."""
        desired = self.desired
        version = live["metadata"]["resourceVersion"]
        return {**desired, "metadata": {**desired["metadata"], "resourceVersion": version}}


def told(task: SyncTask, outcome: Outcome, *, dry_run: bool = False) -> str:
    """As kubectl prints it: `deployment.apps/web configured`, and what the server warned of."""
    tried = " (dry run)" if dry_run else ""
    name = wording.object_name(task.gvk, task.key.name)
    if outcome.change is Change.UPDATED:
        name = f"{task.key.kind}/{task.key.name}"
    said = f"{outcome.reconciled}{name} {outcome.change}{tried}"
    warned = "\n".join(f"Warning: {text}" for text in outcome.warnings)
    return f"{said}. {warned}" if warned else said


def reconciled(work: Work, live: Manifest | None, *, dry_run: bool = False) -> str:
    """What is told of a role or binding, `` of anything else."""
    task = work.task
    if not rbac.is_rbac(task.gvk):
        return ""
    name = wording.object_name(task.gvk, task.key.name)
    return rbac.reconciled(name, work.desired, live, tried=dry_run)
