"""`POST /api/v1/applications/{name}/plan`: what a sync would do, beyond the contract.

The body is that of a sync. Whatever would not count for a plan is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tiphys.api.calls import Answer, Call, Message, Route, Unary
from tiphys.api.handlers.application import command_of, named
from tiphys.api.handlers.shapes import text
from tiphys.core.diff.explain import FieldDifference
from tiphys.model.errors import ApiCode, ApiError
from tiphys.services.applications.calls import ApplicationCalls
from tiphys.services.applications.planning import Planned, Step

_KNOWN = frozenset(
    {
        "appNamespace",
        "infos",
        "name",
        "project",
        "prune",
        "resources",
        "revision",
        "revisions",
        "sourcePositions",
        "strategy",
        "syncOptions",
    }
)


def plan_routes(calls: ApplicationCalls) -> Sequence[Route]:
    async def planned(call: Call, asked: Message) -> Answer:
        for key in asked:
            if key not in _KNOWN:
                raise ApiError(ApiCode.INVALID_ARGUMENT, f"{key} is nothing that a plan knows")
        name, project = named(asked), text(asked, "project")
        found = await calls.plan(
            call.caller, name, project, lambda application: command_of(asked, application)
        )
        return _shown(found)

    return [Route("POST", "/api/v1/applications/{name}/plan", Unary(planned))]


def _shown(planned: Planned) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for step in planned.steps:
        counts[step.action.value] = counts.get(step.action.value, 0) + 1
    return {
        "revisions": list(planned.revisions),
        "problems": list(planned.problems),
        "counts": counts,
        "steps": [_step(order, step) for order, step in enumerate(planned.steps, 1)],
    }


def _step(order: int, step: Step) -> dict[str, Any]:
    task = step.task
    shown: dict[str, Any] = {
        "order": order,
        "phase": task.phase.value,
        "wave": task.wave,
        "action": step.action.value,
        "reason": step.reason,
        "group": task.key.group,
        "version": task.gvk.version,
        "kind": task.key.kind,
        "namespace": task.key.namespace,
        "name": task.key.name,
        "hook": task.hook,
    }
    if step.managed is not None:
        shown["differences"] = [_difference(one) for one in step.managed.differences]
        shown["ignored"] = [{**_difference(one), "rule": one.rule} for one in step.managed.hidden]
        shown["liveState"] = step.managed.compared or step.managed.live
        shown["targetState"] = step.managed.predicted or step.managed.target
    return shown


def _difference(one: FieldDifference) -> dict[str, Any]:
    return {
        "field": one.field,
        "desired": one.desired,
        "live": one.live,
        "manager": one.manager,
        "time": one.time,
    }
