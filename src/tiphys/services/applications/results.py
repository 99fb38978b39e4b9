"""What a comparison would say of applications, made anew and stored nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tiphys.core.app.compare import Itself, fold
from tiphys.core.app.conditions import Condition
from tiphys.core.app.pairing import Live, Pair, pair, traits_of
from tiphys.core.app.spec import sync_policy
from tiphys.core.tree.facts import live_object
from tiphys.model.application import Application
from tiphys.model.errors import TiphysError
from tiphys.model.resource import Manifest, ResourceKey
from tiphys.model.status import ConditionType, HealthCode, SyncCode
from tiphys.services.applications.desired import Desired, require_source
from tiphys.services.applications.destinations import Reached
from tiphys.services.applications.health import healths_of
from tiphys.services.applications.managed import Comparing, desired_objects
from tiphys.services.live.judging import HealthScripts


@dataclass(frozen=True, slots=True)
class Result:
    """`revisions` are those of the sources, none where they could not be loaded."""

    sync: SyncCode
    revisions: tuple[str, ...]
    health: HealthCode
    message: str
    conditions: tuple[Condition, ...] = ()


async def result(
    application: Application,
    desired: Desired,
    comparing: Comparing,
    reached: Reached,
    scripts: HealthScripts,
) -> Result:
    """Never raises for what is wrong with the application: that becomes its conditions."""
    try:
        return await _result(application, desired, comparing, reached, scripts)
    except TiphysError as error:
        condition = Condition(ConditionType.COMPARISON_ERROR, str(error))
        return Result(SyncCode.UNKNOWN, (), HealthCode.UNKNOWN, "", (condition,))


async def _result(
    application: Application,
    desired: Desired,
    comparing: Comparing,
    reached: Reached,
    scripts: HealthScripts,
) -> Result:
    require_source(application)
    asking = await desired.resolve(application)
    targets = await desired.targets(application, asking, reached)
    live = await comparing.live(application, targets, reached)
    there = [(key, manifest) for key, manifest in live.items() if manifest is not None]
    paired = pair(
        targets,
        await _judged(there, scripts),
        instance=desired.instance(application),
        qualified_name=application.qualified_name,
    )
    wanted = desired_objects(targets, application)
    compared = await comparing.compared(wanted, live, reached)

    def modified(found: Pair) -> bool:
        known = compared.get(found.key)
        return known is None or known.modified

    folded = fold(
        paired.pairs,
        modified,
        itself=Itself(application.uid, application.namespace, application.name),
        options=sync_policy(application.spec).sync_options,
    )
    conditions = (*targets.conditions, *paired.conditions)
    health = folded.health
    return Result(folded.sync, asking.revisions, health.status, health.message, conditions)


async def _judged(
    there: Sequence[tuple[ResourceKey, Manifest]], scripts: HealthScripts
) -> Sequence[Live]:
    healths = await healths_of([manifest for _, manifest in there], scripts)
    return [
        Live(live_object(key, manifest, health), traits_of(manifest))
        for (key, manifest), health in zip(there, healths, strict=True)
    ]
