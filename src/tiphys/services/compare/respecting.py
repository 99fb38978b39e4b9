"""Targets that leave alone what ignore rules name: RespectIgnoreDifferences."""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.core.diff.ignore import Sides, ruled
from tiphys.core.diff.normalise import fold_string_data
from tiphys.core.diff.ownership import copied, owned_by
from tiphys.core.diff.respect import respect
from tiphys.core.diff.rules import CompareRules
from tiphys.core.diff.types import OPAQUE
from tiphys.model.resource import Manifest, gvk_of
from tiphys.services.compare.erasing import Eraser, Expressions
from tiphys.services.compare.service import Ask
from tiphys.services.live.ports import Discovery


async def respected(
    asks: Sequence[Ask], rules: CompareRules, *, discovery: Discovery, eraser: Eraser
) -> Sequence[Manifest]:
    """The desired objects with the live values of ignored fields, in the order of what is asked.

    Raises EvaluationError and KubeError: what cannot be respected must not be applied.
    """
    whole = [_whole(ask, rules) for ask in asks]
    left = [ruled(side, rules.of(ask.key), ask.live) for ask, side in zip(asks, whole, strict=True)]
    asked: dict[Expressions, list[Manifest]] = {}
    for ask, side in zip(asks, left, strict=True):
        asked.setdefault(rules.of(ask.key).expressions, []).extend(side.manifests())
    answers = await eraser.erase(asked, within=rules.jq_timeout)
    rest = {expressions: iter(manifests) for expressions, manifests in answers.items()}
    result: list[Manifest] = []
    for ask, side in zip(asks, whole, strict=True):
        answer = rest[rules.of(ask.key).expressions]
        desired_left, live_left = next(answer), next(answer)
        schema = await discovery.schema(gvk_of(ask.desired))
        root = OPAQUE if schema is None else schema.root
        result.append(respect(side.desired, side.live, desired_left, live_left, root))
    return result


def _whole(ask: Ask, rules: CompareRules) -> Sides:
    """What managers own is as it is live; a Secret's texts are ignored by where they end up."""
    fields = owned_by(ask.live, rules.of(ask.key).managers)
    desired = fold_string_data(ask.desired)
    return Sides(copied(desired, ask.live, fields) if fields else desired, ask.live)
