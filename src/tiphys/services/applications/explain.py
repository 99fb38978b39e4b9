"""Why an application is OutOfSync: what its status calls so, looked at once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tiphys.core.diff.explain import FieldDifference
from tiphys.model.application import Application
from tiphys.model.resource import ResourceKey
from tiphys.model.status import SyncCode
from tiphys.services.applications.desired import AtRevision, Desired
from tiphys.services.applications.destinations import Reached
from tiphys.services.applications.managed import Comparing, Managed


class Cause(StrEnum):
    """Why one object is not what Git says."""

    MISSING = "is not in the cluster"
    EXTRA = "is not in Git"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Explained:
    """One object. `differences` are empty unless the cause is DIFFERS; Secrets come masked.

    `hidden` are what counts for nothing, with the rules that say so.
    """

    key: ResourceKey
    cause: Cause
    differences: tuple[FieldDifference, ...] = ()
    hidden: tuple[FieldDifference, ...] = ()


async def explain(
    application: Application, desired: Desired, comparing: Comparing, reached: Reached
) -> Sequence[Explained]:
    """The objects that the status calls OutOfSync, at the revision that it names.

    Raises RepositoryError, RenderError and KubeError. What is in order by now is left out.
    """
    late = {
        ResourceKey(one.group, one.kind, one.namespace, one.name)
        for one in application.status.resources
        if one.status == SyncCode.OUT_OF_SYNC
    }
    if not late:
        return ()
    targets = await desired.targets(application, AtRevision(), reached)
    found = await comparing.managed(application, targets, reached, only=late)
    return [told for one in found if (told := explained(one)) is not None]


def explained(one: Managed) -> Explained | None:
    """Why it is out of sync; None where it is not."""
    if one.target is None:
        return Explained(one.key, Cause.EXTRA)
    if one.live is None:
        return Explained(one.key, Cause.MISSING)
    if not one.modified:
        return None
    return Explained(one.key, Cause.DIFFERS, one.differences, one.hidden)
